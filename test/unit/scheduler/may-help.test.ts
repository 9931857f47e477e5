// What happens, and which pods that wait it may help.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Happening, mayHelp } from "../../../src/scheduler/may-help.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { clusterOf, nodeOf, podOf } from "./fixture.ts";

const plain = podOf("plain");
const gated = podOf("gated", { schedulingGates: [{ name: "a" }] });
const withVolume = podOf("volume", { volumes: [{ name: "v", emptyDir: {} }] });
const term = { topologyKey: "zone", labelSelector: { matchLabels: { app: "db" } } };
const near = podOf("near", {
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
});
const waiting = podOf("other");
const bound = podOf("other", { nodeName: "n1" });
const ending = podOf("other", { nodeName: "n1", isEnding: true });

function helps(happening: Happening, pod: Pod): boolean {
  const nodes = happening.kind === "Node" && happening.node ? [happening.node] : [];
  return mayHelp(happening, pod, clusterOf(...nodes));
}

const hints = suite("mayHelp()");

hints("a node helps who may be on it when others go, and who looks at others", () => {
  const full = nodeOf("n1", { allocatable: { pods: "1" }, pods: [bound] });
  const closed = nodeOf("n1", { unschedulable: true });
  assert.ok(helps({ kind: "Node", node: full }, plain));
  assert.not(helps({ kind: "Node", node: closed }, plain));
  assert.ok(helps({ kind: "Node", node: closed }, near));
  assert.not(helps({ kind: "Node", node: full }, gated));
  assert.not(helps({ kind: "Node" }, plain));
});

hints("volumes and namespaces help who has volumes or looks at others", () => {
  assert.not(helps({ kind: "other" }, plain));
  assert.ok(helps({ kind: "other" }, withVolume));
  assert.ok(helps({ kind: "other" }, near));
});

hints("a pod that goes helps everybody, one that comes those who look at others", () => {
  assert.ok(helps({ kind: "Pod", before: bound }, plain));
  assert.ok(helps({ kind: "Pod", before: ending }, plain));
  assert.not(helps({ kind: "Pod", before: waiting, after: bound }, plain));
  assert.not(helps({ kind: "Pod", after: bound }, plain));
  assert.ok(helps({ kind: "Pod", before: waiting, after: bound }, near));
});

hints("a pod that changes on its node may need less; one that begins to end does not yet", () => {
  assert.ok(helps({ kind: "Pod", before: bound, after: bound }, plain));
  assert.not(helps({ kind: "Pod", before: bound, after: ending }, plain));
  assert.ok(helps({ kind: "Pod", before: bound, after: ending }, near));
});

hints("pods that wait help nobody", () => {
  assert.not(helps({ kind: "Pod", after: waiting }, plain));
  assert.not(helps({ kind: "Pod", before: waiting }, near));
});

hints.run();
