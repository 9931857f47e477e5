/**
 * Binds volumes and files into a container.
 *
 * Source and target are opened first, each inside its own root, and then used by descriptor: whoever exchanges names
 * in a shared volume meanwhile changes nothing (security: ESC-11, VOL-01).
 */
import { K } from "../sys/abi.ts";
import type { Program, Register } from "../sys/program.ts";
import { makeDirectories, openInRoot, openTarget, type TargetKind } from "./in-root.ts";
import { attach, cloneTree, setAttributes } from "./mount-calls.ts";
import type { PlannedMount } from "./mount-plan.ts";
import { makeFilesAs } from "./user-namespace.ts";

/** Above every descriptor that the start of a container opens by number (root-filesystem.ts). */
const firstFreeDescriptor = 900;

/**
 * Adds the steps of one mount. `root` is the container's root.
 * @param early - of `cloneEarly()`, when the mount is one of its
 */
export function bindMount(
  program: Program,
  root: Register,
  mount: PlannedMount,
  early?: Register,
): void {
  program.from(mount.origin);
  if (mount.source === undefined) {
    bindOnItself(program, root, mount);
    return;
  }
  const tree = early ?? cloneSource(program, mount, mount.source);
  program.from(mount.origin);
  if (mount.kind === "source") {
    // Holds a failure when the leaf is a file, which decides what kind of target is made.
    const flags = K.O_PATH | K.O_DIRECTORY | K.O_CLOEXEC;
    const directory = program.open("openat", [tree, ".", flags], { tolerate: ["ENOTDIR"] });
    place(program, root, mount, tree, { directory });
    program.close(directory);
  } else {
    place(program, root, mount, tree, mount.kind);
  }
  program.close(tree);
}

/**
 * Clones the sources of mounts that stay joined with mounts elsewhere: it must happen before the mount namespace is cut
 * off, which would part them. The descriptors are out of the way of those that are opened by number.
 */
export function cloneEarly(
  program: Program,
  mounts: readonly PlannedMount[],
): ReadonlyMap<PlannedMount, Register> {
  const early = new Map<PlannedMount, Register>();
  for (const mount of mounts) {
    if (mount.propagation === "private" || mount.source === undefined) continue;
    program.from(`${mount.origin}.mountPropagation`);
    const tree = cloneSource(program, mount, mount.source);
    early.set(mount, program.open("fcntl", [tree, K.F_DUPFD_CLOEXEC, firstFreeDescriptor]));
    program.close(tree);
  }
  return early;
}

function bindOnItself(program: Program, root: Register, mount: PlannedMount): void {
  const directory = makeDirectories(program, root, mount.target, 0o755);
  const tree = cloneTree(program, { directory, path: "" });
  program.close(directory);
  place(program, root, mount, tree, "directory");
  program.close(tree);
}

function cloneSource(program: Program, mount: PlannedMount, source: string): Register {
  const { recursive } = mount;
  if (mount.subPath === "") return cloneTree(program, { path: source }, { recursive });
  program.from(`${mount.origin}.subPath`);
  const flags = K.O_PATH | K.O_DIRECTORY | K.O_CLOEXEC;
  const volume = program.open("openat", [K.AT_FDCWD, source, flags]);
  makeSubPath(program, volume, mount);
  const leaf = openInRoot(program, volume, `/${mount.subPath}`);
  program.close(volume);
  const tree = cloneTree(program, { directory: leaf, path: "" }, { recursive });
  program.close(leaf);
  return tree;
}

/** Makes missing directories of a subPath; its last component may also be a file that exists. */
function makeSubPath(program: Program, volume: Register, mount: PlannedMount): void {
  const names = mount.subPath.split("/");
  const last = names.pop() ?? "";
  // On disk the ids of the container stand as they are.
  if (mount.idmap) makeFilesAs(program, 0);
  const parent = makeDirectories(program, volume, names.join("/"), mount.subPathMode);
  program.call("mkdirat", [parent, last, mount.subPathMode], {
    tolerate: ["EEXIST", "EROFS", "EACCES"],
  });
  program.close(parent);
  if (mount.idmap) makeFilesAs(program, mount.idmap.base);
}

function place(
  program: Program,
  root: Register,
  mount: PlannedMount,
  tree: Register,
  kind: TargetKind,
): void {
  const readOnly = mount.readOnly ? K.MOUNT_ATTR_RDONLY : 0;
  // What is mounted below the source stays writable, as in Kubernetes, unless it was asked for.
  const isWhole = mount.recursiveReadOnly || !mount.recursive;
  const set =
    (isWhole ? readOnly : 0) |
    (mount.nosuidNodev ? K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NODEV : 0) |
    (mount.noexec ? K.MOUNT_ATTR_NOEXEC : 0);
  const { propagation, idmap } = mount;
  setAttributes(program, tree, { set, idmap: idmap?.fd, propagation, recursive: true });
  if (!isWhole && readOnly !== 0) setAttributes(program, tree, { set: readOnly });
  const target = openTarget(program, root, mount.target, kind);
  attach(program, tree, target);
  program.close(target);
}
