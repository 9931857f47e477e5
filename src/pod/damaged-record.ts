/**
 * What stands for a pod's record that cannot be read: a half-written page, a disk that forgot. What ran under it is not
 * known, so it is ended and not begun again, and the pod is Failed and can be deleted. All other pods are as they were.
 */
import { newPodRecord, type PodRecord, type SandboxState } from "./record.ts";

const sandboxStates: readonly SandboxState[] = ["absent", "starting", "ready", "stopping"];

/** Whether a value has what the engine relies on at least. */
export function isPodRecord(value: unknown): value is PodRecord {
  if (!isObject(value)) return false;
  const { uid, bootId, acceptedAtMs, sandbox, containers } = value;
  return (
    typeof uid === "string" &&
    typeof bootId === "string" &&
    typeof acceptedAtMs === "number" &&
    isObject(sandbox) &&
    sandboxStates.some((state) => state === sandbox["state"]) &&
    typeof sandbox["generation"] === "number" &&
    isObject(containers) &&
    Object.values(containers).every(
      (container) => isObject(container) && typeof container["restartCount"] === "number",
    )
  );
}

/** A record by which the node ends what is there of the pod. */
export function damagedRecord(uid: string, bootId: string, nowMs: number): PodRecord {
  const record = newPodRecord({ uid, namespace: "", name: "" }, bootId, nowMs);
  return {
    ...record,
    sandbox: { ...record.sandbox, state: "stopping", generation: 1 },
    terminal: {
      reason: "RecordDamaged",
      message: "What the node knew of the pod cannot be read: its containers were ended",
    },
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
