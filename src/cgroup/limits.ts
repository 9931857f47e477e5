/**
 * Translates Kubernetes resources into cgroup v2 files, as the kubelet and runc do. Pure.
 *
 * Sources: kernel cgroup-v2.rst ("cpu.max", "cpu.weight", "memory.max", "memory.oom.group",
 * "pids.max"); kubelet pkg/kubelet/cm/helpers_linux.go for shares and quotas; runc's conversion of
 * shares to a weight.
 */
import type { Pod, ResourceRequirements } from "../spec/pod.ts";
import { isLimited, podLimits, podRequests } from "../spec/pod-resources.ts";
import { byteCount, cpuMillis } from "../spec/quantity.ts";
import { hugePageLimits, hugePageSettings } from "./huge-pages.ts";

/** Cgroup v2 controllers that nspod can use. */
export type Controller = "cpu" | "memory" | "pids" | "hugetlb";

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

/**
 * The numbers in a container's `resources`.
 * @param ofPod - of the whole pod: its limits hold where the container has none of its own.
 */
export function resourcesOf(
  requirements: ResourceRequirements | undefined,
  ofPod: ResourceRequirements | undefined = undefined,
): Resources {
  const limits = { ...ofPod?.limits, ...requirements?.limits };
  const requests = requirements?.requests;
  const cpuLimit = limits["cpu"];
  const cpuRequest = requests?.["cpu"] ?? requirements?.limits?.["cpu"];
  const memoryLimit = limits["memory"];
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

/**
 * The files of a pod's cgroup: what it may use together, and the limit of processes.
 * @param pageSizes - of huge pages, from `hugePageSizes()`
 */
export function podSettings(pod: Pod, pageSizes: readonly number[] = []): Setting[] {
  const resources = podResources(pod);
  const hasOwn = pod.spec.resources !== undefined;
  const origin = hasOwn ? "spec.resources" : "spec.containers[*].resources";
  const pages = [...podLimits(pod)].filter(([name]) => name.startsWith("hugepages-"));
  const limits = hugePageLimits(
    Object.fromEntries(pages.map(([name, nano]) => [name, `${nano}n`])),
  );
  return [
    ...cpuSettings(resources, origin),
    ...memorySettings(resources, origin),
    ...hugePageSettings(limits, pageSizes, `${origin}.limits`),
    { controller: "pids", file: "pids.max", value: String(podPidsMax), origin: "" },
  ];
}

/** The files that share a pod's huge pages out; none when it has none, because then its cgroup allows none. */
export function containerHugePages(
  pod: Pod,
  requirements: ResourceRequirements | undefined,
  pageSizes: readonly number[],
  origin: string,
): Setting[] {
  const hasPages = [...podLimits(pod).keys()].some((name) => name.startsWith("hugepages-"));
  if (!hasPages) return [];
  const limits = { ...pod.spec.resources?.limits, ...requirements?.limits };
  return hugePageSettings(hugePageLimits(limits), pageSizes, `${origin}.limits`);
}

/** What the pod may use together. A limit exists only where the pod has one itself or every container does. */
export function podResources(pod: Pod): Resources {
  const limits = podLimits(pod);
  const amount = (nano: bigint | undefined, nanoPerStep: bigint): number | undefined =>
    nano === undefined || nano === 0n ? undefined : Number((nano + nanoPerStep - 1n) / nanoPerStep);
  const limit = (name: string, nanoPerStep: bigint): number | undefined =>
    isLimited(pod, name) ? amount(limits.get(name), nanoPerStep) : undefined;
  const cpuLimitMillis = limit("cpu", nanoPerMilli);
  const cpuRequestMillis = amount(podRequests(pod).get("cpu"), nanoPerMilli) ?? cpuLimitMillis;
  const memoryLimitBytes = limit("memory", nanoPerUnit);
  return {
    ...(cpuLimitMillis === undefined ? {} : { cpuLimitMillis }),
    ...(cpuRequestMillis === undefined ? {} : { cpuRequestMillis }),
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  };
}

const nanoPerUnit = 1_000_000_000n;
const nanoPerMilli = 1_000_000n;

function cpuSettings(resources: Resources, origin: string): Setting[] {
  const { cpuLimitMillis, cpuRequestMillis } = resources;
  const settings: Setting[] = [
    {
      controller: "cpu",
      file: "cpu.weight",
      // Without a request it gets what the others leave, not the kernel's default of 2.6 CPUs' worth.
      value: String(cpuWeight(cpuRequestMillis ?? 0)),
      origin: cpuRequestMillis === undefined ? "" : `${origin}.requests.cpu`,
    },
  ];
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
