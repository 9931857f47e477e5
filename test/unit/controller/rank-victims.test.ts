// Who goes first, reason by reason, and hashes and shares that controllers reckon with.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { rankVictims } from "../../../src/controller/rank-victims.ts";
import type { Pod } from "../../../src/spec/pod.ts";

interface Fact {
  readonly node?: string;
  readonly phase?: "Pending" | "Running";
  readonly readySince?: string;
  readonly cost?: string;
  readonly restarts?: number;
  readonly created?: string;
}

function pod(name: string, fact: Fact = {}): Pod {
  const { node = "n", phase = "Running", readySince, cost, restarts = 0, created } = fact;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: name,
      creationTimestamp: created ?? "2026-01-01T00:00:00Z",
      ...(cost !== undefined && {
        annotations: { "controller.kubernetes.io/pod-deletion-cost": cost },
      }),
    },
    spec: { containers: [], nodeName: node },
    status: {
      phase,
      ...(readySince !== undefined && {
        conditions: [{ type: "Ready", status: "True", lastTransitionTime: readySince }],
      }),
      containerStatuses: [
        { name: "main", image: "", imageID: "", ready: true, restartCount: restarts },
      ],
    },
  };
}

const ready = { readySince: "2026-01-01T01:00:00Z" };
const rank = suite("rankVictims()");

for (const [what, first, second] of [
  ["without a node", { node: "" }, {}],
  ["pending", { phase: "Pending" }, {}],
  ["not ready", {}, ready],
  ["cheaper to delete", { ...ready, cost: "-5" }, ready],
  ["ready for a shorter time", { readySince: "2026-01-01T02:00:00Z" }, ready],
  ["with more restarts", { ...ready, restarts: 2 }, ready],
  ["newer", { ...ready, created: "2026-01-01T00:30:00Z" }, ready],
] as const satisfies readonly (readonly [string, Fact, Fact])[]) {
  rank(`puts a pod first that is ${what}`, () => {
    const [one, other] = [pod("first", first), pod("second", second)];
    for (const order of [
      [one, other],
      [other, one],
    ]) {
      assert.is(rankVictims(order)[0]?.metadata.name, "first");
    }
  });
}

rank.run();
