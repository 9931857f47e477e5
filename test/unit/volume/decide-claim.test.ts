import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { PersistentVolumeClaim } from "../../../src/spec/kubernetes.gen.ts";
import { bindCompleted, volumeProtection } from "../../../src/volume/claims.ts";
import {
  type ClaimStep,
  decideClaim,
  decideVolume,
  type StorageState,
} from "../../../src/volume/decide-claim.ts";
import { claimOf, classOf, volumeOf } from "./claims.ts";

const n1 = { name: "n1", labels: { "kubernetes.io/hostname": "n1" }, folder: "/root/volumes" };
const n2 = { name: "n2", labels: { "kubernetes.io/hostname": "n2" }, folder: "/far/volumes" };

function stateOf(changes: Partial<StorageState> = {}): StorageState {
  return {
    volumes: [],
    classes: [],
    nodes: [n1],
    ownNode: n1,
    provisioners: new Set(["rancher.io/local-path"]),
    isUsed: () => false,
    awaited: new Map(),
    hasPod: () => true,
    claim: () => undefined,
    ...changes,
  };
}

/** The step in a few words: what is bound or provisioned, or the reason of the event. */
function words(step: ClaimStep): string {
  if (step.kind === "bind") return `bind ${step.volume.metadata.name}`;
  if (step.kind === "provision") {
    return `provision ${step.storageClass.metadata.name} on ${step.node.name}`;
  }
  return step.kind === "wait" ? `wait ${step.event?.reason ?? ""}`.trim() : step.kind;
}

const next = (claim: PersistentVolumeClaim, changes: Partial<StorageState> = {}): string =>
  words(decideClaim(claim, stateOf(changes)));

const claims = suite("decideClaim()");

claims("takes the smallest volume of its class that is large enough and offers its modes", () => {
  const volumes = [
    volumeOf("large", { capacity: { storage: "10Gi" } }),
    volumeOf("fits", { capacity: { storage: "2Gi" } }),
    volumeOf("small", { capacity: { storage: "1023Mi" } }),
    volumeOf("other-class", { storageClassName: "slow" }),
    volumeOf("other-mode", { accessModes: ["ReadOnlyMany"] }),
    volumeOf("elsewhere", {
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            {
              matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["n2"] }],
            },
          ],
        },
      },
    }),
    volumeOf("taken", { claimRef: { name: "other", namespace: "default", uid: "u" } }),
  ];
  assert.is(next(claimOf("data"), { volumes, classes: [classOf("fast")] }), "bind fits");
});

claims("a selector chooses by labels", () => {
  const labelled = volumeOf(
    "b",
    {},
    {
      metadata: { name: "b", namespace: "", uid: "b", labels: { tier: "gold" } },
    },
  );
  const volumes = [volumeOf("a"), labelled];
  const claim = claimOf("data", { selector: { matchLabels: { tier: "gold" } } });
  assert.is(next(claim, { volumes }), "bind b");
  const none = claimOf("data", {
    selector: { matchExpressions: [{ key: "tier", operator: "DoesNotExist" }] },
  });
  assert.is(next(none, { volumes }), "bind a");
});

claims(
  "a volume that is reserved for the claim wins over a smaller one, another's is left alone",
  () => {
    const mine = { name: "data", namespace: "default" };
    const volumes = [
      volumeOf("a"),
      volumeOf("z", { claimRef: mine, capacity: { storage: "9Gi" } }),
    ];
    assert.is(next(claimOf("data"), { volumes }), "bind z");
    assert.is(next(claimOf("other"), { volumes }), "bind a");
  },
);

