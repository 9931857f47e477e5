// Order, partition and revisions of a StatefulSet's steps.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { planStatefulSet } from "../../../src/controller/plan-stateful-set.ts";
import { claimOwners, statefulClaims, statefulPod } from "../../../src/controller/stateful-pod.ts";
import type { StatefulSet } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";

function statefulSet(spec: Partial<StatefulSet["spec"]>): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "default", uid: "uid" },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "db" } },
      template: { metadata: { name: "", namespace: "", uid: "" }, spec: { containers: [] } },
      ...spec,
    },
  };
}

interface Fact {
  readonly revision?: string;
  readonly isReady?: boolean;
  readonly isEnding?: boolean;
  readonly phase?: "Running" | "Failed";
}

function pod(ordinal: number, fact: Fact = {}): Pod {
  const { revision = "new", isReady = true, isEnding = false, phase = "Running" } = fact;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `db-${ordinal}`,
      namespace: "default",
      uid: `uid-${ordinal}`,
      labels: { "controller-revision-hash": revision },
      ...(isEnding && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec: { containers: [] },
    status: { phase, conditions: [{ type: "Ready", status: isReady ? "True" : "False" }] },
  };
}

/** `+1` creates, `-2` deletes. */
function steps(set: StatefulSet, pods: readonly Pod[]): string {
  const plan = planStatefulSet({ set, pods, current: "old", update: "new", nowMs: 0 });
  return [
    ...plan.create.map(({ ordinal, revision }) => `+${ordinal}${revision === "old" ? "old" : ""}`),
    ...plan.remove.map(({ metadata }) => metadata.name.replace("db", "")),
  ].join(" ");
}

const plan = suite("planStatefulSet()");
const parallel = { podManagementPolicy: "Parallel" } as const;

plan("makes one pod after the other is available, or all at once", () => {
  assert.is(steps(statefulSet({}), []), "+0");
  assert.is(steps(statefulSet({}), [pod(0, { isReady: false })]), "");
  assert.is(steps(statefulSet({}), [pod(0)]), "+1");
  assert.is(steps(statefulSet(parallel), []), "+0 +1 +2");
  assert.is(steps(statefulSet({ ordinals: { start: 5 } }), []), "+5");
});

plan("takes the highest first, one at a time, when all others are available", () => {
  const all = [pod(0), pod(1), pod(2)];
  assert.is(steps(statefulSet({ replicas: 1 }), all), "-2");
  const ending = [pod(0), pod(1), pod(2, { isEnding: true })];
  assert.is(steps(statefulSet({ replicas: 1 }), ending), "");
  assert.is(steps(statefulSet({ replicas: 2 }), [pod(0, { isReady: false }), pod(1), pod(2)]), "");
  assert.is(steps(statefulSet({ replicas: 1, ...parallel }), all), "-2 -1");
});

plan("makes a pod anew that has ended", () => {
  assert.is(steps(statefulSet({}), [pod(0, { phase: "Failed" }), pod(1)]), "-0");
});

plan("updates the highest ordinal first, down to the partition", () => {
  const old = { revision: "old" };
  const set = (rollingUpdate: object): StatefulSet =>
    statefulSet({ updateStrategy: { type: "RollingUpdate", rollingUpdate } });
  assert.is(steps(set({}), [pod(0, old), pod(1, old), pod(2, old)]), "-2");
  assert.is(steps(set({}), [pod(0, old), pod(1, old), pod(2)]), "-1");
  assert.is(steps(set({ partition: 2 }), [pod(0, old), pod(1, old), pod(2)]), "");
  assert.is(steps(set({ partition: 2 }), [pod(0, old), pod(2)]), "+1old");
  assert.is(steps(set({ maxUnavailable: 2 }), [pod(0, old), pod(1, old), pod(2, old)]), "-2 -1");
  const onDelete = statefulSet({ updateStrategy: { type: "OnDelete" } });
  assert.is(steps(onDelete, [pod(0, old), pod(1, old), pod(2, old)]), "");
});

plan.run();

const identity = suite("statefulPod()");
const withClaim = statefulSet({
  serviceName: "db",
  volumeClaimTemplates: [
    {
      metadata: { name: "data", namespace: "", uid: "" },
      spec: { accessModes: ["ReadWriteOnce"] },
    },
  ],
});

identity("has a host name, labels and the claims of its ordinal", () => {
  const { template } = withClaim.spec;
  const { metadata, spec } = statefulPod(withClaim, 1, { template, revision: "db-x" });
  assert.is(metadata.name, "db-1");
  assert.is(metadata.labels?.["apps.kubernetes.io/pod-index"], "1");
  assert.is(spec.hostname, "db-1");
  assert.is(spec.subdomain, "db");
  assert.equal(spec.volumes, [{ name: "data", persistentVolumeClaim: { claimName: "data-db-1" } }]);
  const [claim] = statefulClaims(withClaim, 1);
  assert.is(claim?.metadata.name, "data-db-1");
});

identity("a claim goes with the set, or with the pod that a smaller set has no more", () => {
  const policy = (whenDeleted: string, whenScaled: string): StatefulSet =>
    statefulSet({ persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
  const kinds = (set: StatefulSet, ordinal: number): readonly string[] =>
    claimOwners(set, ordinal, pod(ordinal)).map(({ kind }) => kind);
  assert.equal(kinds(policy("Retain", "Retain"), 5), []);
  assert.equal(kinds(policy("Delete", "Retain"), 0), ["StatefulSet"]);
  assert.equal(kinds(policy("Retain", "Delete"), 1), []);
  assert.equal(kinds(policy("Retain", "Delete"), 3), ["Pod"]);
});

identity.run();
