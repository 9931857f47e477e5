/**
 * The two ends of `cp`, as kubectl writes them: `POD:PATH`, `NAMESPACE/POD:PATH` or a path of this machine; "-" is a
 * tar stream on standard input or output. What has a "/" before its first ":" but no NAMESPACE/POD there, such as
 * "./a:b", is a path.
 */
import { PodError } from "../base/errors.ts";

export type CopyPlace =
  | { readonly kind: "stream" }
  | { readonly kind: "local"; readonly path: string }
  | {
      readonly kind: "pod";
      readonly namespace: string | undefined;
      readonly pod: string;
      readonly path: string;
    };

const podPlace =
  /^(?:(?<namespace>[a-z0-9][a-z0-9-]*)\/)?(?<pod>[a-z0-9][a-z0-9.-]*):(?<path>.*)$/s;

/** @throws PodError InvalidArgument for an empty path. */
export function parseCopyPlace(text: string): CopyPlace {
  if (text === "-") return { kind: "stream" };
  const { namespace, pod, path } = podPlace.exec(text)?.groups ?? {};
  if (pod === undefined || path === undefined) {
    if (text === "") throw new PodError("InvalidArgument", "filepath can not be empty");
    return { kind: "local", path: text };
  }
  if (path === "") throw new PodError("InvalidArgument", `"${text}": filepath can not be empty`);
  return { kind: "pod", namespace, pod, path };
}
