/** Reads the manifests that `run`, `apply` and `delete -f` name: files, folders, "-" for stdin. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { hasCode, PodError } from "../base/errors.ts";
import { randomSuffix } from "../base/ids.ts";
import { checkNamespace, loadManifests, loadPods, type ManifestOptions } from "../spec/manifest.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";

/** What kubectl reads in a folder. */
const manifestNames = /\.(ya?ml|json)$/;

/**
 * Objects of every kind as they are written: checked, without defaults.
 * @param givenNamespace - `-n`: objects that state no namespace go there.
 * @throws PodError InvalidArgument with one line per complaint; NotFound for a missing file.
 */
export function readObjects(
  sources: readonly string[],
  givenNamespace: string | undefined,
): readonly KubernetesObject[] {
  return readAll(sources, givenNamespace, loadManifests);
}

/** Pods only, with every default. @throws PodError as `readObjects`, also for other kinds. */
export function readPods(
  sources: readonly string[],
  givenNamespace: string | undefined,
): readonly Pod[] {
  return readAll(sources, givenNamespace, loadPods);
}

function readAll<T extends KubernetesObject>(
  sources: readonly string[],
  givenNamespace: string | undefined,
  load: (text: string, source: string, options: ManifestOptions) => readonly T[],
): readonly T[] {
  const namespace = givenNamespace ?? "default";
  const objects = sources.flatMap(expandSource).flatMap((file) => {
    const name = file === "-" ? "<stdin>" : file;
    return load(readText(file), name, { randomSuffix, namespace });
  });
  if (givenNamespace !== undefined) {
    for (const object of objects) checkNamespace(object, givenNamespace);
  }
  return objects;
}

function expandSource(source: string): readonly string[] {
  if (source === "-") return [source];
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) return [source];
  const names = readdirSync(source).filter((name) => manifestNames.test(name));
  if (names.length === 0) {
    throw new PodError("NotFound", `Folder "${source}" holds no .yaml, .yml or .json file`);
  }
  return names.sort().map((name) => join(source, name));
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