claims("provisions at once, or for the first consumer", () => {
  assert.is(next(claimOf("data"), { classes: [classOf("fast")] }), "provision fast on n1");
  const classes = [classOf("fast", { volumeBindingMode: "WaitForFirstConsumer" })];
  assert.is(next(claimOf("data"), { classes }), "wait WaitForFirstConsumer");
  // Not even a volume that exists: which one depends on where the pod goes.
  assert.is(
    next(claimOf("data"), { classes, volumes: [volumeOf("a")] }),
    "wait WaitForFirstConsumer",
  );
  const awaited = new Map([["uid-data", n2]]);
  assert.is(next(claimOf("data"), { classes, awaited }), "provision fast on n2");
});

claims("a node that makes no folders gets no volume", () => {
  const classes = [classOf("fast", { volumeBindingMode: "WaitForFirstConsumer" })];
  const awaited = new Map([["uid-data", { name: "n3", labels: {} }]]);
  assert.is(next(claimOf("data"), { classes, awaited }), "wait ProvisioningFailed");
});

claims("takes a volume of the node that its pod goes to, or of any when it waits for none", () => {
  const hostname = { key: "kubernetes.io/hostname", operator: "In" as const, values: ["n2"] };
  const required = { nodeSelectorTerms: [{ matchExpressions: [hostname] }] };
  const volumes = [volumeOf("far", { nodeAffinity: { required } })];
  assert.is(next(claimOf("data"), { volumes, nodes: [n1, n2] }), "bind far");
  const classes = [classOf("fast", { volumeBindingMode: "WaitForFirstConsumer" })];
  const on = (node: typeof n1): string =>
    next(claimOf("data"), {
      classes,
      volumes,
      nodes: [n1, n2],
      awaited: new Map([["uid-data", node]]),
    });
  assert.is(on(n2), "bind far");
  assert.is(on(n1), "provision fast on n1");
});

claims("says what it waits for", () => {
  assert.is(next(claimOf("data", { storageClassName: "" })), "wait FailedBinding");
  assert.is(next(claimOf("data")), "wait ProvisioningFailed");
  const foreign = [classOf("fast", { provisioner: "ebs.csi.aws.com" })];
  assert.is(next(claimOf("data"), { classes: foreign }), "wait ExternalProvisioning");
  const statics = [classOf("fast", { provisioner: "kubernetes.io/no-provisioner" })];
  assert.is(next(claimOf("data"), { classes: statics }), "wait FailedBinding");
  const selecting = claimOf("data", { selector: { matchLabels: { a: "b" } } });
  assert.is(next(selecting, { classes: [classOf("fast")] }), "wait ProvisioningFailed");
});

claims("a named volume is waited for, checked and not taken from others", () => {
  const claim = claimOf("data", { volumeName: "a" });
  assert.is(next(claim), "wait");
  assert.is(next(claim, { volumes: [volumeOf("a")] }), "bind a");
  const small = volumeOf("a", { capacity: { storage: "1Mi" } });
  assert.is(next(claim, { volumes: [small] }), "wait VolumeMismatch");
  const taken = volumeOf("a", { claimRef: { name: "x", namespace: "default", uid: "x" } });
  assert.is(next(claim, { volumes: [taken] }), "wait FailedBinding");
});

claims(
  "a new claim gets its finalizer, its phase and the default class, but never instead of none",
  () => {
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    const classes = [
      classOf("fast"),
      classOf("standard", { metadata: { name: "standard", namespace: "", uid: "s", annotations } }),
    ];
    const { storageClassName: _none, ...spec } = claimOf("data").spec;
    const { status: _status, ...bare } = claimOf("data", {}, { finalizers: [] });
    const step = decideClaim({ ...bare, spec }, stateOf({ classes }));
    assert.is(step.kind, "complete");
    if (step.kind !== "complete") return;
    assert.is(step.claim.spec.storageClassName, "standard");
    assert.equal(step.claim.metadata.finalizers, ["kubernetes.io/pvc-protection"]);
    assert.is(step.claim.status?.phase, "Pending");
    assert.is(next(claimOf("data", { storageClassName: "" }), { classes }), "wait FailedBinding");
  },
);

