/**
 * The Lease of a node: its sign of life, cheaper than its status. Pure.
 * Source: Kubernetes, "Leases", "Node Heartbeats"; API reference, coordination.k8s.io/v1 Lease.
 */
import type { Lease, Node } from "../spec/kubernetes.gen.ts";

export const leaseNamespace = "kube-node-lease";

/** The kubelet's: 40 s, renewed four times as often. */
export const defaultLeaseSeconds = 40;

/** How often a lease is renewed. */
export function renewPeriodMs(durationSeconds: number): number {
  return (durationSeconds * 1000) / 4;
}

export interface LeaseFacts {
  readonly nodeName: string;
  /** The owner: the lease goes with it. Absent: there is no such object yet. */
  readonly node: Node | undefined;
  readonly durationSeconds: number;
  readonly nowMs: number;
}

/** The lease as it is to be stored. @param current - as it is; undefined for the first time. */
export function renewedLease(facts: LeaseFacts, current: Lease | undefined): Lease {
  const { nodeName, node, durationSeconds, nowMs } = facts;
  const { uid = "" } = node?.metadata ?? {};
  const owner = { apiVersion: "v1", kind: "Node", name: nodeName, uid };
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      ...(current?.metadata ?? { name: nodeName, namespace: leaseNamespace, uid: "" }),
      ...(uid !== "" && { ownerReferences: [owner] }),
    },
    spec: {
      ...current?.spec,
      holderIdentity: nodeName,
      leaseDurationSeconds: durationSeconds,
      renewTime: toMicroTime(nowMs),
    },
  };
}

/** Kubernetes' metav1.MicroTime. */
export function toMicroTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
