/**
 * Opens and makes paths inside a directory that content controls.
 *
 * Invariant: nothing here leaves the directory, whatever symbolic links stand in it. Every path is resolved by
 * openat2 with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS and then used by descriptor (security: R1, ESC-15).
 * Source: openat2(2).
 */
import { K } from "../sys/abi.ts";
import type { OperationOptions, PoolPointer, Program, Register } from "../sys/program.ts";

const openHowSize = 24;

/** A `struct open_how` in the program's pool. */
function openHow(
  program: Program,
  flags: number,
  mode: number,
  resolve: number,
  text: string,
): PoolPointer {
  const bytes = Buffer.alloc(openHowSize);
  bytes.writeBigUInt64LE(BigInt(flags >>> 0), 0);
  bytes.writeBigUInt64LE(BigInt(mode), 8);
  bytes.writeBigUInt64LE(BigInt(resolve), 16);
  return program.bytes(bytes, text);
}

export interface OpenInRootOptions extends Omit<OperationOptions, "into"> {
  /** O_* flags; O_CLOEXEC is added. Default O_PATH. */
  readonly flags?: number;
}

/** Opens `path` as a process would whose root directory is `root`. */
export function openInRoot(
  program: Program,
  root: Register,
  path: string,
  options: OpenInRootOptions = {},
): Register {
  const { flags = K.O_PATH, ...rest } = options;
  const resolve = K.RESOLVE_IN_ROOT | K.RESOLVE_NO_MAGICLINKS;
  const how = openHow(program, flags | K.O_CLOEXEC, 0, resolve, "{resolve=IN_ROOT|NO_MAGICLINKS}");
  return program.open("openat2", [root, path, how, openHowSize], rest);
}

/** Opens a directory that must stand there itself, without a symbolic link on the way. */
export function openRealDirectory(program: Program, parent: Register, path: string): Register {
  const resolve = K.RESOLVE_NO_SYMLINKS | K.RESOLVE_NO_MAGICLINKS | K.RESOLVE_BENEATH;
  const flags = K.O_PATH | K.O_DIRECTORY | K.O_CLOEXEC;
  const how = openHow(program, flags, 0, resolve, "{O_DIRECTORY, resolve=BENEATH|NO_SYMLINKS}");
  return program.open("openat2", [parent, path, how, openHowSize]);
}

/** The components of a path, without empty ones and ".". */
export function components(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

/**
 * Makes the missing directories of `path` one by one and opens the last. A component that exists is followed like
 * the kernel does inside `root`; one that dangles is an error.
 * @param mode - of the directories that are made
 */
export function makeDirectories(
  program: Program,
  root: Register,
  path: string,
  mode: number,
): Register {
  const names = components(path);
  let parent = openInRoot(program, root, "/", { flags: K.O_PATH | K.O_DIRECTORY });
  names.forEach((name, index) => {
    program.call("mkdirat", [parent, name, mode], { tolerate: ["EEXIST", "EROFS", "EACCES"] });
    program.close(parent);
    const prefix = `/${names.slice(0, index + 1).join("/")}`;
    parent = openInRoot(program, root, prefix, { flags: K.O_PATH | K.O_DIRECTORY });
  });
  return parent;
}

/** What will be bound onto a target: known when the plan is made, or only when `directory` was opened. */
export type TargetKind = "directory" | "file" | { readonly directory: Register };

/** Opens a mount target and makes it first when it is missing. */
export function openTarget(
  program: Program,
  root: Register,
  path: string,
  kind: TargetKind,
): Register {
  const names = components(path);
  const last = names.pop() ?? ".";
  const parent = makeDirectories(program, root, names.join("/"), 0o755);
  const tolerate = ["EEXIST", "EROFS", "EACCES"] as const;
  if (kind !== "file") {
    // The fourth operand is no argument of mkdirat: it skips the call when the register holds a failure.
    const condition = kind === "directory" ? [] : [kind.directory];
    program.call("mkdirat", [parent, last, 0o755, ...condition], { tolerate });
  }
  if (kind !== "directory") {
    // After mkdirat: where that made a directory, or something exists, this is EEXIST.
    program.call("mknodat", [parent, last, K.S_IFREG | 0o644, 0], { tolerate });
  }
  program.close(parent);
  return openInRoot(program, root, `/${[...names, last].join("/")}`);
}
