/**
 * Containers of a pod with hostUsers: false: their ids are others on the host.
 *
 * The program of a container does its work with the privileges of the host, but makes files as the container's root
 * (its id on the host): so /dev, mount points and message queues belong to the container. Last it joins the pod's
 * user namespace and takes a copy of its mounts that this namespace owns; the kernel locks what was copied, so the
 * container's root, may it have CAP_SYS_ADMIN, uncovers nothing that is masked.
 * Source: user_namespaces(7), mount_namespaces(7) "Restrictions on mount namespaces", mount_setattr(2) "ID-mapped
 * mounts", capabilities(7) SECBIT_NO_SETUID_FIXUP; security: B8.
 */
import { K } from "../sys/abi.ts";
import type { Program, Register } from "../sys/program.ts";
import { attachAt, cloneTree, setAttributes } from "./mount-calls.ts";
import { keptFd } from "./terminal.ts";

export interface PodUsers {
  /** Absolute; a file in the shim's mount namespace that stands for the user namespace. */
  readonly namespace: string;
  /** Id on the host that is 0 in the containers; 65536 ids follow. */
  readonly base: number;
}

/** Ids of every pod. */
export const idsPerPod = 65_536;

/** Number of the descriptor until the program's end, the first one that is free after takeStreams(). */
export const usersFd: number = keptFd + 1;

/** Opens the namespace while paths are still the shim's; nothing that was opened may be open but streams and 3. */
export function openUsers(program: Program, { namespace }: PodUsers): void {
  program.from("spec.hostUsers");
  program.call("openat", [K.AT_FDCWD, namespace, K.O_RDONLY | K.O_CLOEXEC]);
}

/** SECBIT_NO_SETUID_FIXUP of linux/securebits.h: a change of ids leaves the capabilities alone. */
const keepsCapabilities = 1 << 2;
const unchanged = -1;

/** What is made from now on belongs to this id; the privileges stay. */
export function makeFilesAs(program: Program, id: number): void {
  program.call("prctl", [K.PR_SET_SECUREBITS, keepsCapabilities, 0, 0, 0]);
  program.call("setresgid", [unchanged, id, unchanged]);
  program.call("setresuid", [unchanged, id, unchanged]);
}

/** Back to root in full. */
export function makeFilesAsRoot(program: Program): void {
  program.call("setresuid", [unchanged, 0, unchanged]);
  program.call("setresgid", [unchanged, 0, unchanged]);
  program.call("prctl", [K.PR_SET_SECUREBITS, 0, 0, 0, 0]);
}

/**
 * Covers the folders that hold the layers with views in which the ids on disk are those of the container.
 * They lie in folders that no image can name.
 */
export function mapLayers(program: Program, layers: readonly string[]): void {
  program.from("layers of the image");
  coverParents(program, layers, usersFd);
}

/**
 * The same in the program of a sandbox, while `mountThem` adds its operations: an overlay keeps the views of its layers,
 * and containers take views of their own later.
 */
export function withMappedLayers(
  program: Program,
  { namespace }: PodUsers,
  layers: readonly string[],
  mountThem: () => void,
): void {
  const users = program.open("openat", [K.AT_FDCWD, namespace, K.O_RDONLY | K.O_CLOEXEC]);
  const parents = coverParents(program, layers, users);
  program.close(users);
  mountThem();
  for (const parent of parents) program.call("umount2", [parent, K.MNT_DETACH]);
}

function coverParents(
  program: Program,
  layers: readonly string[],
  idmap: number | Register,
): ReadonlySet<string> {
  const parents = new Set(layers.map((layer) => layer.slice(0, layer.lastIndexOf("/"))));
  for (const parent of parents) {
    const view = cloneTree(program, { path: parent });
    setAttributes(program, view, { idmap });
    attachAt(program, view, K.AT_FDCWD, parent);
    program.close(view);
  }
  return parents;
}

/** Moves the namespace's descriptor to where the end of the program finds it, when everything else is closed. */
export function keepUsers(program: Program): void {
  program.from("spec.hostUsers").call("dup3", [usersFd, keptFd, K.O_CLOEXEC]);
}

/** Joins the namespace: from here on ids and capabilities are those of the container. */
export function enterUsers(program: Program, { ownMounts }: { readonly ownMounts: boolean }): void {
  program.from("spec.hostUsers");
  program.call("setns", [keptFd, K.CLONE_NEWUSER]);
  if (ownMounts) program.call("unshare", [K.CLONE_NEWNS]);
}
