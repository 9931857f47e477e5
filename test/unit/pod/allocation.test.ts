import { suite } from "uvu";
import * as assert from "uvu/assert";
import { allocationOf, resizedContainers, withAllocation } from "../../../src/pod/allocation.ts";
import type { Pod, ResourceRequirements } from "../../../src/spec/pod.ts";

function podWith(...resources: readonly ResourceRequirements[]): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u" },
    spec: {
      containers: resources.map((each, index) => ({
        name: `c${index}`,
        image: "i",
        resources: each,
      })),
    },
  };
}

const allocation = suite("allocation");

allocation("leaves containers out that ask for nothing", () => {
  const pod = podWith({ requests: { cpu: "1" } }, {});
  assert.equal(allocationOf(pod), { c0: { requests: { cpu: "1" } } });
});

allocation("tells cpu and memory apart by their amount, and nothing else", () => {
  const of = (resources: ResourceRequirements) => ({ c: resources });
  const one = of({ requests: { cpu: "1", "ephemeral-storage": "1Gi" } });
  assert.equal(resizedContainers(one, of({ requests: { cpu: "1000m" } })), []);
  assert.equal(resizedContainers(one, of({ requests: { cpu: "2" } })), ["c"]);
  assert.equal(resizedContainers(one, of({ requests: { cpu: "1" }, limits: { memory: "1" } })), [
    "c",
  ]);
  assert.equal(resizedContainers(one, {}), ["c"]);
});

allocation("gives a pod what it has been given", () => {
  const pod = podWith({ requests: { cpu: "2" } }, { requests: { cpu: "1" } });
  const given = withAllocation(pod, {
    c0: { requests: { cpu: "1" } },
    c1: { requests: { cpu: "1" } },
  });
  assert.equal(
    given.spec.containers.map(({ resources }) => resources?.requests?.["cpu"]),
    ["1", "1"],
  );
  assert.is(withAllocation(pod, allocationOf(pod)), pod);
  assert.is(withAllocation(pod, undefined), pod);
});

allocation.run();
