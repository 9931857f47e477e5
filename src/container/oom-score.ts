/**
 * Whom the kernel kills first when memory runs out: oom_score_adj by quality of service.
 * Source: Kubernetes, "Node out of memory behavior"; security: B6.
 */
import type { Container, Pod } from "../spec/pod.ts";
import { podQosClass } from "../spec/pod-qos.ts";
import { byteCount } from "../spec/quantity.ts";

const guaranteed = -997;
const bestEffort = 1000;

/** -997 for Guaranteed, 1000 for BestEffort, between 3 and 999 by the request for Burstable. */
export function containerOomScoreAdj(
  pod: Pod,
  container: Container,
  nodeMemoryBytes: number,
): number {
  switch (podQosClass(pod)) {
    case "Guaranteed":
      return guaranteed;
    case "BestEffort":
      return bestEffort;
    case "Burstable": {
      const request = container.resources?.requests?.["memory"];
      const bytes = request === undefined ? 0 : byteCount(request);
      const score = 1000 - Math.floor((1000 * bytes) / nodeMemoryBytes);
      return Math.min(Math.max(score, 1000 + guaranteed), bestEffort - 1);
    }
  }
}
