/**
 * What pods and the machine use, measured when somebody asks and never else. Cpu in use is the difference to the
 * question before; who asks first waits a moment for a second reading.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { podCgroup } from "../cgroup/hierarchy.ts";
import { type CgroupUsage, readUsage } from "../cgroup/usage.ts";
import type { Pod } from "../spec/pod.ts";
import { type LinkCounters, parseNetDev } from "../sys/net-dev.ts";
import { parseMeminfo, readProc } from "../sys/procfs.ts";
import { containerCgroup } from "./attempt.ts";
import { allRefs } from "./container-refs.ts";
import { CpuRates, secondReadingMs } from "./cpu-rates.ts";
import type { PodEngine } from "./engine.ts";
import { containerRecord } from "./record.ts";

export interface Usage extends CgroupUsage {
  /** Cpu in use, 1000 is one processor; absent where the kernel does not tell. */
  readonly cpuMillis?: number;
}

export interface ContainerUsage extends Usage {
  readonly name: string;
  /** When its attempt began, wall clock. */
  readonly startedAtMs: number;
}

export interface PodUsage {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Wall clock of the last reading. */
  readonly timeMs: number;
  /** How long cpu was measured. */
  readonly windowMs: number;
  /** Of all containers together. */
  readonly total: Usage;
  /** Those that run. */
  readonly containers: readonly ContainerUsage[];
  /** Of the pod's link; absent on the host's network. */
  readonly network?: LinkCounters;
}

export interface MachineUsage {
  readonly name: string;
  readonly timeMs: number;
  readonly windowMs: number;
  readonly cpuMillis: number;
  /** Time that its processors worked since boot. */
  readonly cpuMicroseconds: number;
  /** What is not available for new programs. */
  readonly memoryBytes: number;
  /** What is. */
  readonly availableBytes: number;
}

/** Ticks of /proc/stat per second, USER_HZ: 100 on every architecture we know. */
const ticksPerSecond = 100;

/** The pod's end of its link. */
export const podLink = "eth0";

export class PodMeter {
  readonly #engine: PodEngine;
  readonly #rates = new CpuRates();

  constructor(engine: PodEngine) {
    this.#engine = engine;
  }

  /** Pods that have no running container are left out. */
  async pods(pods: readonly Pod[]): Promise<readonly PodUsage[]> {
    const read = (): readonly (PodUsage | undefined)[] => pods.map((pod) => this.#pod(pod));
    const isWhole = (usage: PodUsage | undefined): boolean =>
      usage === undefined || usage.windowMs > 0;
    return (await this.#twice(read, (found) => found.every(isWhole))).filter(
      (usage) => usage !== undefined,
    );
  }

  async machine(): Promise<MachineUsage> {
    return await this.#twice(
      () => this.#machine(),
      ({ windowMs }) => windowMs > 0,
    );
  }

  async #twice<T>(read: () => T, isWhole: (result: T) => boolean): Promise<T> {
    this.#rates.prune(performance.now());
    const first = read();
    if (isWhole(first)) return first;
    await sleep(secondReadingMs);
    return read();
  }

  #pod(pod: Pod): PodUsage | undefined {
    const { context } = this.#engine;
    const { name, namespace, uid, labels = {} } = pod.metadata;
    const record = this.#engine.record(uid);
    if (record === undefined) return undefined;
    let windowMs = 0;
    const measured = (directory: string): Usage | undefined => {
      const usage = readUsage(directory);
      if (usage?.cpuMicroseconds === undefined) return usage;
      const rate = this.#rates.take(directory, usage.cpuMicroseconds, performance.now());
      if (rate === undefined) return usage;
      windowMs = Math.max(windowMs, rate.windowMs);
      return { ...usage, cpuMillis: rate.millis };
    };
    const containers = allRefs(pod).flatMap(({ container }) => {
      const { current } = containerRecord(record, container.name);
      if (current?.state !== "running") return [];
      const usage = measured(containerCgroup(context, pod, container.name));
      const { startedAtMs } = current;
      return usage === undefined ? [] : [{ name: container.name, startedAtMs, ...usage }];
    });
    if (containers.length === 0) return undefined;
    const total = measured(podCgroup(context.hierarchy, uid));
    // The shim lives in the pod's network and outside of its cgroup.
    const shimPid = this.#engine.live(uid)?.shim?.shimPid;
    const links = shimPid === undefined ? undefined : readProc(`/proc/${shimPid}/net/dev`);
    const network =
      links === undefined || pod.spec.hostNetwork ? undefined : parseNetDev(links).get(podLink);
    return {
      name,
      namespace,
      uid,
      labels,
      timeMs: context.clock.now(),
      windowMs,
      total: total ?? {},
      containers,
      ...(network === undefined ? {} : { network }),
    };
  }

  #machine(): MachineUsage {
    const { context } = this.#engine;
    const microseconds = busyMicroseconds(readProc("/proc/stat") ?? "");
    const rate = this.#rates.take("machine", microseconds, performance.now());
    const { totalBytes, availableBytes } = parseMeminfo(readProc("/proc/meminfo") ?? "");
    return {
      name: context.nodeName,
      timeMs: context.clock.now(),
      windowMs: rate?.windowMs ?? 0,
      cpuMillis: rate?.millis ?? 0,
      cpuMicroseconds: microseconds,
      availableBytes,
      memoryBytes: totalBytes - availableBytes,
    };
  }
}

/**
 * Time that all processors worked since boot.
 * Source: proc_stat(5): user nice system idle iowait irq softirq steal; guest time is in user already.
 */
export function busyMicroseconds(stat: string): number {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(" ").map(Number);
  return ((user + nice + system + irq + softirq) * 1_000_000) / ticksPerSecond;
}
