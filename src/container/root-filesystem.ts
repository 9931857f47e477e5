/**
 * The root of a container: an overlay of the image's layers, mounted in the container's own mount namespace.
 *
 * mount(2) takes 4096 bytes of options, too few for the paths of 60 layers, and fsconfig(2) 256 bytes for one. So the
 * folders are opened first, where the numbers of the descriptors are known (takeStreams() closed all others), and
 * the options name them as "3", "4", … below /proc/self/fd. That also keeps paths of the host out of mountinfo.
 */
import { PodError } from "../base/errors.ts";
import { K } from "../sys/abi.ts";
import type { Program, Register } from "../sys/program.ts";
import { attachAt, newMount } from "./mount-calls.ts";
import { mapLayers } from "./user-namespace.ts";

export interface RootFilesystem {
  /** Absolute folders, lowest first. */
  readonly layers: readonly string[];
  /** From `skeletonFolder()`: lies on the layers. */
  readonly skeleton: string;
  /** Absolute, empty folders on one file system. Mode and owner of `upper` are those of "/" in the container. */
  readonly upper: string;
  readonly work: string;
  /** Absolute folder to mount on; the mount is seen in the container's mount namespace only, so all share it. */
  readonly mountPoint: string;
  readonly readOnly: boolean;
  /** Device nodes in layers and upper folder do not work. */
  readonly noDevices: boolean;
  /** Users of their own: ids in the layers are those of the container. */
  readonly mapsIds?: boolean;
}

/** overlayfs stacks at most 500 (OVL_MAX_STACK), the skeleton among them. */
const maxLayers = 499;

export interface MountedRoot {
  readonly root: Register;
  /** An empty, read-only tmpfs to clone for masked directories. */
  readonly empty: Register;
}

/**
 * Mounts the overlay.
 * @param firstFd - the number that the next opened descriptor gets
 */
export function mountRoot(
  program: Program,
  filesystem: RootFilesystem,
  firstFd: number,
): MountedRoot {
  const { layers, skeleton, mountPoint } = filesystem;
  if (layers.length === 0 || layers.length > maxLayers) {
    throw new PodError(
      "FailedPrecondition",
      `Cannot mount an image of ${layers.length} layers: overlayfs takes 1 to ${maxLayers}`,
    );
  }
  const folders = [filesystem.upper, filesystem.work, skeleton, ...layers.toReversed()];
  if (filesystem.mapsIds) mapLayers(program, [...layers, skeleton]);
  program.from("layers of the image");
  const opened = openInOrder(program, folders);
  const [upper, work, ...lowers] = folders.map((_, index) => firstFd + index);

  // Below the overlay, on the same folder: a clone needs a source that is attached in this namespace.
  program.from("masked directories");
  const attributes =
    K.MOUNT_ATTR_RDONLY | K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NODEV | K.MOUNT_ATTR_NOEXEC;
  const parameters = { size: "0", nr_inodes: "1", mode: "555" };
  const empty = newMount(program, { type: "tmpfs", parameters, attributes });
  attachAt(program, empty, K.AT_FDCWD, mountPoint);

  program.from("root file system");
  program.call("chdir", ["/proc/self/fd"]);
  // redirect_dir and metacopy would let attributes in a layer lead to other files of the lower folders.
  const options = `lowerdir=${lowers.join(":")},upperdir=${upper},workdir=${work},metacopy=off,redirect_dir=nofollow`;
  const flags = filesystem.noDevices ? K.MS_NODEV : 0;
  program.call("mount", ["overlay", mountPoint, "overlay", flags, options]);
  program.call("chdir", ["/"]);
  const root = program.open("openat", [
    K.AT_FDCWD,
    mountPoint,
    K.O_PATH | K.O_DIRECTORY | K.O_CLOEXEC,
  ]);
  // overlayfs holds the folders itself now.
  program.call("close_range", [firstFd, firstFd + opened - 1, 0]);
  return { root, empty };
}

/** Opens folders whose descriptors get consecutive numbers; returns how many. */
export function openInOrder(program: Program, folders: readonly string[]): number {
  const flags = K.O_PATH | K.O_DIRECTORY | K.O_CLOEXEC;
  for (const folder of folders) program.call("openat", [K.AT_FDCWD, folder, flags]);
  return folders.length;
}

/** Makes the overlay the root of the process and drops every mount of the host from its namespace. */
export function changeRoot(program: Program, root: Register): void {
  program.from("root file system");
  program.call("fchdir", [root]);
  // Both "." (pivot_root(2), NOTES): the old root lands on top of the new one and is detached there.
  program.call("pivot_root", [".", "."]);
  program.call("umount2", [".", K.MNT_DETACH]);
  program.call("chdir", ["/"]);
}
