/** ConfigMaps and Secrets that kustomize makes of literals, files and env files. */
import { basename } from "node:path";
import { PodError } from "../../base/errors.ts";
import type { Generator, GeneratorOptions } from "./kustomization.ts";
import type { Item } from "./names.ts";

/** Reads a file of the folder that the kustomization stands in. */
export type ReadFile = (path: string) => Buffer;

/** @throws PodError InvalidArgument for a literal or a line without "=". */
export function generate(
  kind: "ConfigMap" | "Secret",
  generator: Generator,
  common: GeneratorOptions,
  readFile: ReadFile,
): Item {
  const values = contents(generator, readFile);
  const { labels, annotations, immutable = common.immutable } = generator.options ?? {};
  const allLabels = { ...common.labels, ...labels };
  const allAnnotations = { ...common.annotations, ...annotations };
  return {
    apiVersion: "v1",
    kind,
    metadata: {
      name: generator.name,
      ...(generator.namespace !== undefined && { namespace: generator.namespace }),
      ...(Object.keys(allLabels).length > 0 && { labels: allLabels }),
      ...(Object.keys(allAnnotations).length > 0 && { annotations: allAnnotations }),
    },
    ...(kind === "Secret" ? secretData(generator, values) : configData(values)),
    ...(immutable === true && { immutable }),
  };
}

function contents(generator: Generator, readFile: ReadFile): ReadonlyMap<string, Buffer> {
  const { literals = [], files = [], envs = [], env } = generator;
  const values = new Map<string, Buffer>();
  const add = (key: string, value: Buffer): void => {
    if (values.has(key)) {
      throw new PodError("InvalidArgument", `Key "${key}" of "${generator.name}" is given twice`);
    }
    values.set(key, value);
  };
  for (const path of [...envs, ...(env === undefined ? [] : [env])]) {
    for (const [key, value] of envLines(readFile(path).toString("utf8"))) add(key, value);
  }
  for (const file of files) {
    const [key, path] = file.includes("=") ? split(file) : [basename(file), file];
    add(key, readFile(path));
  }
  for (const literal of literals) {
    const [key, value] = split(literal);
    // Quotes that a shell would have taken away.
    add(key, Buffer.from(value.replace(/^(["'])(.*)\1$/s, "$2")));
  }
  return values;
}

function split(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new PodError("InvalidArgument", `"${text}" must be written as KEY=VALUE`);
}

/** `KEY=VALUE` lines; a key alone takes its value from the environment, as kubectl does. */
function envLines(text: string): readonly (readonly [string, Buffer])[] {
  const lines = text.split(/\r?\n/).map((line) => line.trimStart());
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      if (!line.includes("=")) return [line, Buffer.from(process.env[line] ?? "")] as const;
      const [key, value] = split(line);
      return [key, Buffer.from(value)] as const;
    });
}

function configData(values: ReadonlyMap<string, Buffer>): object {
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const [key, value] of values) {
    const text = value.toString("utf8");
    if (Buffer.from(text).equals(value)) data[key] = text;
    else binaryData[key] = value.toString("base64");
  }
  return {
    ...(Object.keys(data).length > 0 && { data }),
    ...(Object.keys(binaryData).length > 0 && { binaryData }),
  };
}

function secretData({ type = "Opaque" }: Generator, values: ReadonlyMap<string, Buffer>): object {
  const data = [...values].map(([key, value]) => [key, value.toString("base64")] as const);
  return { data: Object.fromEntries(data), type };
}
