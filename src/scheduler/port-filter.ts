/**
 * Host ports: one pod per address, port and protocol. Programs of the host that are no pods are the node's to find.
 * Pure. Source: Kubernetes API reference, core/v1 ContainerPort; the phrase is the scheduler's.
 */
import type { Pod } from "../spec/pod.ts";
import { isSidecar } from "../spec/pod-resources.ts";
import { type Filter, passing } from "./cluster.ts";

export const portsReason = "node(s) didn't have free ports for the requested pod ports";

interface Port {
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
}

export const hasFreePorts: Filter = (pod, { pods }) => {
  const wanted = portsOf(pod);
  if (wanted.length === 0) return undefined;
  const isTaken = pods
    .filter(({ metadata }) => metadata.uid !== pod.metadata.uid)
    .some((other) => portsOf(other).some((taken) => wanted.some((port) => collide(port, taken))));
  return isTaken ? passing(portsReason) : undefined;
};

const every = "0.0.0.0";

function collide(one: Port, other: Port): boolean {
  if (one.port !== other.port || one.protocol !== other.protocol) return false;
  return one.address === other.address || one.address === every || other.address === every;
}

/** Host ports of everything that stays: app containers and sidecars. */
function portsOf({ spec }: Pod): readonly Port[] {
  return [...(spec.initContainers ?? []).filter(isSidecar), ...spec.containers].flatMap(
    ({ ports = [] }) =>
      ports.flatMap(({ hostPort, hostIP, protocol = "TCP" }) =>
        hostPort ? [{ address: hostIP || every, port: hostPort, protocol }] : [],
      ),
  );
}
