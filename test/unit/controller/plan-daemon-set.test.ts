// Which nodes get and lose pods of a DaemonSet, and how many at once.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { daemonPod } from "../../../src/controller/daemon-pod.ts";
import { planDaemonSet } from "../../../src/controller/plan-daemon-set.ts";
import type { DaemonSet, Node, Taint } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";

function daemonSet(rollingUpdate: object = {}, nodeSelector?: Record<string, string>): DaemonSet {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "each", namespace: "default", uid: "uid" },
    spec: {
      selector: { matchLabels: { app: "each" } },
      template: {
        metadata: { name: "", namespace: "", uid: "" },
        spec: { containers: [], ...(nodeSelector && { nodeSelector }) },
      },
      updateStrategy: { type: "RollingUpdate", rollingUpdate },
    },
  };
}

function node(name: string, taints: readonly Taint[] = []): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, namespace: "", uid: name },
    spec: { taints },
  };
}

function pod(on: string, revision = "new", isReady = true): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${on}-${revision}`,
      namespace: "default",
      uid: `${on}-${revision}`,
      labels: { "controller-revision-hash": revision },
    },
    spec: { containers: [], nodeName: on },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
    },
  };
}

/** `+a` creates on node a, `-a-old` deletes that pod. */
function steps(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]): string {
  const { create, remove } = planDaemonSet({ set, nodes, pods, revision: "new", nowMs: 0 });
  return [
    ...create.map((name) => `+${name}`),
    ...remove.map(({ metadata }) => `-${metadata.name}`),
  ].join(" ");
}

const plan = suite("planDaemonSet()");
const three = [node("a"), node("b"), node("c")];

plan("makes one pod on each node that fits", () => {
  assert.is(steps(daemonSet(), three, [pod("a")]), "+b +c");
  assert.is(steps(daemonSet({}, { disk: "ssd" }), three, [pod("a")]), "-a-new");
});

plan("keeps away from taints, except those of a node in trouble", () => {
  const full = { key: "node.kubernetes.io/disk-pressure", effect: "NoSchedule" } as const;
  const foreign = { key: "example.com/only", effect: "NoSchedule" } as const;
  assert.is(steps(daemonSet(), [node("a", [full]), node("b", [foreign])], []), "+a");
  assert.is(steps(daemonSet(), [node("b", [foreign])], [pod("b")]), "");
  const leaves = { ...foreign, effect: "NoExecute" } as const;
  assert.is(steps(daemonSet(), [node("b", [leaves])], [pod("b")]), "-b-new");
});

plan("replaces as many as may be missing, those that do not work first", () => {
  const old = [pod("a", "old"), pod("b", "old"), pod("c", "old")];
  assert.is(steps(daemonSet(), three, old), "-a-old");
  assert.is(steps(daemonSet({ maxUnavailable: 2 }), three, old), "-a-old -b-old");
  const broken = [pod("a", "old"), pod("b", "old", false), pod("c", "old")];
  assert.is(steps(daemonSet(), three, broken), "-b-old");
  assert.is(steps(daemonSet(), three, [pod("a", "new", false), pod("b", "old"), pod("c")]), "");
});

plan("with a surge the new pod is available before the old one goes", () => {
  const set = daemonSet({ maxSurge: 1, maxUnavailable: 0 });
  const old = [pod("a", "old"), pod("b", "old"), pod("c", "old")];
  assert.is(steps(set, three, old), "+a");
  assert.is(steps(set, three, [...old, pod("a", "new", false)]), "");
  assert.is(steps(set, three, [...old, pod("a")]), "-a-old");
});

plan("takes the pods of a node that is gone", () => {
  assert.is(steps(daemonSet(), [node("a")], [pod("a"), pod("b")]), "-b-new");
});

plan.run();

const made = suite("daemonPod()");

made("is for one node, and stays when the node is cordoned", () => {
  const set = daemonSet();
  const { spec } = daemonPod(set, "a", { template: set.spec.template, revision: "x" });
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  assert.equal(terms?.nodeSelectorTerms[0]?.matchFields, [
    { key: "metadata.name", operator: "In", values: ["a"] },
  ]);
  const keys = spec.tolerations?.map(({ key }) => key);
  assert.ok(keys?.includes("node.kubernetes.io/unschedulable"));
});

made.run();
