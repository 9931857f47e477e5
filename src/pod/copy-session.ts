/**
 * Copies files out of and into a container that runs: a program of our own does it inside, in the container's
 * sandbox and as its user, so that nothing of the image is needed and no path of the container is resolved by the
 * daemon. The other end of the stream is native/copy.h.
 */
import { copyBinaryPath } from "../shim/binary.ts";
import type { Session } from "../shim/session.ts";
import type { Pod } from "../spec/pod.ts";
import type { PodEngine } from "./engine.ts";
import { execInPod } from "./pod-streams.ts";

/** What is copied; paths are the container's, relative ones begin at its working directory. */
export type CopyWork =
  | { readonly direction: "from"; readonly path: string }
  | {
      readonly direction: "to";
      readonly path: string;
      /** What the content is called when `path` is a folder; "": the entries themselves go into `path`. */
      readonly name: string;
      /** Owners and modes are those of the archive, where the container's user may set them. */
      readonly owners: boolean;
    };

/**
 * The tar stream is stdout, or is taken from stdin. On stderr is a record for each thing that went wrong:
 * errno, operation and path with spaces between them, and a NUL.
 * @throws PodError FailedPrecondition when the container does not run.
 */
export async function copyInPod(
  engine: PodEngine,
  pod: Pod,
  container: string,
  work: CopyWork,
): Promise<Session> {
  return await execInPod(engine, pod, {
    container,
    command: copyArguments(work),
    binary: copyBinaryPath(),
    tty: false,
    stdin: work.direction === "to",
  });
}

export function copyArguments(work: CopyWork): readonly string[] {
  return work.direction === "from"
    ? ["nspod-copy", "send", work.path]
    : ["nspod-copy", "receive", work.path, work.name, work.owners ? "1" : "0"];
}
