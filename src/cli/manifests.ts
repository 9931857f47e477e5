/**
 * Reads the manifests that commands name: files, folders, "-" for standard input, and kustomizations.
 *
 * All of them are read before anything is done, and all mistakes of all of them are told at once.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { hasCode, isPodError, PodError } from "../base/errors.ts";
import { randomSuffix } from "../base/random-suffix.ts";
import { checkNamespace, loadManifests, loadPods, type ManifestOptions } from "../spec/manifest.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";

/** What kubectl reads in a folder. */
const manifestNames = /\.(ya?ml|json)$/;

/** What the options -f, -R and -k say. */
export interface ManifestSources {
  readonly filename?: readonly string[];
  /** Folders below folders, too. */
  readonly recursive?: boolean;
  /** The folder of a kustomization. */
  readonly kustomize?: string;
}

/**
 * Objects of every kind as they are written: checked, without defaults.
 * @param givenNamespace - `-n`: objects that state no namespace go there.
 * @throws PodError InvalidArgument with one line per complaint; NotFound for a missing file.
 */
export async function readObjects(
  sources: ManifestSources,
  givenNamespace: string | undefined,
): Promise<readonly KubernetesObject[]> {
  const { filename = [], kustomize } = sources;
  if (filename.length === 0 && kustomize === undefined) {
    throw new PodError("InvalidArgument", "Name the manifests with -f FILE or -k FOLDER");
  }
  if (filename.length > 0 && kustomize !== undefined) {
    throw new PodError("InvalidArgument", "-f and -k cannot be combined");
  }
  if (kustomize === undefined) return readAll(texts(sources), givenNamespace, loadManifests);
  const { buildKustomization } = await import("./kustomize/build.ts");
  const { yamlText } = await import("./yaml-text.ts");
  const built = buildKustomization(kustomize).map((item) => ({
    text: yamlText(item),
    source: `${kustomize} (${item.kind} "${item.metadata.name ?? ""}")`,
  }));
  return readAll(built, givenNamespace, loadManifests);
}

/** Pods only, with every default. @throws PodError as `readObjects`, also for other kinds. */
export function readPods(
  sources: readonly string[],
  givenNamespace: string | undefined,
): readonly Pod[] {
  return readAll(texts({ filename: sources }), givenNamespace, loadPods);
}

interface ManifestText {
  readonly text: string;
  /** How to call it in complaints. */
  readonly source: string;
}

function texts({ filename = [], recursive = false }: ManifestSources): readonly ManifestText[] {
  return filename
    .flatMap((source) => expandSource(source, recursive))
    .map((file) => ({ text: readText(file), source: file === "-" ? "<stdin>" : file }));
}

function readAll<T extends KubernetesObject>(
  manifests: readonly ManifestText[],
  givenNamespace: string | undefined,
  load: (text: string, source: string, options: ManifestOptions) => readonly T[],
): readonly T[] {
  const namespace = givenNamespace ?? "default";
  const complaints: PodError[] = [];
  const objects = manifests.flatMap(({ text, source }) => {
    try {
      return load(text, source, { randomSuffix, namespace });
    } catch (error) {
      if (!isPodError(error, "InvalidArgument")) throw error;
      complaints.push(error);
      return [];
    }
  });
  const [first] = complaints;
  if (complaints.length === 1 && first !== undefined) throw first;
  if (complaints.length > 1) {
    throw new PodError("InvalidArgument", complaints.map(({ message }) => message).join("\n"));
  }
  if (givenNamespace !== undefined) {
    for (const object of objects) checkNamespace(object, givenNamespace);
  }
  return objects;
}

function expandSource(source: string, isRecursive: boolean): readonly string[] {
  if (source === "-") return [source];
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) return [source];
  const files = filesBelow(source, isRecursive);
  if (files.length > 0) return files;
  const deeper = isRecursive ? "" : ": -R looks into the folders below it";
  throw new PodError("NotFound", `Folder "${source}" holds no .yaml, .yml or .json file${deeper}`);
}

/** The manifests of a folder in the order of their names. */
function filesBelow(folder: string, isRecursive: boolean): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      // A link to a file is a file, as ConfigMap volumes have them; links to folders are not followed.
      if (entry.isDirectory()) return isRecursive ? filesBelow(path, true) : [];
      return manifestNames.test(entry.name) && statSync(path).isFile() ? [path] : [];
    });
}

function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (cause) {
    if (hasCode(cause, "ENOENT"))
      throw new PodError("NotFound", `No such file: "${file}"`, { cause });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PodError("InvalidArgument", `Cannot read "${file}": ${why}`, { cause });
  }
}