claims("a bound claim rests, and is lost with its volume", () => {
  const claim = {
    ...claimOf("data", { volumeName: "a" }, { annotations: { [bindCompleted]: "yes" } }),
    status: { phase: "Bound" as const },
  };
  const claimRef = { name: "data", namespace: "default", uid: "uid-data" };
  assert.is(next(claim, { volumes: [volumeOf("a", { claimRef })] }), "none");
  assert.is(next(claim), "lose");
  assert.is(next({ ...claim, status: { phase: "Lost" } }), "none");
});

claims("a deleted claim stays while pods use it; one of a pod goes with the pod", () => {
  const gone = claimOf("data", {}, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  assert.is(next(gone, { isUsed: (key) => key === "default/data" }), "none");
  assert.is(next(gone), "remove");
  const ownerReferences = [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "p1" }];
  const owned = claimOf("data", {}, { ownerReferences });
  assert.is(next(owned, { hasPod: (uid) => uid !== "p1" }), "delete");
});

claims.run();

const volumes = suite("decideVolume()");

const claimRef = { name: "data", namespace: "default", uid: "uid-data" };
const bound = { claim: () => claimOf("data", { volumeName: "pv" }) };

volumes("its phase follows its claim", () => {
  const step = (spec: object, changes: Partial<StorageState> = {}) =>
    decideVolume(volumeOf("pv", spec, { status: { phase: "Pending" } }), stateOf(changes));
  assert.equal(step({}), { kind: "update", phase: "Available" });
  assert.equal(step({ claimRef: { name: "data", namespace: "default" } }), {
    kind: "update",
    phase: "Available",
  });
  assert.equal(step({ claimRef }, bound), { kind: "update", phase: "Bound" });
  assert.equal(step({ claimRef }), { kind: "update", phase: "Released" });
  // A new claim of the same name is another claim.
  const other = { claim: () => claimOf("data", {}, { uid: "another" }) };
  assert.equal(step({ claimRef }, other), { kind: "update", phase: "Released" });
});

volumes("what is as it should be rests; a missing finalizer is added", () => {
  assert.equal(decideVolume(volumeOf("pv"), stateOf()), { kind: "none" });
  const bare = volumeOf("pv", {}, { metadata: { name: "pv", namespace: "", uid: "pv" } });
  assert.equal(decideVolume(bare, stateOf()), { kind: "update", phase: "Available" });
});

volumes("Delete reclaims after its claim, Retain keeps, and a failure is not repeated", () => {
  const policy = { claimRef, persistentVolumeReclaimPolicy: "Delete" as const };
  const released = { status: { phase: "Bound" as const } };
  assert.is(decideVolume(volumeOf("pv", policy, released), stateOf(bound)).kind, "none");
  assert.is(decideVolume(volumeOf("pv", policy, released), stateOf()).kind, "reclaim");
  assert.is(
    decideVolume(volumeOf("pv", { ...policy, claimRef: undefined as never }), stateOf()).kind,
    "none",
  );
  const kept = decideVolume(volumeOf("pv", { claimRef }, released), stateOf());
  assert.equal(kept, { kind: "update", phase: "Released" });
  const failed = { status: { phase: "Failed" as const } };
  assert.is(decideVolume(volumeOf("pv", policy, failed), stateOf()).kind, "none");
});

volumes("a deleted volume stays as long as its claim does", () => {
  const metadata = {
    name: "pv",
    namespace: "",
    uid: "pv",
    finalizers: [volumeProtection],
    deletionTimestamp: "2026-01-01T00:00:00Z",
  };
  assert.is(decideVolume(volumeOf("pv", { claimRef }, { metadata }), stateOf(bound)).kind, "none");
  assert.is(decideVolume(volumeOf("pv", { claimRef }, { metadata }), stateOf()).kind, "remove");
  const policy = { persistentVolumeReclaimPolicy: "Delete" as const };
  assert.is(decideVolume(volumeOf("pv", policy, { metadata }), stateOf()).kind, "reclaim");
});

volumes.run();
