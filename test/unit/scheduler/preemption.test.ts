import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Cluster, priorityOf } from "../../../src/scheduler/cluster.ts";
import { placePod, refusalOf } from "../../../src/scheduler/place-pod.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { clusterOf, nodeOf, podOf } from "./fixture.ts";

const preemption = suite("preempt()");

const asking = (cpu: string, priority: number, name = "p"): Pod =>
  podOf(name, { requests: { cpu }, priority });

/** What follows "preemption: "; the victims' names when there are some. */
function answer(pod: Pod, cluster: Cluster, nominated: readonly Pod[] = []): string {
  const placement = placePod(pod, cluster, nominated);
  if (placement.kind === "node") return `on ${placement.node}`;
  const { nomination, message } = placement;
  if (!nomination?.victims.length) return message.replace(/^.* preemption: /, "");
  return nomination.victims.map(({ metadata }) => metadata.name).join(" ");
}

const held = (...pods: readonly Pod[]): Cluster => clusterOf(nodeOf("n1", { pods }));
const noVictims = "0/1 nodes are available: 1 No preemption victims found for incoming pod.";
const notHelpful = "0/1 nodes are available: 1 Preemption is not helpful for scheduling.";

preemption("evicts the least important that make room", () => {
  const cluster = held(asking("1", 5, "a"), asking("500m", 1, "b"), asking("500m", 3, "c"));
  assert.is(answer(asking("500m", 10), cluster), "b");
  assert.is(answer(asking("1", 10), cluster), "c b");
  assert.is(answer(asking("500m", 2), cluster), "b");
});

preemption("the one with the same priority stays", () => {
  assert.is(answer(asking("2", 5), held(asking("1", 5, "a"))), noVictims);
});

preemption("evicts nobody when that would not be enough", () => {
  const cluster = held(asking("1", 9, "a"), asking("500m", 1, "b"));
  assert.is(answer(asking("2", 5), cluster), "0/1 nodes are available: 1 Insufficient cpu.");
});

preemption("is of no help where the node itself does not fit", () => {
  assert.is(answer(asking("3", 5), held(asking("1", 1, "a"))), notHelpful);
  const pod = podOf("p", { nodeSelector: { a: "b" }, priority: 5 });
  assert.is(answer(pod, held(asking("1", 1, "a"))), notHelpful);
});

preemption("is not for pods that do not want it", () => {
  const pod = podOf("p", { requests: { cpu: "2" }, priority: 5, preemptionPolicy: "Never" });
  assert.is(answer(pod, held(asking("1", 1, "a"))), "not eligible due to preemptionPolicy=Never.");
});

preemption("waits for those that are leaving already", () => {
  const leaving = podOf("a", { requests: { cpu: "1" }, priority: 1, isEnding: true });
  const pod = podOf("p", {
    requests: { cpu: "2" },
    priority: 5,
    status: { nominatedNodeName: "n1" },
  });
  assert.is(
    answer(pod, held(leaving)),
    "not eligible due to a terminating pod on the nominated node.",
  );
});

preemption("room that was made for a pod is not given to a less important one", () => {
  const waiting = podOf("first", {
    requests: { cpu: "2" },
    priority: 5,
    status: { nominatedNodeName: "n1" },
  });
  assert.is(answer(asking("1", 1), held(), [waiting]), noVictims);
  assert.is(answer(asking("1", 6), held(), [waiting]), "on n1");
});

preemption("victims are less important, enough, and none of them could stay", () => {
  const pods = fc.array(
    fc.record({ cpu: fc.integer({ min: 0, max: 1000 }), priority: fc.nat(9) }),
    {
      maxLength: 8,
    },
  );
  const wish = fc.record({ cpu: fc.integer({ min: 1, max: 2500 }), priority: fc.nat(10) });
  fc.assert(
    fc.property(pods, wish, (others, { cpu, priority }) => {
      const pod = asking(`${cpu}m`, priority);
      const all = others.map((each, index) => asking(`${each.cpu}m`, each.priority, `o${index}`));
      const placement = placePod(pod, held(...all));
      if (placement.kind === "node" || placement.nomination === undefined) return;
      const { victims } = placement.nomination;
      assert.ok(victims.length > 0);
      assert.ok(victims.every((victim) => priorityOf(victim) < priority));
      const fitsWithout = (gone: readonly Pod[]): boolean => {
        const state = nodeOf("n1", { pods: all.filter((each) => !gone.includes(each)) });
        return refusalOf(pod, state, clusterOf(state)) === undefined;
      };
      assert.ok(fitsWithout(victims));
      for (const spared of victims) {
        assert.not(fitsWithout(victims.filter((victim) => victim !== spared)));
      }
    }),
  );
});

preemption.run();
