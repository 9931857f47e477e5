/** How far an applied object is on its way to being up: what `up` waits for. Pure. */
import { isPodError } from "../base/errors.ts";
import type { Job, ReplicaSet } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { describeWaiting, waitState } from "./pod-outcome.ts";
import { type Rolled, rolloutProgress } from "./rollout-progress.ts";

export interface UpState {
  /** "ended": up, and there is nothing more to come of it. */
  readonly state: "waiting" | "up" | "ended" | "failed";
  /** What is missing, or what went wrong. */
  readonly text: string;
}

/** Kinds that `up` waits for; objects of others are up as soon as they are stored. */
export const awaitedKinds: readonly string[] = [
  ...["Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job"],
];

export function upState(object: KubernetesObject): UpState {
  // The kind says the type.
  switch (object.kind) {
    case "Pod":
      return ofPod(object as Pod);
    case "Job":
      return ofJob(object as unknown as Job);
    case "ReplicaSet":
      return ofReplicaSet(object as unknown as ReplicaSet);
    case "Deployment":
    case "StatefulSet":
    case "DaemonSet":
      return ofRollout(object as unknown as Rolled);
    default:
      return up;
  }
}

const up: UpState = { state: "up", text: "is up" };

function ofPod(pod: Pod): UpState {
  if (pod.status?.phase === "Succeeded") return { state: "ended", text: "has completed" };
  const result = waitState(pod, "ready");
  if (result.state === "failed") return { state: "failed", text: result.why };
  return result.state === "reached" ? up : { state: "waiting", text: describeWaiting(pod) };
}

/** A Job is up when its pods run; most applications have Jobs that take long. */
function ofJob({ spec, status = {} }: Job): UpState {
  const { active = 0, ready = 0, conditions = [] } = status;
  const holds = (name: string) =>
    conditions.find(({ type, status: value }) => type === name && value === "True");
  if (holds("Complete") !== undefined) return { state: "ended", text: "has completed" };
  const failed = holds("Failed");
  if (failed !== undefined) return { state: "failed", text: failed.message ?? "has failed" };
  if (spec.suspend === true) return { state: "up", text: "is suspended" };
  if (active > 0 && ready >= active) return { state: "up", text: "runs" };
  const text = active === 0 ? "has no pods yet" : `${ready} of ${active} pods run`;
  return { state: "waiting", text };
}

function ofReplicaSet({ spec, status }: ReplicaSet): UpState {
  const { replicas = 1 } = spec;
  const { readyReplicas = 0, replicas: total = 0 } = status ?? {};
  if (readyReplicas >= replicas && total === replicas) return up;
  return { state: "waiting", text: `${readyReplicas} of ${replicas} pods are ready` };
}

function ofRollout(object: Rolled): UpState {
  // Nobody tells how far it is: its pods are replaced when somebody deletes them.
  if (object.kind !== "Deployment" && object.spec.updateStrategy?.type === "OnDelete") return up;
  if (object.kind === "Deployment" && object.spec.paused === true) {
    return { state: "up", text: "is paused" };
  }
  try {
    const { message, isDone } = rolloutProgress(object);
    return isDone ? up : { state: "waiting", text: withoutFrame(message) };
  } catch (error) {
    if (!isPodError(error)) throw error;
    return { state: "failed", text: error.message };
  }
}

/** `Waiting for deployment "web" rollout to finish: 0 of 1 … available...` → `0 of 1 … available`. */
function withoutFrame(message: string): string {
  return message
    .replace(/^waiting for .* to finish: /i, "")
    .replace(/^waiting for /i, "")
    .replace(/\.+$/, "");
}
