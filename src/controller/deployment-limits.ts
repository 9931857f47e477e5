/**
 * How far a rollout may go in each direction. Pure. Source: Kubernetes, "Deployments", "Max Unavailable", "Max Surge":
 * a surge is rounded up, what may be missing is rounded down, and never are both nothing.
 */
import { resolveIntOrPercent } from "../spec/int-or-percent.ts";
import type { Deployment } from "../spec/kubernetes.gen.ts";

export function maxSurgeOf({ spec }: Deployment): number {
  if (spec.strategy?.type === "Recreate") return 0;
  const { maxSurge = "25%" } = spec.strategy?.rollingUpdate ?? {};
  return resolveIntOrPercent(maxSurge, spec.replicas ?? 1, "up");
}

export function maxUnavailableOf(deployment: Deployment): number {
  const { spec } = deployment;
  const { replicas = 1 } = spec;
  if (spec.strategy?.type === "Recreate" || replicas === 0) return 0;
  const { maxUnavailable = "25%" } = spec.strategy?.rollingUpdate ?? {};
  const unavailable = resolveIntOrPercent(maxUnavailable, replicas, "down");
  const least = maxSurgeOf(deployment) === 0 ? 1 : 0;
  return Math.min(Math.max(unavailable, least), replicas);
}
