/**
 * emptyDir: a folder that lives as long as the pod and survives its containers.
 *
 * On disk it is `<root>/pods/<uid>/volumes/<name>`; medium Memory puts a tmpfs there, mounted in
 * the shim's mount namespace only, so it goes when the shim ends. Mode 0777 and the group of
 * fsGroup with set-group-id are Kubernetes' (pkg/volume/emptydir, pkg/volume/volume_linux.go).
 */
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import type { EmptyDirVolumeSource } from "../spec/pod.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { byteCount } from "../spec/quantity.ts";
import { K } from "../sys/abi.ts";
import type { Program } from "../sys/program.ts";
import type { VolumeKind, VolumeRequest } from "./volume-kind.ts";

/** The row of the table. */
export const emptyDirKind: VolumeKind = {
  prepare: (_host, request) => {
    prepareFolder(request);
    return planned(request);
  },
  plan: (_host, request) => planned(request),
  compile: (program, _host, request) => compileMemory(program, request),
};

function planned({ volume, folder }: VolumeRequest): PreparedVolume {
  return {
    name: volume.name,
    kind: "emptyDir",
    source: folder,
    isFile: false,
    nosuidNodev: true,
  };
}

function sourceOf({ volume }: VolumeRequest): EmptyDirVolumeSource {
  return volume.emptyDir ?? {};
}

function prepareFolder({ pod, folder }: VolumeRequest): void {
  const fsGroup = pod.spec.securityContext?.fsGroup;
  mkdirSync(folder, { recursive: true });
  if (fsGroup !== undefined) chownSync(folder, 0, fsGroup);
  // mkdir's mode is cut by the umask, and chown drops set-group-id.
  chmodSync(folder, fsGroup === undefined ? 0o777 : 0o2777);
}

/** The tmpfs of `medium: Memory`; nothing for a volume on disk. */
function compileMemory(program: Program, request: VolumeRequest): void {
  const { medium, sizeLimit } = sourceOf(request);
  if (medium !== "Memory") return;
  const fsGroup = request.pod.spec.securityContext?.fsGroup;
  const options = [
    fsGroup === undefined ? "mode=0777" : `mode=2777,gid=${fsGroup}`,
    ...(sizeLimit === undefined ? [] : [`size=${byteCount(sizeLimit)}`]),
  ];
  const flags = K.MS_NOSUID | K.MS_NODEV;
  program.call("mount", ["tmpfs", request.folder, "tmpfs", flags, options.join(",")]);
}
