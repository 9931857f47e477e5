/**
 * Translates Kubernetes resources into cgroup v2 files, as the kubelet and runc do. Pure.
 *
 * Sources: kernel cgroup-v2.rst ("cpu.max", "cpu.weight", "memory.max", "memory.oom.group",
 * "pids.max"); kubelet pkg/kubelet/cm/helpers_linux.go for shares and quotas; runc's conversion of
 * shares to a weight.
 */
import type { Container, Pod, ResourceRequirements } from "../spec/pod.ts";
import { byteCount, cpuMillis } from "../spec/quantity.ts";

/** Cgroup v2 controllers that nspod can use. */
export type Controller = "cpu" | "memory" | "pids";

export interface Setting {
  readonly controller: Controller;
  /** Name of the file in the cgroup's directory. */
  readonly file: string;
  readonly value: string;
  /** The field that asks for it; "" for nspod's own defaults. */
  readonly origin: string;
}

export interface Resources {
  readonly cpuLimitMillis?: number;
  readonly cpuRequestMillis?: number;
  readonly memoryLimitBytes?: number;
}

/** The most processes and threads of one pod (security: KRN-15). */
export const podPidsMax = 4096;

const cpuPeriodUs = 100_000;
// The scheduler's smallest bandwidth (kernel/sched/core.c min_cfs_quota_period).
const minimumQuotaUs = 1_000;

/** The numbers in a container's `resources`. */
export function resourcesOf(requirements: ResourceRequirements | undefined): Resources {
  const limits = requirements?.limits;
  const requests = requirements?.requests;
  const cpuLimit = limits?.["cpu"];
  const cpuRequest = requests?.["cpu"] ?? cpuLimit;
  const memoryLimit = limits?.["memory"];
  return {
    ...(cpuLimit === undefined ? {} : { cpuLimitMillis: cpuMillis(cpuLimit) }),
    ...(cpuRequest === undefined ? {} : { cpuRequestMillis: cpuMillis(cpuRequest) }),
    ...(memoryLimit === undefined ? {} : { memoryLimitBytes: byteCount(memoryLimit) }),
  };
}

/** The files of one container's cgroup. @param origin - path of its `resources` in the spec. */
export function containerSettings(resources: Resources, origin: string): Setting[] {
  return [
    ...cpuSettings(resources, origin),
    ...memorySettings(resources, origin),
    // One process killed for memory ends the whole container, as Kubernetes does since 1.28.
    { controller: "memory", file: "memory.oom.group", value: "1", origin: "" },
  ];
}

/** The files of a pod's cgroup: sums of its containers, and the limit of processes. */
export function podSettings(pod: Pod): Setting[] {
  const resources = podResources(pod);
  return [
    ...cpuSettings(resources, "spec"),
    ...memorySettings(resources, "spec"),
    { controller: "pids", file: "pids.max", value: String(podPidsMax), origin: "" },
  ];
}

/**
 * What the pod may use together: the sum of its containers, or one init container's if that is
 * more (they run alone). A limit exists only where every container has one.
 */
export function podResources(pod: Pod): Resources {
  const apps = pod.spec.containers.map(resourcesOfContainer);
  const inits = (pod.spec.initContainers ?? []).map(resourcesOfContainer);
  const total = (field: keyof Resources, needsAll: boolean): number | undefined => {
    const values = apps.map((resources) => resources[field]);
    const initValues = inits.map((resources) => resources[field]);
    if (needsAll && [...values, ...initValues].includes(undefined)) return undefined;
    const sum = values.reduce<number>((all, value) => all + (value ?? 0), 0);
    const most = Math.max(sum, ...initValues.map((value) => value ?? 0));
    return most === 0 ? undefined : most;
  };
  const cpuLimitMillis = total("cpuLimitMillis", true);
  const cpuRequestMillis = total("cpuRequestMillis", false);
  const memoryLimitBytes = total("memoryLimitBytes", true);
  return {
    ...(cpuLimitMillis === undefined ? {} : { cpuLimitMillis }),
    ...(cpuRequestMillis === undefined ? {} : { cpuRequestMillis }),
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  };
}

function resourcesOfContainer(container: Container): Resources {
  return resourcesOf(container.resources);
}

function cpuSettings(resources: Resources, origin: string): Setting[] {
  const { cpuLimitMillis, cpuRequestMillis } = resources;
  const settings: Setting[] = [];
  if (cpuRequestMillis !== undefined) {
    settings.push({
      controller: "cpu",
      file: "cpu.weight",
      value: String(cpuWeight(cpuRequestMillis)),
      origin: `${origin}.requests.cpu`,
    });
  }
  if (cpuLimitMillis !== undefined && cpuLimitMillis > 0) {
    const quota = Math.max((cpuLimitMillis * cpuPeriodUs) / 1000, minimumQuotaUs);
    settings.push({
      controller: "cpu",
      file: "cpu.max",
      value: `${quota} ${cpuPeriodUs}`,
      origin: `${origin}.limits.cpu`,
    });
  }
  return settings;
}

function memorySettings({ memoryLimitBytes }: Resources, origin: string): Setting[] {
  if (memoryLimitBytes === undefined || memoryLimitBytes === 0) return [];
  return [
    {
      controller: "memory",
      file: "memory.max",
      value: String(memoryLimitBytes),
      origin: `${origin}.limits.memory`,
    },
    // A limit that could be escaped by swapping would not be one (kubelet: NoSwap).
    { controller: "memory", file: "memory.swap.max", value: "0", origin: "" },
  ];
}

/** 1000 millicores are 1024 shares; shares 2..262144 map linearly to weights 1..10000. */
export function cpuWeight(requestMillis: number): number {
  const shares = Math.min(Math.max(Math.floor((requestMillis * 1024) / 1000), 2), 262_144);
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142);
}
