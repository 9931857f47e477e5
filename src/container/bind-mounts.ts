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

/** Adds the steps of one mount. `root` is the container's root. */
export function bindMount(program: Program, root: Register, mount: PlannedMount): void {
  program.from(mount.origin);
  if (mount.source === undefined) {
    bindOnItself(program, root, mount);
  } else if (mount.subPath !== "") {
    bindSubPath(program, root, mount, mount.source);
  } else {
    const kind = mount.kind === "file" ? "file" : "directory";
    const tree = cloneTree(program, { path: mount.source }, { recursive: mount.recursive });
    place(program, root, mount, tree, kind);
    program.close(tree);
  }
}

function bindOnItself(program: Program, root: Register, mount: PlannedMount): void {
  const directory = makeDirectories(program, root, mount.target, 0o755);
  const tree = cloneTree(program, { directory, path: "" });
  program.close(directory);
  place(program, root, mount, tree, "directory");
  program.close(tree);
}

function bindSubPath(program: Program, root: Register, mount: PlannedMount, source: string): void {
  const flags = K.O_PATH | K.O_DIRECTORY | K.O_CLOEXEC;
  program.from(`${mount.origin}.subPath`);
  const volume = program.open("openat", [K.AT_FDCWD, source, flags]);
  makeSubPath(program, volume, mount);
  const leaf = openInRoot(program, volume, `/${mount.subPath}`);
  program.close(volume);
  const tree = cloneTree(program, { directory: leaf, path: "" }, { recursive: mount.recursive });
  // Holds a failure when the leaf is a file, which decides what kind of target is made.
  const directory = program.open("openat", [leaf, ".", flags], { tolerate: ["ENOTDIR"] });
  program.from(mount.origin);
  place(program, root, mount, tree, { directory });
  program.close(directory);
  program.close(leaf);
  program.close(tree);
}

/** Makes missing directories of a subPath; its last component may also be a file that exists. */
function makeSubPath(program: Program, volume: Register, mount: PlannedMount): void {
  const names = mount.subPath.split("/");
  const last = names.pop() ?? "";
  const parent = makeDirectories(program, volume, names.join("/"), mount.subPathMode);
  program.call("mkdirat", [parent, last, mount.subPathMode], {
    tolerate: ["EEXIST", "EROFS", "EACCES"],
  });
  program.close(parent);
}

function place(
  program: Program,
  root: Register,
  mount: PlannedMount,
  tree: Register,
  kind: TargetKind,
): void {
  const set =
    (mount.readOnly ? K.MOUNT_ATTR_RDONLY : 0) |
    (mount.nosuidNodev ? K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NODEV : 0) |
    (mount.noexec ? K.MOUNT_ATTR_NOEXEC : 0);
  setAttributes(program, tree, { set, private: true, recursive: true });
  const target = openTarget(program, root, mount.target, kind);
  attach(program, tree, target);
  program.close(target);
}
