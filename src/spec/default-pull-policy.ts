import type { ImagePullPolicy } from "./pod.ts";

/** Always for `:latest` (said or implied), else IfNotPresent. */
export function defaultPullPolicy(image: string): ImagePullPolicy {
  const [name = "", digest] = image.split("@", 2);
  const tag = /:([^:/]*)$/.exec(name)?.[1];
  const isLatest = tag === undefined ? digest === undefined : tag === "latest";
  return isLatest ? "Always" : "IfNotPresent";
}
