/**
 * Files and folders of this machine whose names somebody else may exchange meanwhile: a container that shares the
 * folder by a volume. Each is held by a descriptor before it is looked at, names are looked up in held folders only, and
 * what is opened is what was held. So a link, a pipe or a device in the place of a file leads nowhere and has no effect.
 * Source: open(2), O_PATH; proc_pid_fd(5): a path through /proc/self/fd begins at the open file itself.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { K } from "../sys/abi.ts";

/** @param path - absolute, or of `entryPath()`. @param follows - whether its last part may be a link. */
export async function holdEntry(path: Buffer, follows: boolean): Promise<FileHandle> {
  return await open(path, K.O_PATH | (follows ? 0 : constants.O_NOFOLLOW));
}

/** The path of what is held, or of a name in a folder that is held. */
export function entryPath(held: FileHandle, name?: Buffer): Buffer {
  const path = Buffer.from(`/proc/self/fd/${held.fd}`);
  return name === undefined ? path : Buffer.concat([path, Buffer.from("/"), name]);
}

/** The error of a step on something that is held, with the path that its user knows. */
export function errorAt(path: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const message = error.message.replace(/'\/proc\/self\/fd\/.*'$/s, `'${path}'`);
  return message === error.message ? error : new Error(message, { cause: error });
}
