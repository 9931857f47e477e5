import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Event } from "../../../src/spec/kubernetes.gen.ts";
import { newerEvent, storedEventField } from "../../../src/spec/newer-event.ts";

const test = suite("newerEvent()");

const metadata = { name: "e", namespace: "default", uid: "u" };
const regarding = { kind: "Pod", name: "web" };
const event: Event = {
  apiVersion: "v1",
  kind: "Event",
  metadata,
  involvedObject: regarding,
  reason: "Started",
  message: "Started container web",
  type: "Normal",
  source: { component: "kubelet" },
  reportingComponent: "kubelet",
  reportingInstance: "n1",
  firstTimestamp: "2026-01-01T00:00:00Z",
  lastTimestamp: "2026-01-01T00:00:01Z",
  count: 2,
};

test("gives the fields their names of events.k8s.io/v1", () => {
  assert.equal(newerEvent(event), {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata,
    eventTime: null,
    regarding,
    reason: "Started",
    note: "Started container web",
    type: "Normal",
    reportingController: "kubelet",
    reportingInstance: "n1",
    deprecatedSource: { component: "kubelet" },
    deprecatedFirstTimestamp: "2026-01-01T00:00:00Z",
    deprecatedLastTimestamp: "2026-01-01T00:00:01Z",
    deprecatedCount: 2,
  });
});

test("keeps what was written in the new form", () => {
  const eventTime = "2026-01-01T00:00:00.000001Z";
  const { eventTime: kept } = newerEvent({ ...event, eventTime }) as { eventTime?: string };
  assert.is(kept, eventTime);
});

test("fields to select by have both names", () => {
  assert.is(storedEventField("regarding.name"), "involvedObject.name");
  assert.is(storedEventField("reportingController"), "reportingComponent");
  for (const same of ["involvedObject.name", "type", "metadata.name", ""]) {
    assert.is(storedEventField(same), same);
  }
});

test.run();
