/** Reads the manifests that `run`, `apply` and `delete -f` name: files, folders, "-" for stdin. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { hasCode, PodError } from "../base/errors.ts";
import { randomSuffix } from "../base/ids.ts";
import type { Pod } from "../spec/pod.ts";
import { loadPods } from "../spec/pod-manifest.ts";

/** What kubectl reads in a folder. */
const manifestNames = /\.(ya?ml|json)$/;

/**
 * @param givenNamespace - `-n`: pods that state no namespace go there.
 * @throws PodError InvalidArgument with one line per complaint; NotFound for a missing file.
 */
export function readPods(
  sources: readonly string[],
  givenNamespace: string | undefined,
): readonly Pod[] {
  const files = sources.flatMap(expandSource);
  const pods = files.flatMap((file) => {
    const name = file === "-" ? "<stdin>" : file;
    return loadPods(readText(file), name, { randomSuffix });
  });
  if (pods.length === 0) {
    throw new PodError("InvalidArgument", `No pod in ${sources.map(quote).join(", ")}`);
  }
  return pods.map((pod) => placePod(pod, givenNamespace));
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

/** Loading fills in "default", so a pod that states "default" cannot be told from one that does not. */
function placePod(pod: Pod, givenNamespace: string | undefined): Pod {
  const { namespace } = pod.metadata;
  if (givenNamespace === undefined || namespace === givenNamespace) return pod;
  if (namespace !== "default") {
    throw new PodError(
      "InvalidArgument",
      `The namespace from the provided object "${namespace}" does not match the namespace "${givenNamespace}": pass "--namespace=${namespace}" or leave it out of the manifest`,
    );
  }
  return { ...pod, metadata: { ...pod.metadata, namespace: givenNamespace } };
}

function quote(text: string): string {
  return `"${text}"`;
}
