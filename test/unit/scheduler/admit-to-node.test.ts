import { suite } from "uvu";
import * as assert from "uvu/assert";
import { refuseOnNode } from "../../../src/scheduler/admit-to-node.ts";
import { refuseResize } from "../../../src/scheduler/fit-resize.ts";
import { nodeOf, podOf } from "./fixture.ts";

const admit = suite("refuseOnNode()");

admit("takes a pod that fits, also one that it has counted already", () => {
  const pod = podOf("p", { nodeName: "n1", requests: { cpu: "2" } });
  assert.is(refuseOnNode(pod, nodeOf("n1")), undefined);
  assert.is(refuseOnNode(pod, nodeOf("n1", { pods: [pod] })), undefined);
});

admit("says in the words of the kubelet what is missing", () => {
  const busy = nodeOf("n1", { pods: [podOf("old", { requests: { cpu: "1500m" } })] });
  assert.equal(refuseOnNode(podOf("p", { requests: { cpu: "1" } }), busy), {
    reason: "OutOfcpu",
    message: "Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000",
  });
  const full = nodeOf("n1", { allocatable: { pods: "1" }, pods: [podOf("old")] });
  assert.equal(refuseOnNode(podOf("p"), full), {
    reason: "OutOfpods",
    message: "Node didn't have enough resource: pods, requested: 1, used: 1, capacity: 1",
  });
});

admit("refuses by labels, ports and taints", () => {
  assert.is(
    refuseOnNode(podOf("p", { nodeSelector: { a: "b" } }), nodeOf("n1"))?.message,
    "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  );
  const ports = [{ containerPort: 80, hostPort: 80 }];
  const taken = nodeOf("n1", { pods: [podOf("old", { ports })] });
  assert.is(refuseOnNode(podOf("p", { ports }), taken)?.reason, "NodePorts");
  const taint = { key: "a", effect: "NoExecute" } as const;
  assert.is(refuseOnNode(podOf("p"), nodeOf("n1", { taints: [taint] }))?.reason, "TaintToleration");
});

admit("leaves to the scheduler what only keeps pods from being placed", () => {
  const taint = { key: "a", effect: "NoSchedule" } as const;
  const node = nodeOf("n1", { taints: [taint], unschedulable: true });
  assert.is(refuseOnNode(podOf("p"), node), undefined);
});

admit.run();

const resize = suite("refuseResize()");

resize("is infeasible above what the node has, deferred above what is free", () => {
  const busy = nodeOf("n1", { pods: [podOf("old", { requests: { cpu: "1500m" } })] });
  assert.equal(refuseResize(podOf("p", { requests: { cpu: "3" } }), busy), {
    reason: "Infeasible",
    message: "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000",
  });
  assert.equal(refuseResize(podOf("p", { requests: { cpu: "1" } }), busy), {
    reason: "Deferred",
    message: "Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000",
  });
  assert.is(refuseResize(podOf("p", { requests: { cpu: "500m" } }), busy), undefined);
});

resize.run();
