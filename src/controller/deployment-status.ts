/**
 * What a Deployment says of itself, with Kubernetes' conditions and their words. Pure.
 * Source: Kubernetes, "Deployments", "Deployment status"; API reference, apps/v1 DeploymentStatus.
 */
import { toTime } from "../base/clock.ts";
import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from "../spec/kubernetes.gen.ts";
import { withoutCondition } from "./conditions.ts";
import { maxUnavailableOf } from "./deployment-limits.ts";
import { availableOf, sizeOf, sum } from "./plan-deployment.ts";

/** What a reconciliation has done. */
export interface DeploymentFacts {
  readonly newest: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  /** The newest ReplicaSet was made just now, or found among the old ones. */
  readonly news?: "created" | "found" | undefined;
  readonly nowMs: number;
  readonly collisionCount?: number | undefined;
}

/** The deadline of those that have none. */
const noDeadline = 2 ** 31 - 1;

/** @param deployment - with its status so far. */
export function deploymentStatus(deployment: Deployment, facts: DeploymentFacts): DeploymentStatus {
  const { newest, old } = facts;
  const all = newest === undefined ? old : [newest, ...old];
  const { collisionCount } = facts;
  const count = (of: (set: ReplicaSet) => number | undefined): number =>
    sum(all.map((set) => of(set) ?? 0));
  const available = count(availableOf);
  const unavailable = Math.max(0, count(sizeOf) - available);
  const counts = {
    replicas: count(({ status }) => status?.replicas),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: count(({ status }) => status?.readyReplicas),
    availableReplicas: available,
    // Absent when there are none, as in Kubernetes: scripts ask whether it is there.
    ...(unavailable > 0 && { unavailableReplicas: unavailable }),
    terminatingReplicas: count(({ status }) => status?.terminatingReplicas),
    observedGeneration: deployment.metadata.generation ?? 0,
    ...(collisionCount !== undefined && { collisionCount }),
  };
  return { ...counts, conditions: conditionsOf(deployment, counts, facts) };
}

/** Whether every pod is of the template, available, and nothing of the past is left. */
export function isComplete({ spec, metadata }: Deployment, status: DeploymentStatus): boolean {
  const { replicas = 1 } = spec;
  return (
    status.updatedReplicas === replicas &&
    status.replicas === replicas &&
    status.availableReplicas === replicas &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  );
}

/** When the rollout will have taken too long, in wall clock ms; undefined when it cannot. */
export function deadlineMs({ spec }: Deployment, status: DeploymentStatus): number | undefined {
  const seconds = spec.progressDeadlineSeconds ?? noDeadline;
  const progressing = conditionOf(status, "Progressing");
  const isOver = ["NewReplicaSetAvailable", "ProgressDeadlineExceeded"].includes(
    progressing?.reason ?? "",
  );
  if (seconds === noDeadline || progressing === undefined || isOver || spec.paused) {
    return undefined;
  }
  return Date.parse(progressing.lastUpdateTime ?? "") + 1000 * seconds;
}

function conditionsOf(
  deployment: Deployment,
  status: DeploymentStatus,
  { newest, old, news, nowMs }: DeploymentFacts,
): readonly DeploymentCondition[] {
  const { spec } = deployment;
  const least = (spec.replicas ?? 1) - maxUnavailableOf(deployment);
  const isEnough = (status.availableReplicas ?? 0) >= least;
  let conditions: readonly DeploymentCondition[] = deployment.status?.conditions ?? [];
  const put = (condition: DeploymentCondition, isNews = false): void => {
    conditions = withUpdated(conditions, condition, nowMs, isNews);
  };
  put({
    type: "Available",
    status: isEnough ? "True" : "False",
    reason: isEnough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
    message: isEnough
      ? "Deployment has minimum availability."
      : "Deployment does not have minimum availability.",
  });
  const sets = newest === undefined ? old : [newest, ...old];
  const failure = sets
    .flatMap((set) => set.status?.conditions ?? [])
    .find(({ type }) => type === "ReplicaFailure");
  if (failure === undefined) conditions = withoutCondition(conditions, "ReplicaFailure");
  else {
    const { type, status: value, reason = "", message = "" } = failure;
    put({ type, status: value, reason, message });
  }
  const progress = progressOf(deployment, status, { newest, news, nowMs });
  if (progress !== undefined) put(progress.condition, progress.isNews);
  return conditions;
}

