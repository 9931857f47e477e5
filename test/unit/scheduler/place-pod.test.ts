// Where pods go, and the sentences of those that go nowhere: one line per filter and case.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { NodeState } from "../../../src/scheduler/cluster.ts";
import { placePod } from "../../../src/scheduler/place-pod.ts";
import type {
  NodeSelectorRequirement,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { clusterOf, nodeOf, type PodWishes, podOf } from "./fixture.ts";

/** The name of the node, or the phrases before "preemption". */
function answer(pod: Pod, ...nodes: readonly NodeState[]): string {
  const placement = placePod(pod, clusterOf(...nodes));
  if (placement.kind === "node") return placement.node;
  return placement.message
    .replace(/^0\/\d+ nodes are available: /, "")
    .replace(/ preemption: .*/, "");
}

const place = suite("placePod()");

const affinityPhrase = "1 node(s) didn't match Pod's node affinity/selector.";

function wanting(requirement: NodeSelectorRequirement): PodWishes {
  const nodeSelectorTerms = [{ matchExpressions: [requirement] }];
  return {
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
    },
  };
}

function named(...names: readonly string[]): PodWishes {
  const nodeSelectorTerms = names.map((name) => ({
    matchFields: [{ key: "metadata.name", operator: "In" as const, values: [name] }],
  }));
  return {
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
    },
  };
}

place("a node that does not reach the volumes of a pod is none for it", () => {
  const cluster = clusterOf(nodeOf("n1"), nodeOf("n2"));
  const reaching = (name: string) =>
    placePod(podOf("p"), {
      ...cluster,
      volumeConflict: (_, { metadata }) =>
        metadata.name === name ? undefined : "node(s) had volume node affinity conflict",
    });
  assert.equal(reaching("n2"), { kind: "node", node: "n2" });
  const nowhere = reaching("n3");
  assert.is(nowhere.kind, "none");
  assert.match(JSON.stringify(nowhere), /2 node\(s\) had volume node affinity conflict/);
});

const labelled = nodeOf("n1", { labels: { disk: "ssd", cores: "8" } });

const byNode: readonly (readonly [string, PodWishes, string])[] = [
  ["nothing asked for", {}, "n1"],
  ["nodeSelector that fits", { nodeSelector: { disk: "ssd" } }, "n1"],
  ["nodeSelector that does not", { nodeSelector: { disk: "hdd" } }, affinityPhrase],
  ["nodeSelector of a word of JavaScript", { nodeSelector: { constructor: "x" } }, affinityPhrase],
  ["In", wanting({ key: "disk", operator: "In", values: ["hdd", "ssd"] }), "n1"],
  ["NotIn", wanting({ key: "disk", operator: "NotIn", values: ["ssd"] }), affinityPhrase],
  ["NotIn without the label", wanting({ key: "x", operator: "NotIn", values: ["ssd"] }), "n1"],
  ["Exists", wanting({ key: "disk", operator: "Exists" }), "n1"],
  ["Exists without", wanting({ key: "gpu", operator: "Exists" }), affinityPhrase],
  ["DoesNotExist", wanting({ key: "disk", operator: "DoesNotExist" }), affinityPhrase],
  ["Gt", wanting({ key: "cores", operator: "Gt", values: ["7"] }), "n1"],
  ["Gt of the same", wanting({ key: "cores", operator: "Gt", values: ["8"] }), affinityPhrase],
  ["Lt", wanting({ key: "cores", operator: "Lt", values: ["9"] }), "n1"],
  ["its name", named("n1"), "n1"],
  ["one of several names", named("n9", "n1"), "n1"],
  ["another name", named("n9"), "1 node(s) didn't satisfy plugin(s) [NodeAffinity]."],
];

for (const [what, wishes, expected] of byNode) {
  place(`looks at the node: ${what}`, () => {
    assert.is(answer(podOf("p", wishes), labelled), expected);
  });
}

