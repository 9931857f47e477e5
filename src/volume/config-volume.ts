/**
 * The rows of configMap, secret, downwardAPI and projected: volumes whose content the node writes.
 *
 * Each is a tmpfs in the shim's mount namespace, so nothing of a secret is on a disk and all of it goes with the shim
 * (decision 0401); every container's mount of it is read-only. What is in it comes by `atomic-writer.ts`, after the
 * shim has started and again whenever an object changes.
 */
import { mkdirSync } from "node:fs";
import type { Pod } from "../spec/pod.ts";
import type { PreparedVolume, VolumeSourceName } from "../spec/prepared-volume.ts";
import { K } from "../sys/abi.ts";
import type { Program } from "../sys/program.ts";
import { configContent } from "./config-content.ts";
import type { VolumeKind, VolumeRequest } from "./volume-kind.ts";

export type ConfigVolumeSource = Extract<
  VolumeSourceName,
  "configMap" | "downwardAPI" | "projected" | "secret"
>;

/** The row of one of these kinds. */
export function configVolumeKind(kind: ConfigVolumeSource): VolumeKind {
  const planned = ({ volume, folder }: VolumeRequest): PreparedVolume => ({
    name: volume.name,
    kind,
    source: folder,
    isFile: false,
    nosuidNodev: true,
    readOnly: true,
  });
  return {
    prepare: (host, request) => {
      // Fails while something is missing: before anything of the sandbox is made.
      configContent(host, request.pod, request.volume);
      mkdirSync(request.folder, { recursive: true, mode: 0o700 });
      return planned(request);
    },
    plan: (_host, request) => planned(request),
    compile: (program, _host, { pod, folder }) => mountTmpfs(program, folder, rootMode(kind, pod)),
  };
}

/** As a pod sees it on a node: an emptyDir of the kubelet, on disk for a ConfigMap, else a tmpfs with its sticky bit. */
function rootMode(kind: ConfigVolumeSource, pod: Pod): Readonly<Record<string, string>> {
  const fsGroup = pod.spec.securityContext?.fsGroup;
  const mode = (kind === "configMap" ? 0o777 : 0o1777) | (fsGroup === undefined ? 0 : 0o2000);
  return {
    mode: mode.toString(8),
    ...(fsGroup === undefined ? {} : { gid: String(fsGroup) }),
  };
}

function mountTmpfs(
  program: Program,
  folder: string,
  parameters: Readonly<Record<string, string>>,
): void {
  const context = program.open("fsopen", ["tmpfs", K.FSOPEN_CLOEXEC]);
  for (const [key, value] of Object.entries(parameters)) {
    program.call("fsconfig", [context, K.FSCONFIG_SET_STRING, key, value, 0]);
  }
  // Never on a swap disk either; the parameter is of Linux 6.4.
  const noSwap = [context, K.FSCONFIG_SET_FLAG, "noswap", 0, 0];
  program.call("fsconfig", noSwap, { tolerate: ["EINVAL"] });
  program.call("fsconfig", [context, K.FSCONFIG_CMD_CREATE, 0, 0, 0]);
  const attributes = K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NODEV;
  const mount = program.open("fsmount", [context, K.FSMOUNT_CLOEXEC, attributes]);
  program.call("move_mount", [mount, "", K.AT_FDCWD, folder, K.MOVE_MOUNT_F_EMPTY_PATH]);
  program.close(context).close(mount);
}
