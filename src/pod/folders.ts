/**
 * Where the files of one pod are. Every part of these paths is a uid or a DNS-1123 label.
 *
 *   <root>/pods/<uid>/                 0700
 *     volumes/<volume>/                  emptyDir
 *     containers/<name>/<attempt>/       upper and work of the overlay; termination-log
 *     logs/<name>/<attempt>.log          CRI format, written by the shim
 *   <run>/pods/<uid>/                  0700   shim.sock, shim.log, exits/, shm/
 *     etc/{hosts,hostname,resolv.conf}   bound into every container
 *   <run>/root/                        where every container mounts its root, in its own mount namespace
 */
import { join } from "node:path";
import type { Instance } from "../base/instance.ts";

export interface PodFolders {
  readonly state: string;
  readonly runtime: string;
  readonly etc: string;
  readonly volumes: string;
  /** Mount point of the pod's /dev/shm; the tmpfs lives in the shim's mount namespace. */
  readonly shm: string;
}

export function podFolders(instance: Instance, uid: string): PodFolders {
  const state = join(instance.root, "pods", uid);
  const runtime = join(instance.run, "pods", uid);
  return {
    state,
    runtime,
    etc: join(runtime, "etc"),
    volumes: join(state, "volumes"),
    shm: join(runtime, "shm"),
  };
}

/** What the root file systems of containers are mounted on. */
export function rootMountPoint({ run }: Pick<Instance, "run">): string {
  return join(run, "root");
}

/** Folder of one attempt to run a container. */
export function attemptFolder(folders: PodFolders, container: string, attempt: number): string {
  return join(folders.state, "containers", container, String(attempt));
}

export function logFolder(folders: PodFolders, container: string): string {
  return join(folders.state, "logs", container);
}

/** Log file of one attempt; rotated ones have ".1", ".2" … behind it. */
export function logPath(folders: PodFolders, container: string, attempt: number): string {
  return join(logFolder(folders, container), `${attempt}.log`);
}
