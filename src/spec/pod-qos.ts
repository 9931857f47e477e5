/**
 * Quality-of-service class of a pod, which decides its cgroup weights and who dies first when memory is short.
 * Source: Kubernetes, "Pod Quality of Service Classes". Only cpu and memory above zero count; where the pod has
 * resources of its own, these alone decide, else those of every container, init containers too.
 */

import type { Pod, PodQOSClass, ResourceList, ResourceRequirements } from "./pod.ts";
import { parseQuantity } from "./quantity.ts";

const RESOURCES = ["cpu", "memory"] as const;

/** Class of a defaulted, valid pod (defaulting copies limits to missing requests). */
export function podQosClass({ spec }: Pod): PodQOSClass {
  const deciding = hasPodLevelResources(spec.resources)
    ? [spec.resources]
    : [...(spec.initContainers ?? []), ...spec.containers].map(({ resources }) => resources);
  if (deciding.every(asksForNothing)) {
    return "BestEffort";
  }
  return deciding.every(isFullyReserved) ? "Guaranteed" : "Burstable";
}

/** Whether `spec.resources` says anything. */
export function hasPodLevelResources(resources: ResourceRequirements | undefined): boolean {
  const { limits = {}, requests = {} } = resources ?? {};
  return Object.keys(limits).length + Object.keys(requests).length > 0;
}

function asksForNothing({ limits, requests }: ResourceRequirements = {}): boolean {
  return RESOURCES.every((name) => amount(limits, name) <= 0n && amount(requests, name) <= 0n);
}

function isFullyReserved({ limits, requests }: ResourceRequirements = {}): boolean {
  return RESOURCES.every((name) => {
    const limit = amount(limits, name);
    return limit > 0n && limit === amount(requests, name);
  });
}

function amount(list: ResourceList | undefined, name: string): bigint {
  const text = list?.[name];
  return text === undefined ? 0n : parseQuantity(text).nano;
}
