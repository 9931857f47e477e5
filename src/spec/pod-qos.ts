/**
 * Quality-of-service class of a pod, which decides its cgroup weights and who dies first when memory is short.
 * Source: Kubernetes, "Pod Quality of Service Classes". Only cpu and memory above zero count, in init containers too.
 */

import type { Container, Pod, PodQOSClass, ResourceList } from "./pod.ts";
import { parseQuantity } from "./quantity.ts";

const RESOURCES = ["cpu", "memory"] as const;

/** Class of a defaulted, valid pod (defaulting copies limits to missing requests). */
export function podQosClass(pod: Pod): PodQOSClass {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  if (containers.every(asksForNothing)) {
    return "BestEffort";
  }
  return containers.every(isFullyReserved) ? "Guaranteed" : "Burstable";
}

function asksForNothing(container: Container): boolean {
  const { limits, requests } = container.resources ?? {};
  return RESOURCES.every((name) => amount(limits, name) <= 0n && amount(requests, name) <= 0n);
}

function isFullyReserved(container: Container): boolean {
  const { limits, requests } = container.resources ?? {};
  return RESOURCES.every((name) => {
    const limit = amount(limits, name);
    return limit > 0n && limit === amount(requests, name);
  });
}

function amount(list: ResourceList | undefined, name: string): bigint {
  const text = list?.[name];
  return text === undefined ? 0n : parseQuantity(text).nano;
}
