/**
 * The volumes of a pod: what the node makes before the sandbox starts, and the table of kinds.
 *
 * A volume that cannot be prepared yet (its ConfigMap does not exist, its claim is not bound) fails in the words of the
 * kubelet; the engine tries again later and when the objects of the pod change.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf, PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import type { Pod } from "../spec/pod.ts";
import type { PreparedVolume, VolumeSourceName } from "../spec/prepared-volume.ts";
import type { Program, Register } from "../sys/program.ts";
import { configVolumeKind } from "./config-volume.ts";
import { emptyDirKind } from "./empty-dir.ts";
import { hostPathKind } from "./host-path.ts";
import { imageVolumeKind } from "./image-volume.ts";
import { applyOwnership } from "./ownership.ts";
import { persistentVolumeKind } from "./persistent-volume.ts";
import { propagationOf, shareFolder } from "./propagation.ts";
import type { MapLayers, VolumeHost, VolumeKind, VolumeRequest } from "./volume-kind.ts";

const kinds: Readonly<Partial<Record<VolumeSourceName, VolumeKind>>> = {
  configMap: configVolumeKind("configMap"),
  downwardAPI: configVolumeKind("downwardAPI"),
  emptyDir: emptyDirKind,
  ephemeral: persistentVolumeKind("ephemeral"),
  hostPath: hostPathKind,
  image: imageVolumeKind,
  persistentVolumeClaim: persistentVolumeKind("persistentVolumeClaim"),
  projected: configVolumeKind("projected"),
  secret: configVolumeKind("secret"),
};

interface Entry {
  readonly kind: VolumeKind;
  readonly request: VolumeRequest;
}

export type PreparedVolumes = ReadonlyMap<string, PreparedVolume>;

/**
 * Makes what the volumes need; repeating it changes nothing.
 * @param folder - the pod's `volumes` folder; made, 0700, when there are volumes.
 * @throws PodError with `data.reason`, FailedMount unless the kind says another one.
 */
export async function prepareVolumes(
  host: VolumeHost,
  pod: Pod,
  folder: string,
): Promise<PreparedVolumes> {
  const prepared = new Map<string, PreparedVolume>();
  const wanted = entries(pod, folder);
  if (wanted.length > 0) mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const { kind, request } of wanted) {
    const { name } = request.volume;
    try {
      failpoint("volume/prepare.volume");
      const volume = await kind.prepare(host, request);
      await own(host, pod, volume);
      prepared.set(name, volume);
    } catch (error) {
      throw failedMount(name, error);
    }
  }
  return prepared;
}

/** Gives what outlives pods to the group of this one. */
async function own(
  { walks }: VolumeHost,
  { spec }: Pod,
  { source, hasOwnership, readOnly }: PreparedVolume,
): Promise<void> {
  const { fsGroup, fsGroupChangePolicy } = spec.securityContext ?? {};
  if (fsGroup === undefined || hasOwnership !== true) return;
  await applyOwnership(walks, source, {
    group: fsGroup,
    isReadOnly: readOnly === true,
    onlyOnMismatch: fsGroupChangePolicy === "OnRootMismatch",
  });
}

/**
 * The volumes of a pod that runs already: one that could not be prepared any more, because what it was made of has
 * gone, is taken as it was planned.
 */
export async function adoptVolumes(
  host: VolumeHost,
  pod: Pod,
  folder: string,
): Promise<PreparedVolumes> {
  const adopted = new Map<string, PreparedVolume>();
  for (const { kind, request } of entries(pod, folder)) {
    const { name } = request.volume;
    try {
      adopted.set(name, await kind.prepare(host, request));
    } catch {
      // Whatever it is: the mounts stand, and a new container that needs what is missing says so itself.
      adopted.set(name, kind.plan(host, request));
    }
  }
  return adopted;
}

/** The volumes as `prepareVolumes` would give them, without making or checking anything. */
export function plannedVolumes(host: VolumeHost, pod: Pod, folder: string): PreparedVolumes {
  return new Map(
    entries(pod, folder).map(({ kind, request }) => [
      request.volume.name,
      kind.plan(host, request),
    ]),
  );
}

/** The operations of a sandbox's program for its volumes, in two parts. */
export interface VolumePrograms {
  /** Before the mount namespace is cut off from the host. */
  readonly open: (program: Program) => void;
  /** Mounts that belong to the whole pod. */
  readonly mount: (program: Program) => void;
}

/** @param mapLayers - of a pod with users of its own */
export function compileVolumes(
  host: VolumeHost,
  pod: Pod,
  folder: string,
  mapLayers?: MapLayers,
): VolumePrograms {
  const opened = new Map<string, Register>();
  return {
    open: (program) => {
      for (const { kind, request } of entries(pod, folder)) {
        program.from(request.origin);
        const register = kind.open?.(program, request);
        if (register !== undefined) opened.set(request.volume.name, register);
      }
    },
    mount: (program) => {
      for (const { kind, request } of entries(pod, folder)) {
        const { name, hostPath } = request.volume;
        program.from(request.origin);
        kind.compile?.(program, host, { ...request, mapLayers }, opened.get(name));
        if (!hostPath && propagationOf(pod, name) !== "None") {
          program.from(`${request.origin}: mountPropagation`);
          shareFolder(program, kind.plan(host, request).source);
        }
      }
    },
  };
}

function entries(pod: Pod, folder: string): Entry[] {
  return (pod.spec.volumes ?? []).map((volume, index) => {
    for (const [source, kind] of Object.entries(kinds)) {
      // The names of the table are fields of a volume.
      if (volume[source as VolumeSourceName] === undefined) continue;
      const origin = `spec.volumes[${index}].${source}`;
      return { kind, request: { pod, volume, origin, folder: join(folder, volume.name) } };
    }
    throw new PodError("Internal", `Volume "${volume.name}" has no source after defaulting`);
  });
}

function failedMount(name: string, error: unknown): unknown {
  const data = error instanceof PodError ? error.data : {};
  const { reason = "FailedMount" } = data;
  if (reason !== "FailedMount") return error;
  return new PodError(
    error instanceof PodError ? error.kind : "Internal",
    `MountVolume.SetUp failed for volume "${name}" : ${messageOf(error)}`,
    { cause: error, data: { ...data, reason } },
  );
}
