/** What a Deployment writes on its ReplicaSets and itself, for clients and for its own next look. Pure. */
import type { Deployment, ReplicaSet } from "../spec/kubernetes.gen.ts";
import type { ObjectMeta } from "../spec/meta.ts";
import { maxSurgeOf } from "./deployment-limits.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
const historyAnnotation = "deployment.kubernetes.io/revision-history";
const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
const maxAnnotation = "deployment.kubernetes.io/max-replicas";

/** Annotations of a Deployment that say nothing of its ReplicaSets. */
const ownAnnotations: readonly string[] = [
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
];

type Annotations = Readonly<Record<string, string>>;

/** The number of a rollout; 0 when there is none. */
export function revisionOf({ metadata }: { readonly metadata: ObjectMeta }): number {
  return Number(metadata.annotations?.[revisionAnnotation] ?? "0") || 0;
}

export function desiredReplicas({ metadata }: ReplicaSet): number | undefined {
  return numberOf(metadata.annotations, desiredAnnotation);
}

export function maxReplicas({ metadata }: ReplicaSet): number | undefined {
  return numberOf(metadata.annotations, maxAnnotation);
}

function numberOf(annotations: Annotations = {}, name: string): number | undefined {
  const text = annotations[name];
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** What of a Deployment's annotations its ReplicaSets have, too. */
export function inheritedAnnotations({ metadata }: Deployment): Annotations {
  return Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([name]) => !ownAnnotations.includes(name)),
  );
}

/** The size that the Deployment had when it last gave its ReplicaSet one. */
export function sizeAnnotations(deployment: Deployment): Annotations {
  const replicas = deployment.spec.replicas ?? 1;
  return {
    [desiredAnnotation]: String(replicas),
    [maxAnnotation]: String(replicas + maxSurgeOf(deployment)),
  };
}

/** Annotations of the newest ReplicaSet; revisions that it had before are remembered. */
export function newestAnnotations(
  set: Pick<ReplicaSet, "metadata">,
  deployment: Deployment,
  revision: number,
): Annotations {
  const before = set.metadata.annotations ?? {};
  const known = before[revisionAnnotation];
  const next = { ...before, ...inheritedAnnotations(deployment) };
  if (Number(known ?? "0") >= revision) return next;
  const history = [before[historyAnnotation], known].filter(Boolean).join(",");
  return {
    ...next,
    [revisionAnnotation]: String(revision),
    ...(history !== "" && { [historyAnnotation]: history }),
  };
}
