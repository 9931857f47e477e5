// What an agent may write into its node, and nothing that leads pods to it.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  admitChangeFromNode,
  admitFromNode,
  admitTokenForNode,
} from "../../../src/apiserver/node-admission.ts";
import type { Node } from "../../../src/spec/kubernetes.gen.ts";
import { podOf } from "../scheduler/fixture.ts";

const subject = { name: "system:node:n1", groups: ["system:nodes"] };
const admin = { name: "admin", groups: ["system:masters"] };

function made(kind: string, name: string) {
  return { apiVersion: "v1", kind, metadata: { name, namespace: "", uid: "" } };
}

function nodeWith(metadata: object, spec: object = {}): Node {
  const whole = made("Node", "n1");
  return { ...whole, metadata: { ...whole.metadata, ...metadata }, spec } as Node;
}

const labels = { "kubernetes.io/hostname": "n1", "node.kubernetes.io/size": "big", disk: "ssd" };
const taints = [{ key: "gpu", effect: "NoSchedule" }];
const owners = [{ apiVersion: "v1", kind: "ConfigMap", name: "any", uid: "1" }];

const creation = suite("admitFromNode()");

creation("makes itself and its lease, and no other", () => {
  for (const kind of ["Node", "Lease"]) {
    admitFromNode(subject, made(kind, "n1"));
    admitFromNode(admin, made(kind, "n2"));
    assert.throws(() => admitFromNode(subject, made(kind, "n2")), /of other nodes/);
  }
  admitFromNode(subject, made("Event", "any"));
});

creation("with its own labels and taints alone", () => {
  admitFromNode(subject, nodeWith({ labels }, { taints }));
  const refused = (node: Node): string => {
    admitFromNode(admin, node);
    try {
      admitFromNode(subject, node);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("The node was admitted");
  };
  const forbidden = {
    "node-restriction.kubernetes.io/trust": "high",
    "node-role.kubernetes.io/control-plane": "",
    "a.k8s.io/b": "c",
  };
  assert.is(
    refused(nodeWith({ labels: { ...labels, ...forbidden } })),
    `nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: ${Object.keys(forbidden).sort().join(", ")}`,
  );
  assert.match(refused(nodeWith({}, { podCIDR: "10.0.0.0/24" })), /to set podCIDR$/);
  assert.match(refused(nodeWith({}, { podCIDRs: ["10.0.0.0/24"] })), /to set podCIDR$/);
  assert.match(refused(nodeWith({ ownerReferences: owners })), /to set ownerReferences$/);
});

creation.run();

const change = suite("admitChangeFromNode()");

change("of labels of its own and of others' domains", () => {
  const now = nodeWith({ labels: { ...labels, "node-role.kubernetes.io/worker": "" } }, { taints });
  admitChangeFromNode(subject, nodeWith({ ...now.metadata }, { taints, unschedulable: true }), now);
  const more = {
    ...now.metadata.labels,
    "example.com/rack": "1",
    "topology.kubernetes.io/zone": "b",
  };
  admitChangeFromNode(subject, nodeWith({ labels: more }, { taints }), now);
});

change("of nothing that leads pods to it", () => {
  const now = nodeWith({ labels: { ...labels, "node-role.kubernetes.io/worker": "" } }, { taints });
  const changes: readonly (readonly [Node, RegExp])[] = [
    [nodeWith(now.metadata, { taints: [] }), /to modify taints$/],
    [nodeWith(now.metadata, { taints: [...taints, ...taints] }), /to modify taints$/],
    [nodeWith({ labels }, { taints }), /to modify labels: node-role.kubernetes.io\/worker$/],
    [
      nodeWith(
        { labels: { ...now.metadata.labels, "node-role.kubernetes.io/worker": "x" } },
        { taints },
      ),
      /to modify labels: node-role.kubernetes.io\/worker$/,
    ],
    [nodeWith({ ...now.metadata, ownerReferences: owners }, { taints }), /modify ownerReferences$/],
  ];
  for (const [next, words] of changes) {
    admitChangeFromNode(admin, next, now);
    assert.throws(() => admitChangeFromNode(subject, next, now), words);
  }
});

change("of a volume no more than that its folder is gone", () => {
  const volume = (finalizers: readonly string[], more: object = {}) => {
    const { metadata, ...rest } = made("PersistentVolume", "pvc-1");
    return { ...rest, metadata: { ...metadata, finalizers, ...more }, spec: { capacity: {} } };
  };
  const now = volume(["example.com/kept", "nspod/volume-folder"]);
  admitChangeFromNode(subject, volume(["example.com/kept"], { managedFields: [] }), now);
  const others = [
    now,
    volume([]),
    volume(["example.com/kept"], { labels }),
    { ...volume(["example.com/kept"]), spec: { capacity: { storage: "1Gi" } } },
  ];
  for (const next of others) {
    assert.throws(
      () => admitChangeFromNode(subject, next, now),
      /to change more than the finalizer nspod\/volume-folder$/,
    );
    admitChangeFromNode(admin, next, now);
  }
});

change("of no other node", () => {
  const other = { ...nodeWith({}), metadata: made("Node", "n2").metadata };
  assert.throws(() => admitChangeFromNode(subject, other, other), /to modify node "n2"$/);
  admitChangeFromNode(subject, made("Pod", "n2"), made("Pod", "n2"));
});

change.run();

const token = suite("admitTokenForNode()");

token("is bound to one of its pods", () => {
  admitTokenForNode(subject, "robot", podOf("own", { nodeName: "n1" }));
  admitTokenForNode(admin, "robot", undefined);
  const other = podOf("other", { nodeName: "n2" });
  assert.throws(() => admitTokenForNode(subject, "robot", other), /on a different node$/);
  assert.throws(() => admitTokenForNode(subject, "robot", undefined), /not bound to a pod$/);
});

token.run();
