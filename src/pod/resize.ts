/**
 * Resources of a pod that runs are changed in place: what its spec asks for is granted by the node as a whole, then
 * carried out in the cgroups, container by container.
 *
 *   spec ≠ allocated ─▶ room? ─no─▶ Infeasible · Deferred (asked again when other pods go)
 *                         └─yes─▶ allocated := spec, InProgress ─▶ cgroups · restart by policy ─▶ done
 *                                                                └─▶ Error: memory in use above its new limit, tried again
 *
 * Everything else of the engine works with the allocated resources. Source: Kubernetes, "Resize CPU and Memory
 * Resources assigned to Containers"; KEP-1287.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode, messageOf, PodError } from "../base/errors.ts";
import { ensureCgroup, podCgroup } from "../cgroup/hierarchy.ts";
import { hugePageSizes } from "../cgroup/huge-pages.ts";
import { containerSettings, podResources, podSettings, resourcesOf } from "../cgroup/limits.ts";
import type { Pod } from "../spec/pod.ts";
import { type Allocation, allocationOf, resizedContainers, withAllocation } from "./allocation.ts";
import { containerCgroup } from "./attempt.ts";
import { allRefs, type ContainerRef } from "./container-refs.ts";
import type { StepInput } from "./engine.ts";
import { containerRecord, type PodRecord, type ResizeRecord, setContainer } from "./record.ts";

/** How soon memory that is in use is looked at again. */
export const resizeRetryMs = 5_000;

/** The record after as much of a resize as can be done now. @param input.pod - with the resources that it asks for. */
export function resizePod(input: StepInput): PodRecord {
  const { pod, record } = input;
  if (record.isTerminal || record.terminal || pod.metadata.deletionTimestamp !== undefined) {
    return record;
  }
  if (record.allocated === undefined) {
    return input.save({ ...record, allocated: allocationOf(pod) });
  }
  const granted = grant(input, record.allocated);
  return isBeingDone(granted.resize) ? carryOut({ ...input, record: granted }) : granted;
}

function isBeingDone(resize: ResizeRecord | undefined): resize is ResizeRecord {
  return resize?.state === "InProgress" || resize?.state === "Error";
}

/** Asks the node for what differs from what the pod has. */
function grant(input: StepInput, allocated: Allocation): PodRecord {
  const { context, pod, record, save } = input;
  const wanted = allocationOf(pod);
  if (resizedContainers(wanted, allocated).length === 0) {
    return isBeingDone(record.resize) ? record : withoutResize(input);
  }
  const { status: _, ...asked } = pod;
  const refusal = context.room.refuseResize(asked);
  if (refusal !== undefined) {
    const { reason: state, message } = refusal;
    if (record.resize?.state === state && record.resize.message === message) return record;
    tell(input, `Resize${state}`, message);
    return save({ ...record, resize: { state, message } });
  }
  tell(input, "ResizeStarted", "Pod resize started");
  const before = isBeingDone(record.resize) ? (record.resize.before ?? allocated) : allocated;
  return save({ ...record, allocated: wanted, resize: { state: "InProgress", before } });
}

function withoutResize({ record, save }: StepInput): PodRecord {
  if (record.resize === undefined) return record;
  const { resize: _, ...rest } = record;
  return save(rest);
}

function carryOut(input: StepInput): PodRecord {
  const { record } = input;
  const work: StepInput = { ...input, pod: withAllocation(input.pod, record.allocated) };
  if (record.sandbox.state !== "ready") return complete(work);
  if (record.resize?.isRestarting) {
    const isWaiting = Object.values(record.containers).some(({ isResizeDue }) => isResizeDue);
    if (isWaiting) return record;
    limitPod(work);
    return complete(work);
  }
  try {
    return apply(work);
  } catch (error) {
    const message = messageOf(error);
    if (record.resize?.state === "Error" && record.resize.message === message) return record;
    tell(input, "ResizeError", message);
    return input.save({ ...record, resize: { ...record.resize, state: "Error", message } });
  }
}

/** Raises the pod's limits before those of its containers, and lowers them after. @throws PodError */
function apply(input: StepInput): PodRecord {
  const { context, pod, record, save } = input;
  const { before = {} } = record.resize ?? {};
  const changed = resizedContainers(record.allocated ?? {}, before);
  const running = allRefs(pod).filter(
    ({ container: { name } }) =>
      changed.includes(name) && containerRecord(record, name).current?.state === "running",
  );
  const due = running.filter((ref) => needsRestart(ref, before));
  const others = running.filter((ref) => !due.includes(ref));
  for (const ref of others) checkUsage(input, ref);
  const memory = (of: Pod): number => podResources(of).memoryLimitBytes ?? Infinity;
  if (memory(pod) >= memory(withAllocation(pod, before))) limitPod(input);
  for (const { container, list, index } of others) {
    const resources = resourcesOf(container.resources, pod.spec.resources);
    const settings = containerSettings(resources, `spec.${list}[${index}].resources`);
    ensureCgroup(context.hierarchy, containerCgroup(context, pod, container.name), settings);
  }
  if (due.length === 0) {
    limitPod(input);
    return complete(input);
  }
  const marked = due.reduce(
    (next, { container: { name } }) =>
      setContainer(next, name, { ...containerRecord(next, name), isResizeDue: true }),
    record,
  );
  return save({ ...marked, resize: { state: "InProgress", before, isRestarting: true } });
}

function limitPod({ context, pod }: StepInput): void {
  const settings = podSettings(pod, hugePageSizes());
  ensureCgroup(context.hierarchy, podCgroup(context.hierarchy, pod.metadata.uid), settings);
}

function complete(input: StepInput): PodRecord {
  tell(input, "ResizeCompleted", "Pod resize completed");
  return withoutResize(input);
}

/** The kernel would end a container whose limit is set below what it uses. @throws PodError FailedPrecondition. */
function checkUsage({ context, pod }: StepInput, { container }: ContainerRef): void {
  const { memoryLimitBytes } = resourcesOf(container.resources, pod.spec.resources);
  if (!memoryLimitBytes || !context.hierarchy.controllers.has("memory")) return;
  const used = memoryUsage(containerCgroup(context, pod, container.name));
  if (used <= memoryLimitBytes) return;
  throw new PodError(
    "FailedPrecondition",
    `attempting to set container "${container.name}" memory limit (${memoryLimitBytes}) below current usage (${used})`,
  );
}

function memoryUsage(cgroup: string): number {
  try {
    return Number(readFileSync(join(cgroup, "memory.current"), "utf8"));
  } catch (error) {
    // It has just ended.
    if (hasCode(error, "ENOENT", "ENODEV")) return 0;
    throw error;
  }
}

/** Whether a resource has changed that the container has to be started anew for. */
function needsRestart({ container }: ContainerRef, before: Allocation): boolean {
  const policies = container.resizePolicy ?? [];
  return policies.some(({ resourceName, restartPolicy }) => {
    if (restartPolicy !== "RestartContainer") return false;
    const of = (allocation: Allocation): readonly (string | undefined)[] => {
      const { limits, requests } = allocation[container.name] ?? {};
      return [limits?.[resourceName], requests?.[resourceName]];
    };
    const [next, old] = [of({ [container.name]: container.resources ?? {} }), of(before)];
    return next.some((amount, index) => amount !== old[index]);
  });
}

function tell({ context, pod }: StepInput, reason: string, message: string): void {
  const isFine = reason === "ResizeStarted" || reason === "ResizeCompleted";
  context.report(pod, { type: isFine ? "Normal" : "Warning", reason, message });
}
