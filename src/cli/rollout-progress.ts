/**
 * How far a rollout is, in kubectl's words. Pure. Source: Kubernetes, "kubectl rollout status".
 */
import { PodError } from "../base/errors.ts";
import type { DaemonSet, Deployment, StatefulSet } from "../spec/kubernetes.gen.ts";

export type Rolled = Deployment | StatefulSet | DaemonSet;

export interface RolloutProgress {
  readonly message: string;
  readonly isDone: boolean;
}

/** @throws PodError DeadlineExceeded when the Deployment says that it takes too long. */
export function rolloutProgress(object: Rolled): RolloutProgress {
  const { generation = 0 } = object.metadata;
  if ((object.status?.observedGeneration ?? 0) < generation) {
    const kind = { Deployment: "deployment", StatefulSet: "statefulset", DaemonSet: "daemon set" };
    return waits(`Waiting for ${kind[object.kind]} spec update to be observed...`);
  }
  if (object.kind === "Deployment") return ofDeployment(object);
  return object.kind === "StatefulSet" ? ofStatefulSet(object) : ofDaemonSet(object);
}

function ofDeployment({ metadata, spec, status = {} }: Deployment): RolloutProgress {
  const { name } = metadata;
  const { replicas: total = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const progressing = status.conditions?.find(({ type }) => type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") {
    throw new PodError("DeadlineExceeded", `deployment "${name}" exceeded its progress deadline`);
  }
  const wait = (what: string): RolloutProgress =>
    waits(`Waiting for deployment "${name}" rollout to finish: ${what}...`);
  const { replicas = 1 } = spec;
  if (updatedReplicas < replicas) {
    return wait(`${updatedReplicas} out of ${replicas} new replicas have been updated`);
  }
  if (total > updatedReplicas) {
    return wait(`${total - updatedReplicas} old replicas are pending termination`);
  }
  if (availableReplicas < updatedReplicas) {
    return wait(`${availableReplicas} of ${updatedReplicas} updated replicas are available`);
  }
  return done(`deployment "${name}" successfully rolled out`);
}

function ofStatefulSet({ spec, status }: StatefulSet): RolloutProgress {
  const { replicas = 1, updateStrategy } = spec;
  if (updateStrategy?.type === "OnDelete") throw noStatus("OnDelete");
  const { readyReplicas = 0, updatedReplicas = 0, updateRevision, currentRevision } = status ?? {};
  if (readyReplicas < replicas) {
    return waits(`Waiting for ${replicas - readyReplicas} pods to be ready...`);
  }
  const { partition = 0 } = updateStrategy?.rollingUpdate ?? {};
  if (partition > 0) {
    const wanted = Math.max(0, replicas - partition);
    return updatedReplicas < wanted
      ? waits(
          `Waiting for partitioned roll out to finish: ${updatedReplicas} out of ${wanted} new pods have been updated...`,
        )
      : done(`partitioned roll out complete: ${updatedReplicas} new pods have been updated...`);
  }
  if (updateRevision !== currentRevision) {
    return waits(
      `waiting for statefulset rolling update to complete ${updatedReplicas} pods at revision ${updateRevision}...`,
    );
  }
  return done(
    `statefulset rolling update complete ${status?.currentReplicas ?? 0} pods at revision ${currentRevision}...`,
  );
}

function ofDaemonSet({ metadata, spec, status }: DaemonSet): RolloutProgress {
  if (spec.updateStrategy?.type === "OnDelete") throw noStatus("OnDelete");
  const { desiredNumberScheduled: wanted = 0, updatedNumberScheduled = 0 } = status ?? {};
  const { numberAvailable = 0 } = status ?? {};
  const wait = (what: string): RolloutProgress =>
    waits(`Waiting for daemon set "${metadata.name}" rollout to finish: ${what}...`);
  if (updatedNumberScheduled < wanted) {
    return wait(`${updatedNumberScheduled} out of ${wanted} new pods have been updated`);
  }
  if (numberAvailable < wanted) {
    return wait(`${numberAvailable} of ${wanted} updated pods are available`);
  }
  return done(`daemon set "${metadata.name}" successfully rolled out`);
}

function noStatus(strategy: string): PodError {
  return new PodError(
    "InvalidArgument",
    `rollout status is only available for RollingUpdate strategy type: this is ${strategy}`,
  );
}

function waits(message: string): RolloutProgress {
  return { message, isDone: false };
}

function done(message: string): RolloutProgress {
  return { message, isDone: true };
}
