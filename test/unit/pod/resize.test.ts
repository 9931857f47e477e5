// What a resize does to the record; the cgroups are the integration test's.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { podConditions } from "../../../src/pod/conditions.ts";
import type { EngineContext, NodeRoom } from "../../../src/pod/context.ts";
import type { StepInput } from "../../../src/pod/engine.ts";
import { newPodRecord, type PodRecord } from "../../../src/pod/record.ts";
import { resizePod } from "../../../src/pod/resize.ts";
import type { Pod } from "../../../src/spec/pod.ts";

function asking(cpu: string): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u" },
    spec: { containers: [{ name: "c", image: "i", resources: { requests: { cpu } } }] },
  };
}

const having = (cpu: string): PodRecord => ({
  ...newPodRecord({ uid: "u", namespace: "default", name: "p" }, "boot", 0),
  allocated: { c: { requests: { cpu } } },
});

/** The record after a resize, and the reasons of the events. */
function resized(
  pod: Pod,
  record: PodRecord,
  refusal?: ReturnType<NodeRoom["refuseResize"]>,
): { readonly record: PodRecord; readonly events: readonly string[] } {
  const events: string[] = [];
  const context = {
    room: { refuse: () => undefined, refuseResize: () => refusal },
    report: (_pod, { reason }) => events.push(reason),
  } as Partial<EngineContext> as EngineContext;
  const save = (next: PodRecord): PodRecord => next;
  const input = { context, pod, record, save } as Partial<StepInput> as StepInput;
  return { record: resizePod(input), events };
}

/** Type, reason and message of the conditions that speak of a resize. */
function conditions(record: PodRecord): readonly (string | undefined)[] {
  const input = { pod: asking("1"), record, nowMs: 0, phase: "Running" } as const;
  return podConditions({ ...input, initStatuses: [], statuses: [] })
    .filter(({ type }) => type.startsWith("PodResize"))
    .flatMap(({ type, reason, message }) => [type, reason, message]);
}

const resize = suite("resizePod()");

resize("does nothing while the pod has what it asks for", () => {
  const record = having("1");
  const after = resized(asking("1000m"), record);
  assert.is(after.record, record);
  assert.equal(after.events, []);
  assert.equal(conditions(record), []);
});

resize("gives what the node grants, also before anything runs", () => {
  const { record, events } = resized(asking("2"), having("1"));
  assert.equal(record.allocated, { c: { requests: { cpu: "2" } } });
  assert.is(record.resize, undefined);
  assert.equal(events, ["ResizeStarted", "ResizeCompleted"]);
});

for (const reason of ["Infeasible", "Deferred"] as const) {
  resize(`${reason}: keeps what it has, and says so once`, () => {
    const refusal = { reason, message: "no" };
    const first = resized(asking("2"), having("1"), refusal);
    assert.equal(first.record.allocated, having("1").allocated);
    assert.equal(first.events, [`Resize${reason}`]);
    assert.equal(conditions(first.record), ["PodResizePending", reason, "no"]);
    assert.equal(resized(asking("2"), first.record, refusal).events, []);
    const back = resized(asking("1"), first.record);
    assert.is(back.record.resize, undefined);
    assert.equal(resized(asking("2"), first.record).record.allocated, {
      c: { requests: { cpu: "2" } },
    });
  });
}

resize("a record of an older version takes the spec for what it has", () => {
  const { allocated: _, ...old } = having("1");
  assert.equal(resized(asking("2"), old).record.allocated, { c: { requests: { cpu: "2" } } });
});

resize("leaves a pod alone that ends", () => {
  const record: PodRecord = { ...having("1"), isTerminal: true };
  assert.is(resized(asking("2"), record).record, record);
});

resize.run();