place("a cordoned node takes who tolerates that", () => {
  const node = nodeOf("n1", { unschedulable: true });
  assert.is(answer(podOf("p"), node), "1 node(s) were unschedulable.");
  const tolerations = [
    { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
  ] as const;
  assert.is(answer(podOf("p", { tolerations }), node), "n1");
});

const tainted = nodeOf("n1", { taints: [{ key: "gpu", value: "a", effect: "NoSchedule" }] });
const taintPhrase = "1 node(s) had untolerated taint {gpu: a}.";

const byTaint: readonly (readonly [string, Toleration | undefined, string])[] = [
  ["none", undefined, taintPhrase],
  ["its value", { key: "gpu", operator: "Equal", value: "a" }, "n1"],
  ["its value, operator left out", { key: "gpu", value: "a", effect: "NoSchedule" }, "n1"],
  ["another value", { key: "gpu", value: "b" }, taintPhrase],
  ["another effect", { key: "gpu", operator: "Exists", effect: "NoExecute" }, taintPhrase],
  ["the key", { key: "gpu", operator: "Exists" }, "n1"],
  ["everything", { operator: "Exists" }, "n1"],
];

for (const [what, toleration, expected] of byTaint) {
  place(`tolerations: ${what}`, () => {
    const tolerations = toleration === undefined ? [] : [toleration];
    assert.is(answer(podOf("p", { tolerations }), tainted), expected);
  });
}

place("a taint that only prefers keeps nobody away", () => {
  const node = nodeOf("n1", { taints: [{ key: "a", effect: "PreferNoSchedule" }] });
  assert.is(answer(podOf("p"), node), "n1");
});

place("resources that are taken", () => {
  const busy = nodeOf("n1", {
    pods: [podOf("old", { requests: { cpu: "1500m", memory: "1Gi" } })],
  });
  assert.is(answer(podOf("p", { requests: { cpu: "500m" } }), busy), "n1");
  assert.is(answer(podOf("p", { requests: { cpu: "501m" } }), busy), "1 Insufficient cpu.");
  assert.is(
    answer(podOf("p", { requests: { cpu: "1", memory: "4Gi" } }), busy),
    "1 Insufficient cpu, 1 Insufficient memory.",
  );
});

place("devices and huge pages that the node does not have", () => {
  const pod = podOf("p", { requests: { "nvidia.com/gpu": "1", "hugepages-2Mi": "4Mi" } });
  assert.is(
    answer(pod, nodeOf("n1")),
    "1 Insufficient hugepages-2Mi, 1 Insufficient nvidia.com/gpu.",
  );
});

place("overhead counts, and an init container only while it runs", () => {
  const init = [{ name: "i", image: "i", resources: { requests: { cpu: "2" } } }];
  const pod = podOf("p", { requests: { cpu: "1" }, initContainers: init });
  assert.is(answer(pod, nodeOf("n1")), "n1");
  const heavy = podOf("p", { ...pod.spec, overhead: { cpu: "1m" } });
  assert.is(answer(heavy, nodeOf("n1")), "1 Insufficient cpu.");
});

place("a node has room for so many pods", () => {
  const pods = ["a", "b"].map((name) => podOf(name));
  const full = nodeOf("n1", { allocatable: { pods: "2" }, pods });
  assert.is(answer(podOf("p"), full), "1 Too many pods.");
});

place("a pod that is resized holds the larger of both", () => {
  const status = {
    containerStatuses: [
      {
        name: "c",
        ready: true,
        restartCount: 0,
        image: "i",
        imageID: "i",
        allocatedResources: { cpu: "1500m" },
      },
    ],
  };
  const shrinking = podOf("old", { requests: { cpu: "100m" }, status });
  const node = nodeOf("n1", { pods: [shrinking] });
  assert.is(answer(podOf("p", { requests: { cpu: "1" } }), node), "1 Insufficient cpu.");
});

const portPhrase = "1 node(s) didn't have free ports for the requested pod ports.";

place("host ports of other pods, by address and protocol", () => {
  const port = (hostIP?: string, protocol: "TCP" | "UDP" = "TCP") => [
    { containerPort: 1, hostPort: 80, protocol, ...(hostIP && { hostIP }) },
  ];
  const node = nodeOf("n1", { pods: [podOf("old", { ports: port("192.0.2.1") })] });
  assert.is(answer(podOf("p", { ports: port() }), node), portPhrase);
  assert.is(answer(podOf("p", { ports: port("192.0.2.1") }), node), portPhrase);
  assert.is(answer(podOf("p", { ports: port("192.0.2.2") }), node), "n1");
  assert.is(answer(podOf("p", { ports: port(undefined, "UDP") }), node), "n1");
});

const host = "kubernetes.io/hostname";
const db: PodAffinityTerm = { topologyKey: host, labelSelector: { matchLabels: { app: "db" } } };
const near = (...terms: readonly PodAffinityTerm[]): PodWishes => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const far = (...terms: readonly PodAffinityTerm[]): PodWishes => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } },
});
const nearPhrase = "1 node(s) didn't match pod affinity rules.";
const farPhrase = "1 node(s) didn't match pod anti-affinity rules.";

