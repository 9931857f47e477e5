/**
 * Writes what `explain` says about kinds and fields, out of the declarations of the package kubernetes-models:
 *
 *   node src/spec/descriptions.generate.ts FILE
 *   { "PodSpec": { "": "what it is", "containers": "what they are" }, … }
 *
 * Part of the build: the words are those of the Kubernetes authors (Apache-2.0) and no part of these sources.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { definitions, kindDefinitions } from "./definitions.gen.ts";

const packages = join(import.meta.dirname, "../../node_modules");

/** Where a definition may stand, the likeliest place first. */
const folders: readonly string[] = [
  ...new Set(Object.values(kindDefinitions).map(({ apiVersion }) => apiVersion)),
]
  .sort((one, other) => one.length - other.length)
  .map((apiVersion) => join(packages, "kubernetes-models", apiVersion))
  .concat(join(packages, "@kubernetes-models/apimachinery/apis/meta/v1"));

const names = [...Object.keys(definitions), "ObjectMeta", "OwnerReference", "ListMeta"];

const described = [...new Set(names)].sort().flatMap((name) => {
  const file = folders
    .map((folder) => join(folder, `${name}.d.ts`))
    .find((path) => existsSync(path));
  return file === undefined ? [] : [[name, wordsOf(name, readFileSync(file, "utf8"))] as const];
});

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("Name the file to write");
writeFileSync(file, `${JSON.stringify(Object.fromEntries(described), undefined, 1)}\n`);

/** The comments before the interface and before its fields. */
function wordsOf(name: string, text: string): Readonly<Record<string, string>> {
  const found = text.matchAll(
    /\/\*\*\n((?: *\*(?: .*)?\n)+?) *\*\/\n *(?:"([^"]+)"\??:|export interface I(\w+) )/g,
  );
  const words: Record<string, string> = {};
  for (const [, comment = "", field, declared] of found) {
    if (field === undefined && declared !== name) continue;
    words[field ?? ""] = comment
      .split("\n")
      .map((line) => line.replace(/^ *\* ?/, ""))
      .join("\n")
      .trim();
  }
  return words;
}
