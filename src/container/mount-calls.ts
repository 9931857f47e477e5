/**
 * The mount system calls as steps of a program: new file systems, clones of trees, attributes, attaching.
 *
 * Everything goes by descriptor, so a mount lands where its target was opened, even when someone swaps names
 * meanwhile (security: R2). Source: fsopen(2), open_tree(2), move_mount(2), mount_setattr(2); Linux 5.12.
 */
import { type ErrnoName, K } from "../sys/abi.ts";
import type { Operand, Program, Register } from "../sys/program.ts";

const mountAttrSize = 32;

export interface FileSystem {
  readonly type: string;
  /** Parameters; `true` is a flag. */
  readonly parameters?: Readonly<Record<string, string | true>>;
  /** MOUNT_ATTR_* of the mount. */
  readonly attributes: number;
  /** Failures of fsopen that leave the file system out. */
  readonly tolerate?: readonly ErrnoName[];
}

/**
 * Makes a mount that is attached nowhere; the register is a descriptor of its root.
 * @param into - a register for it; default a free one
 */
export function newMount(
  program: Program,
  fileSystem: FileSystem,
  into: Register = program.allocate(),
): Register {
  const { type, parameters = {}, attributes, tolerate = [] } = fileSystem;
  const context = program.open("fsopen", [type, K.FSOPEN_CLOEXEC], { tolerate });
  for (const [key, value] of Object.entries(parameters)) {
    if (value === true) {
      program.call("fsconfig", [context, K.FSCONFIG_SET_FLAG, key, 0, 0]);
    } else {
      program.call("fsconfig", [context, K.FSCONFIG_SET_STRING, key, value, 0]);
    }
  }
  program.call("fsconfig", [context, K.FSCONFIG_CMD_CREATE, 0, 0, 0]);
  program.call("fsmount", [context, K.FSMOUNT_CLOEXEC, attributes], { into });
  program.close(context);
  return into;
}

/**
 * Clones the mount (or, recursively, the tree) at a place; attached nowhere.
 * @param from - `onlyIf`: a register without which, after a tolerated failure, nothing is cloned.
 */
export function cloneTree(
  program: Program,
  from: { readonly directory?: Operand; readonly path: string; readonly onlyIf?: Register },
  options: { readonly recursive?: boolean; readonly tolerate?: readonly ErrnoName[] } = {},
): Register {
  const flags =
    K.OPEN_TREE_CLONE |
    K.OPEN_TREE_CLOEXEC |
    (options.recursive ? K.AT_RECURSIVE : 0) |
    (from.path === "" ? K.AT_EMPTY_PATH : 0);
  const tolerate = options.tolerate ?? [];
  // The fourth operand is no argument: it skips the call.
  const condition = from.onlyIf === undefined ? [] : [from.onlyIf];
  const operands = [from.directory ?? K.AT_FDCWD, from.path, flags >>> 0, ...condition];
  return program.open("open_tree", operands, { tolerate });
}

export type Propagation = "private" | "slave" | "shared";

const propagationFlags: Readonly<Record<Propagation, number>> = {
  private: K.MS_PRIVATE,
  slave: K.MS_SLAVE,
  shared: 0,
};

export interface Attributes {
  /** MOUNT_ATTR_* to switch on. */
  readonly set?: number;
  /**
   * "private" cuts the tree off from mount events elsewhere, "slave" still gets them, "shared" leaves the tree as it
   * was cloned. Default: as it is.
   */
  readonly propagation?: Propagation;
  /** Descriptor of a user namespace: ids on disk become ids in it. */
  readonly idmap?: number | Register | undefined;
  readonly recursive?: boolean;
}

/** Changes the attributes of the mount that a descriptor leads to. */
export function setAttributes(program: Program, mount: Register, attributes: Attributes): void {
  const bytes = Buffer.alloc(mountAttrSize);
  const { set = 0, idmap } = attributes;
  bytes.writeBigUInt64LE(BigInt(set | (idmap === undefined ? 0 : K.MOUNT_ATTR_IDMAP)), 0);
  if (typeof idmap === "number") bytes.writeBigUInt64LE(BigInt(idmap), 24);
  bytes.writeBigUInt64LE(BigInt(propagationFlags[attributes.propagation ?? "shared"]), 16);
  const flags = K.AT_EMPTY_PATH | (attributes.recursive ? K.AT_RECURSIVE : 0);
  const text = `{${describe(attributes)}}`;
  const place = program.bytes(bytes, text);
  if (typeof idmap === "object") program.store(place, 24, idmap);
  program.call("mount_setattr", [mount, "", flags, place, mountAttrSize]);
}

function describe({ set = 0, idmap, propagation = "shared" }: Attributes): string {
  const names = [
    [K.MOUNT_ATTR_RDONLY, "RDONLY"],
    [K.MOUNT_ATTR_NOSUID, "NOSUID"],
    [K.MOUNT_ATTR_NODEV, "NODEV"],
    [K.MOUNT_ATTR_NOEXEC, "NOEXEC"],
  ] as const;
  const on = names.flatMap(([bit, name]) => (set & bit ? [name] : []));
  return [
    ...(idmap === undefined ? [] : [`attr_set=IDMAP, userns_fd=${numberOf(idmap)}`]),
    ...(on.length > 0 ? [`attr_set=${on.join("|")}`] : []),
    ...(propagation === "shared" ? [] : [`propagation=MS_${propagation.toUpperCase()}`]),
  ].join(", ");
}

function numberOf(fd: number | Register): string {
  return typeof fd === "number" ? String(fd) : `r${fd.number}`;
}

/** Attaches a mount on what another descriptor stands for. */
export function attach(program: Program, mount: Register, target: Register): void {
  const flags = K.MOVE_MOUNT_F_EMPTY_PATH | K.MOVE_MOUNT_T_EMPTY_PATH;
  program.call("move_mount", [mount, "", target, "", flags]);
}

/** Attaches a mount at a name below a directory; the last component is not followed. */
export function attachAt(
  program: Program,
  mount: Register,
  directory: Operand,
  path: string,
  tolerate: readonly ErrnoName[] = [],
): void {
  program.call("move_mount", [mount, "", directory, path, K.MOVE_MOUNT_F_EMPTY_PATH], { tolerate });
}
