// Sums of a pod's containers, its own resources and their defaults.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultPodResources } from "../../../src/spec/default-pod-resources.ts";
import type { Container, Pod, PodSpec } from "../../../src/spec/pod.ts";
import { isLimited, podLimits, podRequests } from "../../../src/spec/pod-resources.ts";

type List = Readonly<Record<string, string>>;

const asking = (requests: List, more: Partial<Container> = {}): Container => ({
  name: "c",
  image: "x",
  resources: { requests },
  ...more,
});

function podOf(spec: Partial<PodSpec>): Pod {
  const metadata = { name: "p", namespace: "default", uid: "u" };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [], ...spec } };
}

const cpus = (pod: Pod): number => Number(podRequests(pod).get("cpu") ?? 0n) / 1e9;

const sums = suite("resources of a pod");

sums("app containers add up, an init container counts alone", () => {
  const containers = [asking({ cpu: "1" }), asking({ cpu: "500m" })];
  assert.is(cpus(podOf({ containers })), 1.5);
  assert.is(cpus(podOf({ containers, initContainers: [asking({ cpu: "1" })] })), 1.5);
  assert.is(cpus(podOf({ containers, initContainers: [asking({ cpu: "2" })] })), 2);
});

sums("sidecars count with the init containers after them, and with the app containers", () => {
  const sidecar = asking({ cpu: "1" }, { restartPolicy: "Always" });
  const containers = [asking({ cpu: "1" })];
  assert.is(cpus(podOf({ containers, initContainers: [sidecar] })), 2);
  const init = asking({ cpu: "3" });
  assert.is(cpus(podOf({ containers, initContainers: [sidecar, init] })), 4);
  assert.is(cpus(podOf({ containers, initContainers: [init, sidecar] })), 3);
});

sums("the pod's own resources stand in place of the sum, overhead comes on top", () => {
  const containers = [asking({ cpu: "1", memory: "1Gi" })];
  const resources = { requests: { cpu: "2" }, limits: { cpu: "3" } };
  const pod = podOf({ containers, resources, overhead: { cpu: "250m", memory: "1Mi" } });
  assert.is(cpus(pod), 2.25);
  assert.is(podRequests(pod).get("memory"), (1n << 30n) * 10n ** 9n + (1n << 20n) * 10n ** 9n);
  assert.equal([...podLimits(pod)], [["cpu", 3_250_000_000n]]);
  assert.ok(isLimited(pod, "cpu"));
  assert.not.ok(isLimited(pod, "memory"));
});

sums("a request that is missing is what the containers ask for, else the limit", () => {
  const filled = (resources: NonNullable<PodSpec["resources"]>, ...requests: readonly List[]) => {
    const spec = { containers: requests.map((list) => asking(list)) };
    return defaultPodResources({ ...spec, resources }, spec);
  };
  const limits = { cpu: "2", memory: "1024Mi" };
  assert.equal(filled({ limits }, { cpu: "500m" }, { cpu: "0.5" }), {
    limits: { cpu: "2", memory: "1Gi" },
    requests: { cpu: "1", memory: "1Gi" },
  });
  assert.equal(filled({ limits, requests: { cpu: "1" } }, {})?.requests, {
    cpu: "1",
    memory: "1Gi",
  });
  assert.equal(filled({}), {});
  const spec = { containers: [] };
  assert.is(defaultPodResources(spec, spec), undefined);
});

sums.run();
