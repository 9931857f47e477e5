/**
 * The pod of one ordinal of a StatefulSet and the claims that are its own. Pure.
 * Source: Kubernetes, "StatefulSets", "Pod Identity", "Stable Storage", "PersistentVolumeClaim retention".
 */
import type {
  PersistentVolumeClaim,
  PodTemplateSpec,
  StatefulSet,
  Volume,
} from "../spec/kubernetes.gen.ts";
import type { OwnerReference } from "../spec/meta.ts";
import type { Pod } from "../spec/pod.ts";
import { podOfTemplate } from "../spec/pod-template.ts";
import { controllerReference } from "./ownership.ts";
import { revisionLabel } from "./revision-history.ts";

export function startOf({ spec }: StatefulSet): number {
  return spec.ordinals?.start ?? 0;
}

/** The ordinal in a name, `web-3`; undefined when the name is none of the set's. */
export function ordinalOf({ metadata }: StatefulSet, name: string): number | undefined {
  if (!name.startsWith(`${metadata.name}-`)) return undefined;
  const text = name.slice(metadata.name.length + 1);
  return /^(?:0|[1-9]\d{0,8})$/.test(text) ? Number(text) : undefined;
}

/** @param revision - name of the ControllerRevision that the template is of. */
export function statefulPod(
  set: StatefulSet,
  ordinal: number,
  { template, revision }: { readonly template: PodTemplateSpec; readonly revision: string },
): Pod {
  const { namespace, name: setName } = set.metadata;
  const name = `${setName}-${ordinal}`;
  const { metadata, spec } = podOfTemplate(template, namespace);
  const claims = (set.spec.volumeClaimTemplates ?? []).map(
    (claim): Volume => ({
      name: claim.metadata.name,
      persistentVolumeClaim: { claimName: claimName(claim.metadata.name, name) },
    }),
  );
  const others = (spec.volumes ?? []).filter((volume) =>
    claims.every((claim) => claim.name !== volume.name),
  );
  const { serviceName = "" } = set.spec;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      name,
      generateName: `${setName}-`,
      labels: {
        ...metadata.labels,
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": String(ordinal),
        [revisionLabel]: revision,
      },
      ownerReferences: [controllerReference(set)],
    },
    spec: {
      ...spec,
      hostname: name,
      ...(serviceName !== "" && { subdomain: serviceName }),
      ...(claims.length + others.length > 0 && { volumes: [...others, ...claims] }),
    },
  };
}

export function claimName(template: string, pod: string): string {
  return `${template}-${pod}`;
}

/** The claims of one ordinal, as they are to be made. */
export function statefulClaims(
  set: StatefulSet,
  ordinal: number,
): readonly PersistentVolumeClaim[] {
  const { namespace, name } = set.metadata;
  const labels = set.spec.selector.matchLabels ?? {};
  return (set.spec.volumeClaimTemplates ?? []).map(
    ({ metadata, spec }): PersistentVolumeClaim => ({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: {
        ...metadata,
        uid: "",
        name: claimName(metadata.name, `${name}-${ordinal}`),
        namespace,
        labels: { ...metadata.labels, ...labels },
      },
      spec,
    }),
  );
}

/**
 * Who takes a claim along when it goes: the set with whenDeleted: Delete; with whenScaled: Delete the pod of an
 * ordinal that the set has no more.
 * @param pod - of the claim; undefined when there is none.
 */
export function claimOwners(
  set: StatefulSet,
  ordinal: number,
  pod: Pod | undefined,
): readonly OwnerReference[] {
  const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
  const start = startOf(set);
  const isWanted = ordinal >= start && ordinal < start + (set.spec.replicas ?? 1);
  const refer = ({ apiVersion, kind, metadata }: StatefulSet | Pod): OwnerReference => {
    const { name, uid } = metadata;
    return { apiVersion, kind, name, uid };
  };
  if (!isWanted && whenScaled === "Delete") return pod === undefined ? [] : [refer(pod)];
  return whenDeleted === "Delete" ? [{ ...refer(set), controller: true }] : [];
}

/** A claim's owners with those that the policy wants, and without those that it does not want any more. */
export function withClaimOwners(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  wanted: readonly OwnerReference[],
): PersistentVolumeClaim {
  const { ownerReferences = [], ...metadata } = claim.metadata;
  const ours = ({ kind, name, uid }: OwnerReference): boolean =>
    uid === set.metadata.uid || (kind === "Pod" && claim.metadata.name.endsWith(`-${name}`));
  const owners = [...ownerReferences.filter((owner) => !ours(owner)), ...wanted];
  return {
    ...claim,
    metadata: { ...metadata, ...(owners.length > 0 && { ownerReferences: owners }) },
  };
}
