/**
 * Whom the kernel kills first when memory runs out: oom_score_adj by quality of service.
 * Source: Kubernetes, "Node out of memory behavior"; kubelet pkg/kubelet/qos/policy.go; security: B6.
 */
import type { Container, Pod } from "../spec/pod.ts";
import { hasPodLevelResources, podQosClass } from "../spec/pod-qos.ts";
import { isSidecar } from "../spec/pod-resources.ts";
import { byteCount } from "../spec/quantity.ts";

const guaranteed = -997;
const bestEffort = 1000;
/** Priority of the class system-node-critical. */
const nodeCritical = 2_000_001_000;

/** -997 for Guaranteed, 1000 for BestEffort, between 3 and 999 by the request for Burstable. */
export function containerOomScoreAdj(
  pod: Pod,
  container: Container,
  nodeMemoryBytes: number,
): number {
  if ((pod.spec.priority ?? 0) >= nodeCritical) return guaranteed;
  const score = (bytes: number): number => burstableScore(bytes, nodeMemoryBytes);
  switch (podQosClass(pod)) {
    case "Guaranteed":
      return guaranteed;
    case "BestEffort":
      return bestEffort;
    case "Burstable": {
      const own = score(requestOf(pod, container));
      const isOfInit = (pod.spec.initContainers ?? []).some(({ name }) => name === container.name);
      if (!isOfInit || !isSidecar(container)) return own;
      // What app containers depend on is not killed before them.
      return Math.min(own, ...pod.spec.containers.map((each) => score(requestOf(pod, each))));
    }
  }
}

function burstableScore(bytes: number, nodeMemoryBytes: number): number {
  const score = 1000 - Math.floor((1000 * bytes) / nodeMemoryBytes);
  return Math.min(Math.max(score, 1000 + guaranteed), bestEffort - 1);
}

/** The container's request and its share of what the pod asks for beyond its containers. */
function requestOf({ spec }: Pod, container: Container): number {
  const own = memoryOf(container.resources?.requests);
  const ofPod = memoryOf(spec.resources?.requests);
  if (!hasPodLevelResources(spec.resources) || ofPod === 0) return own;
  const all = [...(spec.initContainers ?? []).filter(isSidecar), ...spec.containers];
  const sum = all.reduce((total, { resources }) => total + memoryOf(resources?.requests), 0);
  return own + Math.floor(Math.max(0, ofPod - sum) / all.length);
}

function memoryOf(list: Readonly<Record<string, string>> | undefined): number {
  const text = list?.["memory"];
  return text === undefined ? 0 : byteCount(text);
}
