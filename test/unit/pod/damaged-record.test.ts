import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { damagedRecord, isPodRecord } from "../../../src/pod/damaged-record.ts";
import { newPodRecord } from "../../../src/pod/record.ts";
import { attempt } from "./fixtures.ts";

const damaged = suite("isPodRecord()");

const names = { uid: "11111111-2222-3333-4444-555555555555", namespace: "default", name: "web" };
const whole = {
  ...newPodRecord(names, "boot", 1),
  containers: { main: { restartCount: 0, current: attempt() } },
};

damaged("knows records, also after JSON", () => {
  assert.ok(isPodRecord(whole));
  assert.ok(isPodRecord(JSON.parse(JSON.stringify(whole))));
  assert.ok(isPodRecord(damagedRecord(names.uid, "boot", 1)));
});

damaged("refuses one that lacks a part, and what is none", () => {
  for (const part of ["uid", "bootId", "acceptedAtMs", "sandbox", "containers"]) {
    assert.not(isPodRecord({ ...whole, [part]: undefined }), part);
    assert.not(isPodRecord({ ...whole, [part]: null }), part);
  }
  assert.not(isPodRecord({ ...whole, sandbox: { ...whole.sandbox, state: "asleep" } }));
  assert.not(isPodRecord({ ...whole, containers: { main: {} } }));
  fc.assert(fc.property(fc.jsonValue(), (value) => assert.not(isPodRecord(value))));
});

damaged.run();
