/** What `nspod system info` shows of the daemon and its machine. */
import { arch, cpus, release, totalmem } from "node:os";
import type { SystemInfo } from "../apiserver/backend.ts";
import type { Instance } from "../base/instance.ts";
import type { Hierarchy } from "../cgroup/hierarchy.ts";
import type { ImageStore } from "../image/store.ts";
import type { Pod } from "../spec/pod.ts";
import type { Network } from "./open-network.ts";
import { version } from "./version.ts";

export function systemInfo(input: {
  readonly instance: Instance;
  readonly startedAt: string;
  readonly hierarchy: Hierarchy;
  readonly images: ImageStore;
  readonly pods: readonly Pod[];
  readonly network: Pick<Network, "links">;
}): SystemInfo {
  const { instance, startedAt, hierarchy, images, pods, network } = input;
  const missing = ["cpu", "memory", "pids"].filter(
    (controller) => ![...hierarchy.controllers].some((enabled) => enabled === controller),
  );
  return {
    version,
    pid: process.pid,
    startedAt,
    instance,
    kernel: release(),
    architecture: arch(),
    processors: cpus().length,
    memoryBytes: totalmem(),
    controllers: [...hierarchy.controllers],
    pods: pods.length,
    runningPods: pods.filter(({ status }) => status?.phase === "Running").length,
    images: images.list().length,
    links: network.links(),
    warnings: missing.map(
      (controller) =>
        `Limits that need cgroup controller "${controller}" are not enforced: it is not available in "${hierarchy.directory}"`,
    ),
  };
}