interface Progress {
  readonly condition: DeploymentCondition;
  /** Resets the deadline although the words may be the same. */
  readonly isNews: boolean;
}

function progressOf(
  deployment: Deployment,
  status: DeploymentStatus,
  { newest, news, nowMs }: Pick<DeploymentFacts, "newest" | "news" | "nowMs">,
): Progress | undefined {
  const { spec } = deployment;
  const before = conditionOf(deployment.status ?? {}, "Progressing");
  const say = (value: string, reason: string, message: string, isNews = false): Progress => ({
    condition: { type: "Progressing", status: value, reason, message },
    isNews,
  });
  if ((spec.progressDeadlineSeconds ?? noDeadline) === noDeadline) return undefined;
  if (spec.paused === true) {
    return before?.reason === "ProgressDeadlineExceeded"
      ? undefined
      : say("Unknown", "DeploymentPaused", "Deployment is paused");
  }
  const name =
    newest === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${newest.metadata.name}"`;
  if (isComplete(deployment, status)) {
    return say("True", "NewReplicaSetAvailable", `${name} has successfully progressed.`);
  }
  if (before?.reason === "DeploymentPaused") {
    return say("Unknown", "DeploymentResumed", "Deployment is resumed", true);
  }
  if (news === "created") {
    return say(
      "True",
      "NewReplicaSetCreated",
      `Created new replica set "${newest?.metadata.name}"`,
      true,
    );
  }
  if (news === "found") {
    return say(
      "True",
      "FoundNewReplicaSet",
      `Found new replica set "${newest?.metadata.name}"`,
      true,
    );
  }
  // Done once: what becomes of its pods later is no rollout.
  if (before?.reason === "NewReplicaSetAvailable" && status.replicas === status.updatedReplicas) {
    return undefined;
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    return say("True", "ReplicaSetUpdated", `${name} is progressing.`, true);
  }
  const dueMs = deadlineMs(deployment, deployment.status ?? {});
  if (dueMs !== undefined && dueMs <= nowMs) {
    return say("False", "ProgressDeadlineExceeded", `${name} has timed out progressing.`);
  }
  return undefined;
}

function hasProgressed(before: DeploymentStatus, now: DeploymentStatus): boolean {
  const rose = (of: (status: DeploymentStatus) => number | undefined): boolean =>
    (of(now) ?? 0) > (of(before) ?? 0);
  const oldOf = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number =>
    replicas - updatedReplicas;
  return (
    rose(({ updatedReplicas }) => updatedReplicas) ||
    rose(({ readyReplicas }) => readyReplicas) ||
    rose(({ availableReplicas }) => availableReplicas) ||
    oldOf(now) < oldOf(before)
  );
}

function conditionOf({ conditions = [] }: DeploymentStatus, type: string) {
  return conditions.find((condition) => condition.type === type);
}

function withUpdated(
  conditions: readonly DeploymentCondition[],
  condition: DeploymentCondition,
  nowMs: number,
  isNews: boolean,
): readonly DeploymentCondition[] {
  const known = conditions.find(({ type }) => type === condition.type);
  const isSame = known?.status === condition.status && known.reason === condition.reason;
  if (isSame && known.message === condition.message && !isNews) return conditions;
  const lastUpdateTime = toTime(nowMs);
  const { lastTransitionTime = lastUpdateTime } =
    known?.status === condition.status ? known : { lastTransitionTime: lastUpdateTime };
  const others = conditions.filter(({ type }) => type !== condition.type);
  return [...others, { ...condition, lastUpdateTime, lastTransitionTime }];
}
