/**
 * persistentVolumeClaim and ephemeral: the folder of the persistent volume that the claim is bound to. It is bound
 * into containers as it stands; what is in it outlives the pod, the daemon and the machine.
 *
 * A `local` volume must exist and is a directory; a `hostPath` volume is checked as hostPath is.
 * Source: Kubernetes "Persistent Volumes", "Ephemeral Volumes"; API reference, LocalVolumeSource.
 */
import { PodError } from "../base/errors.ts";
import type { PersistentVolume } from "../spec/kubernetes.gen.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { claimNameOf } from "./claims.ts";
import { prepareHostPath } from "./host-path.ts";
import type { VolumeHost, VolumeKind, VolumeRequest } from "./volume-kind.ts";

type Kind = "persistentVolumeClaim" | "ephemeral";

/** The row of the table. */
export function persistentVolumeKind(kind: Kind): VolumeKind {
  return {
    prepare: (host, request) => prepare(kind, host, request),
    plan: (host, request) => plan(kind, host, request),
  };
}

async function prepare(
  kind: Kind,
  host: VolumeHost,
  { pod, volume }: VolumeRequest,
): Promise<PreparedVolume> {
  const bound = host.claims.volumeOf(pod, volume);
  const { local, hostPath } = bound.spec;
  const readOnly = volume.persistentVolumeClaim?.readOnly === true;
  const facts = { name: volume.name, kind, readOnly };
  if (hostPath) return { ...(await prepareHostPath(host.places, volume.name, hostPath)), ...facts };
  if (local) {
    const source = { path: local.path, type: "Directory" } as const;
    const found = await prepareHostPath(host.places, volume.name, source);
    return { ...found, ...facts, nosuidNodev: true, hasOwnership: true };
  }
  throw new PodError(
    "FailedPrecondition",
    `PersistentVolume "${bound.metadata.name}" has no source that nspod mounts: it must be local or hostPath`,
  );
}

/** A claim that is not bound yet is shown by its name. */
function plan(kind: Kind, { objects }: VolumeHost, { pod, volume }: VolumeRequest): PreparedVolume {
  const { namespace } = pod.metadata;
  const claimName = claimNameOf(pod, volume) ?? "";
  const claim = objects.get<{ readonly spec: { readonly volumeName?: string } }>(
    "PersistentVolumeClaim",
    namespace,
    claimName,
  );
  const bound = objects.get<PersistentVolume>("PersistentVolume", "", claim?.spec.volumeName ?? "");
  const { local, hostPath } = bound?.spec ?? {};
  return {
    name: volume.name,
    kind,
    source: local?.path ?? hostPath?.path ?? `<volume of claim ${namespace}/${claimName}>`,
    isFile: false,
    nosuidNodev: hostPath === undefined,
    readOnly: volume.persistentVolumeClaim?.readOnly === true,
  };
}
