// Promise: the resources of a pod as a whole, huge pages and disk space are limited as its manifest says
// (test/manifests/resources.yaml).
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readOwnCapabilities } from "../../src/container/capabilities.ts";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { cgroup2MountPoint, requires, requiresFor } from "../support/requires.ts";

requires("root", "kernel:5.15");

// Before the daemon looks at what its node has; a machine that has none lends two for the test.
const pages = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
const reserved = existsSync(pages) ? readFileSync(pages, "utf8").trim() : "";
if (reserved === "0") {
  writeFileSync(pages, "2");
  process.on("exit", () => writeFileSync(pages, reserved));
}

const { test, run } = podSuite("resources of pods", "busybox");

/** A file of the cgroup of a pod or of one of its containers. */
async function cgroupFile(pods: Pods, pod: string, path: string): Promise<string> {
  const { metadata } = await pods.get(pod);
  const folder = join(cgroup2MountPoint() ?? "", pods.instance.cgroup, `pod${metadata.uid}`);
  return readFileSync(join(folder, path), "utf8").trim();
}

async function oomScore(pods: Pods, pod: string, container: string): Promise<number> {
  const [pid = 0] = await pods.pids(pod, container);
  return Number(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8"));
}

test("a pod's own resources decide its class and its oom scores", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("resources")]);
  const running = (name: string) =>
    pods.until(name, "all to run", ({ status }) =>
      status?.containerStatuses?.every(({ state }) => state?.running),
    );
  const shared = await running("shared-budget");
  assert.is(shared.status?.qosClass, "Burstable");
  // 64 MiB of its own and half of the other 64 MiB.
  const expected = 1000 - Math.floor((1000 * 96 * 2 ** 20) / totalmem());
  assert.is(await oomScore(pods, "shared-budget", "limited"), Math.min(999, expected));
  const guaranteed = await running("guaranteed");
  assert.is(guaranteed.status?.qosClass, "Guaranteed");
  assert.equal(guaranteed.spec.resources?.requests, { cpu: "1", memory: "64Mi" });
  // Without the capability nspod cannot make a process more precious than itself.
  const canLower = readOwnCapabilities().includes("SYS_RESOURCE");
  assert.is(await oomScore(pods, "guaranteed", "main"), canLower ? -997 : 0);
});

const limited = (
  name: string,
  body: (pods: Pods) => Promise<void>,
  ...needs: readonly ("cgroup2:memory" | "cgroup2:hugetlb")[]
): void => {
  const register = Object.assign((title: string): void => test(title, body), {
    skip: (): void => undefined,
  });
  requiresFor(register, ...needs)(name, () => undefined);
};

limited(
  "the pod's limits hold for it and for containers without their own",
  async (pods) => {
    const file = (path: string): Promise<string> => cgroupFile(pods, "shared-budget", path);
    assert.is(await file("memory.max"), String(256 * 2 ** 20));
    assert.is(await file("cpu.max"), "100000 100000");
    assert.is(await file("cpu.weight"), "20");
    assert.is(await file("free/memory.max"), String(256 * 2 ** 20));
    assert.is(await file("free/cpu.weight"), "1");
    assert.is(await file("limited/memory.max"), String(64 * 2 ** 20));
    assert.is(await file("limited/cpu.max"), "20000 100000");
  },
  "cgroup2:memory",
);

limited(
  "huge pages are for those who ask",
  async (pods) => {
    await pods.until("huge-pages", "all to run", ({ status }) =>
      status?.containerStatuses?.every(({ state }) => state?.running),
    );
    const file = (path: string): Promise<string> => cgroupFile(pods, "huge-pages", path);
    if (!existsSync(pages)) return;
    assert.is(await file("hugetlb.2MB.max"), String(4 * 2 ** 20));
    assert.is(await file("main/hugetlb.2MB.max"), String(4 * 2 ** 20));
    assert.is(await file("main/hugetlb.2MB.rsvd.max"), String(4 * 2 ** 20));
    assert.is(await file("none/hugetlb.2MB.max"), "0");
    assert.is(await cgroupFile(pods, "guaranteed", "hugetlb.2MB.max"), "0");
  },
  "cgroup2:hugetlb",
);

test("a container that fills the disk beyond its limit is evicted", async (pods) => {
  const pod = await pods.untilEnded("hoarder", 40_000);
  assert.is(pod.status?.reason, "Evicted");
  assert.is(
    pod.status?.message,
    'Container main exceeded its local ephemeral storage limit "2Mi".',
  );
  const events = await pods.events("hoarder");
  assert.ok(events.some(({ reason, type }) => reason === "Evicted" && type === "Warning"));
}, 60_000);

run();
