/** Prepares all volumes of a pod: what the node has to make before the sandbox starts. */
import { join } from "node:path";
import { PodError } from "../base/errors.ts";
import type { Pod, Volume } from "../spec/pod.ts";
import type { Program } from "../sys/program.ts";
import { compileEmptyDir, prepareEmptyDir } from "./empty-dir.ts";
import { prepareHostPath } from "./host-path.ts";
import type { PreparedVolume } from "./prepared-volume.ts";

/**
 * Makes what the volumes need; repeating it changes nothing.
 * @param folder - the pod's `volumes` folder, exists, 0700.
 * @throws PodError FailedPrecondition with the volume's name.
 */
export function prepareVolumes(pod: Pod, folder: string): ReadonlyMap<string, PreparedVolume> {
  const volumes = pod.spec.volumes ?? [];
  return new Map(volumes.map((volume) => [volume.name, prepareVolume(pod, volume, folder)]));
}

/** The volumes as `prepareVolumes` would give them, without making or checking anything. */
export function plannedVolumes(pod: Pod, folder: string): ReadonlyMap<string, PreparedVolume> {
  const volumes = pod.spec.volumes ?? [];
  return new Map(
    volumes.map(({ name, hostPath }): [string, PreparedVolume] => [
      name,
      hostPath
        ? { name, kind: "hostPath", source: hostPath.path, isFile: false, nosuidNodev: false }
        : {
            name,
            kind: "emptyDir",
            source: join(folder, name),
            isFile: false,
            nosuidNodev: true,
          },
    ]),
  );
}

function prepareVolume(pod: Pod, volume: Volume, folder: string): PreparedVolume {
  if (volume.hostPath) return prepareHostPath(volume.name, volume.hostPath);
  if (volume.emptyDir) {
    return prepareEmptyDir({
      name: volume.name,
      source: volume.emptyDir,
      folder: join(folder, volume.name),
      fsGroup: pod.spec.securityContext?.fsGroup,
    });
  }
  throw new PodError("Internal", `Volume "${volume.name}" has no source after defaulting`);
}

/** Adds the mounts that belong to the whole pod to the program of its sandbox. */
export function compileVolumes(program: Program, pod: Pod, folder: string): void {
  (pod.spec.volumes ?? []).forEach((volume, index) => {
    if (!volume.emptyDir) return;
    compileEmptyDir(program, {
      name: volume.name,
      source: volume.emptyDir,
      folder: join(folder, volume.name),
      fsGroup: pod.spec.securityContext?.fsGroup,
      origin: `spec.volumes[${index}].emptyDir`,
    });
  });
}
