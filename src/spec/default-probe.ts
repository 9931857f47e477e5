/** Kubernetes' defaults for probes and hooks. Pure and idempotent. */

import type { Container, HTTPGetAction, LifecycleHandler, Probe } from "./pod.ts";

const probeFields = ["startupProbe", "livenessProbe", "readinessProbe"] as const;
const hookFields = ["postStart", "preStop"] as const;

/** Probes and lifecycle of a container with every default filled in; only the fields that it has. */
export function defaultProbes(
  container: Container,
): Pick<Container, (typeof probeFields)[number] | "lifecycle"> {
  const filled: Partial<Record<(typeof probeFields)[number], Probe>> = {};
  for (const field of probeFields) {
    const probe = container[field];
    if (probe !== undefined) filled[field] = defaultProbe(probe);
  }
  const { lifecycle } = container;
  if (lifecycle === undefined) return filled;
  const hooks: Partial<Record<(typeof hookFields)[number], LifecycleHandler>> = {};
  for (const field of hookFields) {
    const handler = lifecycle[field];
    if (handler !== undefined) hooks[field] = defaultHandler(handler);
  }
  return { ...filled, lifecycle: { ...lifecycle, ...hooks } };
}

/** As in Kubernetes 0 is the same as not written. */
function defaultProbe(probe: Probe): Probe {
  return {
    ...defaultHandler(probe),
    ...(probe.grpc && { grpc: { ...probe.grpc, service: probe.grpc.service ?? "" } }),
    timeoutSeconds: probe.timeoutSeconds || 1,
    periodSeconds: probe.periodSeconds || 10,
    successThreshold: probe.successThreshold || 1,
    failureThreshold: probe.failureThreshold || 3,
  };
}

function defaultHandler<T extends { readonly httpGet?: HTTPGetAction }>(handler: T): T {
  const { httpGet } = handler;
  if (httpGet === undefined) return handler;
  const { path, scheme } = httpGet;
  return { ...handler, httpGet: { ...httpGet, path: path || "/", scheme: scheme ?? "HTTP" } };
}
