/**
 * emptyDir: a folder that lives as long as the pod and survives its containers.
 *
 * On disk it is `<root>/pods/<uid>/volumes/<name>`; medium Memory puts a tmpfs there, mounted in
 * the shim's mount namespace only, so it goes when the shim ends. Mode 0777 and the group of
 * fsGroup with set-group-id are Kubernetes' (pkg/volume/emptydir, pkg/volume/volume_linux.go).
 */
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import type { EmptyDirVolumeSource } from "../spec/pod.ts";
import { byteCount } from "../spec/quantity.ts";
import { K } from "../sys/abi.ts";
import type { Program } from "../sys/program.ts";
import type { PreparedVolume } from "./prepared-volume.ts";

export interface EmptyDirRequest {
  readonly name: string;
  readonly source: EmptyDirVolumeSource;
  /** Folder of this volume; its parent exists and belongs to root alone. */
  readonly folder: string;
  readonly fsGroup?: number | undefined;
}

/** Makes the folder; repeating it changes nothing. */
export function prepareEmptyDir(request: EmptyDirRequest): PreparedVolume {
  const { folder, fsGroup, name } = request;
  mkdirSync(folder, { recursive: true });
  if (fsGroup !== undefined) chownSync(folder, 0, fsGroup);
  // mkdir's mode is cut by the umask, and chown drops set-group-id.
  chmodSync(folder, fsGroup === undefined ? 0o777 : 0o2777);
  return { name, kind: "emptyDir", source: folder, isFile: false, nosuidNodev: true };
}

/**
 * Adds the tmpfs of `medium: Memory` to the program that sets up the pod's sandbox; nothing for a
 * volume on disk.
 */
export function compileEmptyDir(
  program: Program,
  request: EmptyDirRequest & { readonly origin: string },
): void {
  const { source, folder, fsGroup, origin } = request;
  if (source.medium !== "Memory") return;
  const options = [
    fsGroup === undefined ? "mode=0777" : `mode=2777,gid=${fsGroup}`,
    ...(source.sizeLimit === undefined ? [] : [`size=${byteCount(source.sizeLimit)}`]),
  ];
  program
    .from(origin)
    .call("mount", ["tmpfs", folder, "tmpfs", K.MS_NOSUID | K.MS_NODEV, options.join(",")]);
}
