/** One file of a volume whose content the node writes: configMap, secret, downwardAPI, projected. */
import { PodError } from "../base/errors.ts";
import type { KeyToPath } from "../spec/kubernetes.gen.ts";

export interface VolumeFile {
  /** Relative, without "." and ".."; directories on the way are made. */
  readonly path: string;
  readonly content: Buffer;
  /** Permission bits before fsGroup. */
  readonly mode: number;
  /** Its owner, where that is not root. */
  readonly uid?: number;
}

export interface Selection {
  readonly items: readonly KeyToPath[] | undefined;
  readonly defaultMode: number;
  readonly optional: boolean | undefined;
}

/**
 * The files of an object's data: all keys, or those that `items` names, at their paths.
 * @param missingKey - the kubelet's text for a key that is not there, without the key
 * @throws PodError NotFound when an item that is not optional is missing
 */
export function selectFiles(
  data: ReadonlyMap<string, Buffer>,
  { items = [], defaultMode, optional }: Selection,
  missingKey: string,
): VolumeFile[] {
  if (items.length === 0) {
    return [...data].map(([key, content]) => ({
      path: checkedPath(key),
      content,
      mode: defaultMode,
    }));
  }
  return items.flatMap(({ key, path, mode = defaultMode }) => {
    const content = data.get(key);
    if (content !== undefined) return [{ path: checkedPath(path), content, mode }];
    if (optional) return [];
    throw new PodError("NotFound", `${missingKey}: ${key}`);
  });
}

/**
 * The path as it was given. The door refuses keys and paths that could lead out of the volume or into its own
 * bookkeeping; here it would be our file that they led to (security: VOL-06).
 */
export function checkedPath(path: string): string {
  const parts = path.split("/");
  const isFine =
    parts.every((part) => part !== "" && part !== "." && part !== "..") &&
    !path.startsWith("..") &&
    !path.includes("\0");
  if (isFine) return path;
  throw new PodError(
    "InvalidArgument",
    `path ${JSON.stringify(path)} must be relative, without "..", and its first part must not begin with ".."`,
  );
}
