import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  containerHugePages,
  containerSettings,
  cpuWeight,
  podResources,
  podSettings,
  resourcesOf,
} from "../../../src/cgroup/limits.ts";
import type { Container, Pod, ResourceRequirements } from "../../../src/spec/pod.ts";

const limits = suite("cgroup limits");

function files(requirements: ResourceRequirements): Record<string, string> {
  const settings = containerSettings(resourcesOf(requirements), "spec.containers[0].resources");
  return Object.fromEntries(settings.map(({ file, value }) => [file, value]));
}

function podOf(
  containers: readonly ResourceRequirements[],
  init: readonly ResourceRequirements[] = [],
): Pod {
  const make = (resources: ResourceRequirements, index: number): Container => ({
    name: `c${index}`,
    image: "x",
    resources,
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u" },
    spec: { containers: containers.map(make), initContainers: init.map(make) },
  };
}

limits("without resources it gets the CPU that others leave, and the OOM group is set", () => {
  assert.equal(files({}), { "cpu.weight": "1", "memory.oom.group": "1" });
});

limits("a CPU limit becomes a quota of a 100 ms period, and the request follows it", () => {
  assert.equal(files({ limits: { cpu: "250m" } }), {
    "cpu.weight": "10",
    "cpu.max": "25000 100000",
    "memory.oom.group": "1",
  });
});

limits("1m is rounded up to the kernel's minimum of 1000 µs", () => {
  assert.is(files({ limits: { cpu: "1m" } })["cpu.max"], "1000 100000");
});

limits("a memory limit cannot be escaped by swapping", () => {
  const found = files({ limits: { memory: "64Mi" } });
  assert.is(found["memory.max"], String(64 << 20));
  assert.is(found["memory.swap.max"], "0");
});

limits("cpuWeight() spans the kernel's range", () => {
  assert.is(cpuWeight(0), 1);
  assert.is(cpuWeight(1000), 39);
  assert.is(cpuWeight(1_000_000), 10_000);
});

limits("the pod gets the sum, but a limit only where every container has one", () => {
  const list = { cpu: "1", memory: "1Mi" };
  const cpu = { limits: list, requests: list };
  assert.equal(podResources(podOf([cpu, cpu])), {
    cpuLimitMillis: 2000,
    cpuRequestMillis: 2000,
    memoryLimitBytes: 2 << 20,
  });
  assert.equal(podResources(podOf([cpu, {}])), { cpuRequestMillis: 1000 });
});

limits("an init container that wants more than all others together decides", () => {
  const small = { limits: { memory: "1Mi" } };
  const large = { limits: { memory: "16Mi" } };
  assert.is(podResources(podOf([small, small], [large])).memoryLimitBytes, 16 << 20);
});

limits("a container without a limit has the pod's", () => {
  const ofPod = { limits: { cpu: "2", memory: "1Gi" }, requests: { cpu: "1" } };
  const requirements = { limits: { cpu: "1" }, requests: { cpu: "1" } };
  assert.equal(resourcesOf(requirements, ofPod), {
    cpuLimitMillis: 1000,
    cpuRequestMillis: 1000,
    memoryLimitBytes: 1 << 30,
  });
});

limits("huge pages are none, or what the pod and its containers are given", () => {
  const sizes = [2 << 20, 1 << 30];
  const values = (settings: readonly { readonly file: string; readonly value: string }[]) =>
    settings
      .filter(({ file }) => file.startsWith("hugetlb"))
      .map(({ file, value }) => `${file}=${value}`);
  assert.equal(values(podSettings(podOf([{}]), sizes)), [
    "hugetlb.2MB.max=0",
    "hugetlb.2MB.rsvd.max=0",
    "hugetlb.1GB.max=0",
    "hugetlb.1GB.rsvd.max=0",
  ]);
  const four = { limits: { "hugepages-2Mi": "4Mi", memory: "1Gi" } };
  const pod = podOf([four, four, {}]);
  assert.equal(values(podSettings(pod, sizes)).slice(0, 3), [
    "hugetlb.2MB.max=8388608",
    "hugetlb.2MB.rsvd.max=8388608",
    "hugetlb.1GB.max=0",
  ]);
  assert.equal(values(containerHugePages(pod, four, sizes.slice(0, 1), "")), [
    "hugetlb.2MB.max=4194304",
    "hugetlb.2MB.rsvd.max=4194304",
  ]);
  assert.equal(values(containerHugePages(pod, {}, sizes.slice(0, 1), "")), [
    "hugetlb.2MB.max=0",
    "hugetlb.2MB.rsvd.max=0",
  ]);
  assert.equal(containerHugePages(podOf([{}]), {}, sizes, ""), []);
});

limits("every pod has a limit of processes", () => {
  const found = podSettings(podOf([{}])).find(({ file }) => file === "pids.max");
  assert.is(found?.value, "4096");
});

limits("name the field that they come from, the containers' for what the pod has of theirs", () => {
  const own = { limits: { cpu: "1", memory: "1Gi" } };
  const origins = (pod: Pod): readonly string[] => [
    ...new Set(podSettings(pod).flatMap(({ origin }) => origin || [])),
  ];
  const fields = ["requests.cpu", "limits.cpu", "limits.memory"];
  const inContainers = podOf([own, own]);
  assert.equal(
    origins(inContainers),
    fields.map((field) => `spec.containers[*].resources.${field}`),
  );
  const inPod = { ...inContainers, spec: { ...podOf([{}]).spec, resources: own } };
  assert.equal(
    origins(inPod),
    fields.map((field) => `spec.resources.${field}`),
  );
});

limits.run();
