/**
 * What a node and its pods use, as a kubelet tells it. Pure.
 * Source: Kubernetes, "Node metrics data"; kubelet stats/v1alpha1 Summary.
 */
import { type MachineUsage, type PodUsage, podLink, type Usage } from "../pod/pod-meter.ts";

export function statsSummary(machine: MachineUsage, pods: readonly PodUsage[]): object {
  const time = new Date(machine.timeMs).toISOString();
  return {
    node: {
      nodeName: machine.name,
      cpu: {
        time,
        usageNanoCores: nanoCores(machine.cpuMillis),
        usageCoreNanoSeconds: machine.cpuMicroseconds * 1000,
      },
      memory: {
        time,
        availableBytes: machine.availableBytes,
        workingSetBytes: machine.memoryBytes,
      },
    },
    pods: pods.map(podStats),
  };
}

function podStats(pod: PodUsage): object {
  const { name, namespace, uid, timeMs, total, containers, network } = pod;
  const time = new Date(timeMs).toISOString();
  return {
    podRef: { name, namespace, uid },
    ...usage(total, time),
    ...(network !== undefined && {
      network: {
        time,
        name: podLink,
        rxBytes: network.receivedBytes,
        txBytes: network.sentBytes,
      },
    }),
    containers: containers.map((container) => ({
      name: container.name,
      startTime: new Date(container.startedAtMs).toISOString(),
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
