/**
 * The last words of a container: what it wrote into its termination message file, else, with
 * terminationMessagePolicy FallbackToLogsOnError, the end of its log.
 *
 * Limits: Kubernetes keeps 4096 bytes of the file, 2048 bytes or 80 lines of the log.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { hasCode, isPodError } from "../base/errors.ts";
import { readLogs } from "../shim/logs.ts";
import type { Pod } from "../spec/pod.ts";
import { allRefs } from "./container-refs.ts";
import type { EngineContext } from "./context.ts";
import { attemptFolder, logPath, type PodFolders, podFolders } from "./folders.ts";

const fileBytes = 4096;
const logBytes = 2048;
const logLines = 80;

export async function terminationMessage(
  context: EngineContext,
  pod: Pod,
  name: string,
  attempt: { readonly number: number; readonly hasFailed: boolean },
): Promise<string> {
  const folders = podFolders(context.instance, pod.metadata.uid);
  const fromFile = readMessageFile(folders, name, attempt.number);
  const all = allRefs(pod);
  const policy = all.find(({ container }) => container.name === name)?.container
    .terminationMessagePolicy;
  if (fromFile !== "" || !attempt.hasFailed || policy !== "FallbackToLogsOnError") return fromFile;
  return endOfLog(logPath(folders, name, attempt.number));
}

function readMessageFile(folders: PodFolders, name: string, number: number): string {
  // The container can write this file but not replace it: it only has a bind of it.
  const path = join(attemptFolder(folders, name, number), "termination-log");
  try {
    const fd = openSync(path, "r");
    try {
      const buffer = Buffer.alloc(fileBytes);
      return buffer.subarray(0, readSync(fd, buffer)).toString("utf8");
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}

async function endOfLog(path: string): Promise<string> {
  const pieces: Buffer[] = [];
  try {
    for await (const { content, partial } of readLogs(path, { tailLines: logLines })) {
      pieces.push(content, Buffer.from(partial ? "" : "\n"));
    }
  } catch (error) {
    // Something that is no log stands in its place: the pod goes on without last words.
    if (!isPodError(error)) throw error;
  }
  return Buffer.concat(pieces).subarray(-logBytes).toString("utf8");
}
