/**
 * What a node and its pods use, as a kubelet tells it. Pure.
 * Source: Kubernetes, "Node metrics data"; kubelet stats/v1alpha1 Summary.
 */
import type { MachineUsage, PodUsage, Usage } from "../pod/pod-meter.ts";

export function statsSummary(machine: MachineUsage, pods: readonly PodUsage[]): object {
  const time = new Date(machine.timeMs).toISOString();
  return {
    node: {
      nodeName: machine.name,
      cpu: { time, usageNanoCores: nanoCores(machine.cpuMillis) },
      memory: { time, workingSetBytes: machine.memoryBytes },
    },
    pods: pods.map(podStats),
  };
}

function podStats({ name, namespace, uid, timeMs, total, containers }: PodUsage): object {
  const time = new Date(timeMs).toISOString();
  return {
    podRef: { name, namespace, uid },
    ...usage(total, time),
    containers: containers.map((container) => ({
      name: container.name,
      ...usage(container, time),
    })),
  };
}

function usage({ cpuMillis, cpuMicroseconds, memory }: Usage, time: string): object {
  return {
    cpu: {
      time,
      ...(cpuMillis !== undefined && { usageNanoCores: nanoCores(cpuMillis) }),
      ...(cpuMicroseconds !== undefined && { usageCoreNanoSeconds: cpuMicroseconds * 1000 }),
    },
    ...(memory !== undefined && { memory: { time, workingSetBytes: memory.workingSetBytes } }),
  };
}

function nanoCores(millis: number): number {
  return Math.round(millis * 1e6);
}
