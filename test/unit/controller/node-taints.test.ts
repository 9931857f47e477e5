import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Eviction, nodeTaints } from "../../../src/controller/node-taints.ts";
import type { Node, NodeCondition } from "../../../src/spec/kubernetes.gen.ts";
import { type NodeWishes, nodeOf } from "../scheduler/fixture.ts";

function node(conditions: Readonly<Record<string, string>>, wishes: NodeWishes = {}): Node {
  const { node: plain } = nodeOf("n1", wishes);
  const list = Object.entries(conditions).map(([type, status]) => ({ type, status }));
  return { ...plain, status: { conditions: list as readonly NodeCondition[] } };
}

const words = (of: Node): readonly string[] =>
  nodeTaints(of, "begins", 0).map(
    ({ key, effect }) => `${key.replace("node.kubernetes.io/", "")}:${effect}`,
  );

const taints = suite("nodeTaints()");

const cases: readonly (readonly [Readonly<Record<string, string>>, readonly string[]])[] = [
  [{ Ready: "True", MemoryPressure: "False" }, []],
  [{ Ready: "False" }, ["not-ready:NoSchedule", "not-ready:NoExecute"]],
  [
    { Ready: "Unknown", DiskPressure: "Unknown" },
    ["unreachable:NoSchedule", "unreachable:NoExecute"],
  ],
  [{ Ready: "True", MemoryPressure: "True" }, ["memory-pressure:NoSchedule"]],
  [{ Ready: "True", DiskPressure: "True" }, ["disk-pressure:NoSchedule"]],
  [{ Ready: "True", PIDPressure: "True" }, ["pid-pressure:NoSchedule"]],
];

for (const [conditions, expected] of cases) {
  taints(JSON.stringify(conditions), () => {
    assert.equal(words(node(conditions)), expected);
  });
}

taints("a cordon is one", () => {
  assert.equal(words(node({ Ready: "True" }, { unschedulable: true })), [
    "unschedulable:NoSchedule",
  ]);
});

taints("those of others stay, and what stays keeps its time", () => {
  const own = { key: "own", effect: "NoExecute" } as const;
  const silent = node({ Ready: "Unknown" }, { taints: [own] });
  const first = nodeTaints(silent, "begins", 0);
  const later = nodeTaints({ ...silent, spec: { taints: first } }, "goesOn", 60_000);
  assert.is(later, first);
  assert.equal(nodeTaints(node({ Ready: "True" }, { taints: first }), "ends", 60_000), [own]);
});

taints("pods go when that begins, still go while it goes on, and stay when it ends", () => {
  const keys = (of: Node, eviction: Eviction): readonly string[] =>
    nodeTaints(of, eviction, 0)
      .filter(({ effect }) => effect === "NoExecute")
      .map(({ key }) => key.replace("node.kubernetes.io/", ""));
  const silent = node({ Ready: "Unknown" });
  assert.equal(keys(silent, "goesOn"), []);
  const left = node({ Ready: "Unknown" }, { taints: nodeTaints(silent, "begins", 0) });
  assert.equal(keys(left, "goesOn"), ["unreachable"]);
  assert.equal(keys(left, "ends"), []);
  const reports = { ...left, status: node({ Ready: "False" }).status ?? {} };
  assert.equal(keys(reports, "goesOn"), ["not-ready"]);
});

taints.run();
