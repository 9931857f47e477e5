/**
 * Reads small files of an image without trusting it.
 *
 * A child in a mount namespace of its own stacks the layers read-only and without devices, opens each file inside
 * that root without blocking, and reads it into the program's buffer. Only regular files of at most 10 MiB count
 * (security: ESC-18, CVE-2026-47262). Links inside the image work as in a container.
 */
import { PodError } from "../base/errors.ts";
import { K } from "../sys/abi.ts";
import { spawn } from "../sys/ffi.ts";
import { type PoolPointer, Program, type Register } from "../sys/program.ts";
import { openInRoot } from "./in-root.ts";
import { cloneTree, setAttributes } from "./mount-calls.ts";
import { openInOrder } from "./root-filesystem.ts";

const maxFileBytes = 10 * 1024 * 1024;
const firstTry = 64 * 1024;
/** struct statx: u16 stx_mode at 28, u64 stx_size at 40. */
const statxSize = 256;

/**
 * The contents of files, "" for those that do not exist.
 * @param layers - absolute folders, lowest first
 * @throws PodError FailedPrecondition for what is no regular file, ResourceExhausted for one that is too large
 */
export function readImageFiles(layers: readonly string[], paths: readonly string[]): string[] {
  const small = readFiles(layers, paths, firstTry);
  return small.map(({ text, size }, index) => {
    if (size <= firstTry) return text;
    const [large] = readFiles(layers, paths.slice(index, index + 1), size);
    return large?.text ?? "";
  });
}

interface FileContent {
  readonly text: string;
  readonly size: number;
}

function readFiles(
  layers: readonly string[],
  paths: readonly string[],
  size: number,
): FileContent[] {
  const program = new Program("files of an image");
  const root = mountLayers(program, layers);
  const reads = paths.map((path) => {
    program.from(path);
    const flags = K.O_RDONLY | K.O_NONBLOCK | K.O_NOCTTY;
    const file = openInRoot(program, root, path, { flags, tolerate: ["ENOENT", "ENOTDIR"] });
    const facts = program.buffer(statxSize);
    program.call("statx", [file, "", K.AT_EMPTY_PATH, K.STATX_BASIC_STATS, facts]);
    const content = program.buffer(size);
    return { path, facts, content, length: readOnce(program, file, content, size) };
  });
  const action = `Cannot read ${paths.map((path) => `"${path}"`).join(" and ")} of the image`;
  const done = spawn(action, program, { cloneFlags: K.CLONE_NEWNS });
  return reads.map(({ path, facts, content, length }) => {
    const fileSize = regularFileSize(path, program.bytesOf(done.encoded, facts));
    const bytes = Math.max(0, Number(done.registers[length.number] ?? 0n));
    // Names are bytes; a byte that is no UTF-8 must not become equal to another one.
    const text = program.bytesOf(done.encoded, content).toString("latin1", 0, bytes);
    return { text: fileSize === 0 ? "" : text, size: fileSize };
  });
}

/** Checks what statx said; 0 for a file that does not exist. */
function regularFileSize(path: string, facts: Buffer): number {
  const mode = facts.readUInt16LE(28);
  const size = Number(facts.readBigUInt64LE(40));
  if (mode === 0) return 0;
  if ((mode & K.S_IFMT) !== K.S_IFREG) {
    throw new PodError("FailedPrecondition", `"${path}" of the image is no regular file`, { data });
  }
  if (size > maxFileBytes) {
    throw new PodError(
      "ResourceExhausted",
      `"${path}" of the image has ${size} bytes: at most ${maxFileBytes} are read`,
      { data },
    );
  }
  return size;
}

const data = { reason: "CreateContainerError" };

/** EISDIR, EAGAIN and EINVAL: no regular file, which is said by its mode. */
function readOnce(program: Program, file: Register, content: PoolPointer, size: number): Register {
  return program.open("read", [file, content, size], {
    tolerate: ["EISDIR", "EAGAIN", "EINVAL"],
  });
}

/** The merged, read-only view of the layers, attached nowhere or in the child's namespace only. */
function mountLayers(program: Program, layers: readonly string[]): Register {
  const attributes =
    K.MOUNT_ATTR_RDONLY | K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NODEV | K.MOUNT_ATTR_NOEXEC;
  const [only = ""] = layers;
  program.from("layers of the image");
  program.call("mount", ["none", "/", 0, K.MS_REC | K.MS_PRIVATE, 0]);
  if (layers.length === 1) {
    // overlayfs wants two folders.
    const layer = cloneTree(program, { path: only });
    setAttributes(program, layer, { set: attributes });
    return layer;
  }
  const firstFd = 3;
  program.call("close_range", [firstFd, 0xffff_ffff, 0]);
  openInOrder(program, layers.toReversed());
  program.call("chdir", ["/proc/self/fd"]);
  const lowers = layers.map((_, index) => firstFd + index).join(":");
  const flags = K.MS_RDONLY | K.MS_NOSUID | K.MS_NODEV | K.MS_NOEXEC;
  const options = `lowerdir=${lowers},metacopy=off,redirect_dir=nofollow`;
  // On top of a layer, because some folder is needed: only this child sees it.
  program.call("mount", ["overlay", only, "overlay", flags, options]);
  return program.open("openat", [K.AT_FDCWD, only, K.O_PATH | K.O_DIRECTORY | K.O_CLOEXEC]);
}