const withDb = nodeOf("n1", { pods: [podOf("db", { labels: { app: "db", v: "1" } })] });
const otherDb = nodeOf("n1", {
  pods: [podOf("db", { namespace: "other", labels: { app: "db" } })],
});

const byPods: readonly (readonly [string, PodWishes, NodeState, string])[] = [
  ["near one that is there", near(db), withDb, "n1"],
  ["near one that is not", near(db), nodeOf("n1"), nearPhrase],
  ["near itself, as the first", { ...near(db), labels: { app: "db" } }, nodeOf("n1"), "n1"],
  ["near, by a label that no node has", near({ ...db, topologyKey: "zone" }), withDb, nearPhrase],
  ["near one of another namespace", near(db), otherDb, nearPhrase],
  ["near, with the namespace", near({ ...db, namespaces: ["other"] }), otherDb, "n1"],
  [
    "near, with a selector of namespaces",
    near({ ...db, namespaceSelector: { matchLabels: { team: "b" } } }),
    otherDb,
    "n1",
  ],
  ["near, in every namespace", near({ ...db, namespaceSelector: {} }), otherDb, "n1"],
  ["far from one that is there", far(db), withDb, farPhrase],
  ["far from one of another namespace", far(db), otherDb, "n1"],
  ["far, without a selector", far({ topologyKey: host }), withDb, "n1"],
  [
    "far from those with the same value",
    { ...far({ ...db, matchLabelKeys: ["v"] }), labels: { v: "2" } },
    withDb,
    "n1",
  ],
  [
    "far from those with another value",
    { ...far({ ...db, mismatchLabelKeys: ["v"] }), labels: { v: "2" } },
    withDb,
    farPhrase,
  ],
];

for (const [what, wishes, node, expected] of byPods) {
  place(`looks at other pods: ${what}`, () => {
    assert.is(answer(podOf("p", wishes), node), expected);
  });
}

place("a pod that is there keeps others away", () => {
  const hermit = podOf("hermit", far({ topologyKey: host, labelSelector: {} }));
  const node = nodeOf("n1", { pods: [hermit] });
  const phrase = "1 node(s) didn't satisfy existing pods anti-affinity rules.";
  assert.is(answer(podOf("p"), node), phrase);
  assert.is(answer(podOf("p", { namespace: "other" }), node), "n1");
});

const spread: TopologySpreadConstraint = {
  maxSkew: 1,
  topologyKey: host,
  whenUnsatisfiable: "DoNotSchedule",
  labelSelector: { matchLabels: { app: "web" } },
};
const spreadPhrase = "node(s) didn't match pod topology spread constraints";
const web = (name: string): Pod => podOf(name, { labels: { app: "web" } });
const spreading = (constraint: Partial<TopologySpreadConstraint> = {}): Pod =>
  podOf("p", { labels: { app: "web" }, topologySpreadConstraints: [{ ...spread, ...constraint }] });

place("spreads: one domain is always even", () => {
  assert.is(answer(spreading(), nodeOf("n1", { pods: [web("a"), web("b")] })), "n1");
});

place("spreads: fewer domains than minDomains count as empty ones", () => {
  const constraint = { minDomains: 2 };
  assert.is(answer(spreading(constraint), nodeOf("n1")), "n1");
  const full = nodeOf("n1", { pods: [web("a")] });
  assert.is(answer(spreading(constraint), full), `1 ${spreadPhrase}.`);
});

place("spreads: the emptier of two nodes, and none without the label", () => {
  const full = nodeOf("n1", { pods: [web("a")] });
  const cordoned = nodeOf("n2", { unschedulable: true });
  assert.is(answer(spreading(), full, nodeOf("n2", { pods: [podOf("x"), podOf("y")] })), "n2");
  assert.is(
    answer(spreading(), full, cordoned),
    `1 ${spreadPhrase}, 1 node(s) were unschedulable.`,
  );
  assert.is(
    answer(spreading({ topologyKey: "zone" }), full),
    `1 ${spreadPhrase} (missing required label).`,
  );
  assert.is(answer(spreading({ whenUnsatisfiable: "ScheduleAnyway" }), full, cordoned), "n1");
});

place("a cluster without nodes says so", () => {
  const placement = placePod(podOf("p"), clusterOf());
  assert.equal(placement, { kind: "none", message: "no nodes available to schedule pods" });
});

place("takes the node with fewer pods", () => {
  assert.is(answer(podOf("p"), nodeOf("n1", { pods: [podOf("a")] }), nodeOf("n2")), "n2");
});

place.run();
