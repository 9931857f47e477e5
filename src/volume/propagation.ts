/**
 * mountPropagation: mounts that appear in a volume while the pod runs.
 *
 *   HostToContainer   the container sees what is mounted in the volume later
 *   Bidirectional     and the host and other containers see what the container mounts
 *
 * The shim's mount namespace only hears of the host. For Bidirectional on a hostPath it therefore keeps a clone of the
 * host's mount that was taken before it was cut off, at `<volumes>/<name>`. Any other volume is joined among the
 * containers of its pod alone: its folder is made a shared mount in the shim's namespace, and nothing of it is ever in
 * the host's mount table. Source: Kubernetes "Volumes", mount propagation; mount_namespaces(7).
 */
import { mkdirSync } from "node:fs";
import { PodError } from "../base/errors.ts";
import type { Pod, VolumeMount } from "../spec/pod.ts";
import { K } from "../sys/abi.ts";
import { mountOf, readMountinfo } from "../sys/mountinfo.ts";
import type { Program, Register } from "../sys/program.ts";

type Propagation = NonNullable<VolumeMount["mountPropagation"]>;

/** The most that a container of the pod asks for. */
export function propagationOf({ spec }: Pod, volume: string): Propagation {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const asked = new Set(
    containers
      .flatMap(({ volumeMounts }) => volumeMounts ?? [])
      .flatMap(({ name, mountPropagation }) => (name === volume ? [mountPropagation] : [])),
  );
  if (asked.has("Bidirectional")) return "Bidirectional";
  return asked.has("HostToContainer") ? "HostToContainer" : "None";
}

/**
 * Checks that the mount of the host at a path takes part in propagation.
 * @throws PodError FailedPrecondition in the words of containerd
 */
export function checkPropagation(path: string, propagation: Propagation): void {
  if (propagation === "None") return;
  const mount = mountOf(readMountinfo(), path);
  const fields = mount?.propagation ?? [];
  const isShared = fields.some((field) => field.startsWith("shared:"));
  const isSlave = fields.some((field) => field.startsWith("master:"));
  if (isShared || (isSlave && propagation === "HostToContainer")) return;
  const wanted = propagation === "Bidirectional" ? "a shared" : "a shared or slave";
  throw new PodError(
    "FailedPrecondition",
    `path "${path}" is mounted on "${mount?.mountPoint ?? "/"}" but it is not ${wanted} mount: mountPropagation ${propagation} needs one ("mount --make-rshared" makes it)`,
  );
}

/** Where the clone of the host's mount will stand. */
export function makeClonePlace(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/** Clones the mounts of the host at a path, still joined with them; for the beginning of the sandbox's program. */
export function cloneOfHost(program: Program, path: string): Register {
  const flags = K.OPEN_TREE_CLONE | K.OPEN_TREE_CLOEXEC | K.AT_RECURSIVE;
  return program.open("open_tree", [K.AT_FDCWD, path, flags >>> 0]);
}

export function placeClone(program: Program, clone: Register, folder: string): void {
  program.call("move_mount", [clone, "", K.AT_FDCWD, folder, K.MOVE_MOUNT_F_EMPTY_PATH]);
  program.close(clone);
}

/** Joins the containers of the pod among themselves. */
export function shareFolder(program: Program, folder: string): void {
  program.call("mount", [folder, folder, 0, K.MS_BIND | K.MS_REC, 0]);
  program.call("mount", ["none", folder, 0, K.MS_SHARED, 0]);
}
