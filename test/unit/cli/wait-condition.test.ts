import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventFields } from "../../../src/cli/commands/events.ts";
import { isReached, parseWaitGoal } from "../../../src/cli/wait-condition.ts";
import { pod } from "./pods.ts";

const ready = pod({
  phase: "Running",
  podIP: "10.0.0.1",
  conditions: [
    { type: "Ready", status: "True" },
    { type: "Initialized", status: "False" },
  ],
});

const goals = suite("parseWaitGoal()");

for (const [text, reached] of [
  ["condition=Ready", true],
  ["condition=ready", true],
  ["condition=Ready=false", false],
  ["condition=Initialized=False", true],
  ["condition=Nothing", false],
  ["jsonpath={.status.phase}=Running", true],
  ["jsonpath='{.status.phase}'=Running", true],
  ["jsonpath='{.status.phase}'='Running'", true],
  ["jsonpath=.status.phase=Running", true],
  ["jsonpath={.status.phase}=Pending", false],
  ["jsonpath={.status.podIP}", true],
  ["jsonpath={.status.none}", false],
  ['jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', true],
  ["create", true],
  ["delete", false],
] as const) {
  goals(`understands ${text}`, () => assert.is(isReached(parseWaitGoal(text), ready), reached));
}

goals("refuses what means nothing", () => {
  for (const text of ["ready", "condition=", "jsonpath=", "jsonpath={.a[}=1"]) {
    assert.throws(() => parseWaitGoal(text), /--for|JSONPath/, text);
  }
});

goals.run();

const fields = suite("eventFields()");

fields("asks for the object and the types", () => {
  assert.is(eventFields({}), undefined);
  assert.is(
    eventFields({ for: "po/web", types: "warning" }),
    "involvedObject.kind=Pod,involvedObject.name=web,type=Warning",
  );
  assert.is(eventFields({ types: "Normal,Warning" }), undefined);
  assert.throws(() => eventFields({ for: "web" }), "--for");
  assert.throws(() => eventFields({ for: "pods" }), "must be TYPE/NAME");
  assert.throws(() => eventFields({ types: "Bad" }), "--types");
});

fields.run();
