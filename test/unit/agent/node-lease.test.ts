import { suite } from "uvu";
import * as assert from "uvu/assert";
import { renewedLease, renewPeriodMs } from "../../../src/agent/node-lease.ts";
import { nodeOf } from "../scheduler/fixture.ts";

const lease = suite("renewedLease()");

const facts = { nodeName: "n1", node: nodeOf("n1").node, durationSeconds: 40, nowMs: 1_500 };

lease("is of its node, in the namespace of such leases", () => {
  const { metadata, spec } = renewedLease(facts, undefined);
  assert.is(metadata.namespace, "kube-node-lease");
  assert.equal(metadata.ownerReferences, [
    { apiVersion: "v1", kind: "Node", name: "n1", uid: "n1" },
  ]);
  assert.equal(spec, {
    holderIdentity: "n1",
    leaseDurationSeconds: 40,
    renewTime: "1970-01-01T00:00:01.500000Z",
  });
  assert.is(renewPeriodMs(40), 10_000);
});

lease("has no owner before its node is there, and keeps what others wrote", () => {
  const first = renewedLease({ ...facts, node: undefined }, undefined);
  assert.is(first.metadata.ownerReferences, undefined);
  const current = { ...first, spec: { ...first.spec, leaseTransitions: 3 } };
  const next = renewedLease({ ...facts, nowMs: 11_500 }, current);
  assert.is(next.spec?.leaseTransitions, 3);
  assert.is(next.spec?.renewTime, "1970-01-01T00:00:11.500000Z");
});

lease.run();
