// What an agent may do, and nothing else.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ResourceDeed } from "../../../src/apiserver/authorize.ts";
import {
  admitFromNode,
  authorizeNode,
  nodeRules,
  refuseForNode,
} from "../../../src/apiserver/node-rules.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { podOf } from "../scheduler/fixture.ts";

const own = podOf("own", {
  nodeName: "n1",
  serviceAccountName: "robot",
  volumes: [
    { name: "a", configMap: { name: "mine" } },
    { name: "b", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
  ],
});
const other = podOf("other", {
  nodeName: "n2",
  volumes: [{ name: "a", secret: { secretName: "theirs" } }],
});
const pods: readonly Pod[] = [own, other];

const objects = {
  // The tests ask for pods.
  get: <T>(_: string, __: string, name: string) =>
    pods.find(({ metadata }) => metadata.name === name) as T | undefined,
  list: <T>() => ({ items: pods as readonly unknown[] as readonly T[] }),
};

function refusal(deed: Partial<ResourceDeed>, fieldSelector = ""): string | undefined {
  const whole = { group: "", subresource: "", namespace: "default", name: "", ...deed };
  const wanted = { verb: "get", resource: "pods", ...whole };
  return refuseForNode("n1", wanted, { objects, fieldSelector });
}

const rules = suite("refuseForNode()");

rules("reads what its pods refer to, one by one", () => {
  assert.is(refusal({ resource: "configmaps", name: "mine" }), undefined);
  const watch = { resource: "configmaps", verb: "watch" };
  assert.is(refusal(watch, "metadata.name=mine"), undefined);
  assert.match(refusal(watch) ?? "", /no relationship found between node "n1"/);
  assert.match(refusal(watch, "metadata.name!=mine") ?? "", /no relationship/);
  assert.match(refusal({ resource: "secrets", name: "theirs" }) ?? "", /no relationship/);
  assert.match(refusal({ resource: "secrets", verb: "list" }) ?? "", /no relationship/);
});

rules("has tokens for the accounts of its pods alone", () => {
  const token = { resource: "serviceaccounts", subresource: "token", verb: "create" };
  assert.is(refusal({ ...token, name: "robot" }), undefined);
  assert.match(refusal({ ...token, name: "admin" }) ?? "", /no relationship/);
});

rules("changes and deletes its own pods alone", () => {
  const status = { subresource: "status", verb: "update" };
  assert.is(refusal({ ...status, name: "own" }), undefined);
  assert.match(refusal({ ...status, name: "other" }) ?? "", /spec.nodeName set to itself/);
  assert.match(refusal({ verb: "delete", name: "other" }) ?? "", /spec.nodeName set to itself/);
  assert.is(refusal({ verb: "list" }), undefined);
});

rules("names its own node and lease", () => {
  const named = (namespace: string) =>
    nodeRules("n1", namespace).flatMap(({ resources, resourceNames = [] }) =>
      resourceNames.map((name) => `${resources.join()} ${name}`),
    );
  assert.equal(named(""), ["nodes,nodes/status n1"]);
  assert.equal(named("kube-node-lease"), ["nodes,nodes/status n1", "leases n1"]);
});

rules("creates itself and its lease, and no other", () => {
  const node = { name: "system:node:n1", groups: ["system:nodes"] };
  const made = (kind: string, name: string) => ({
    apiVersion: "v1",
    kind,
    metadata: { name, namespace: "", uid: "" },
  });
  for (const kind of ["Node", "Lease"]) {
    admitFromNode(node, made(kind, "n1"));
    admitFromNode({ name: "admin", groups: ["system:masters"] }, made(kind, "n2"));
    assert.throws(() => admitFromNode(node, made(kind, "n2")), /of other nodes/);
  }
  admitFromNode(node, made("Event", "any"));
});

rules("is no matter of others", () => {
  const deed = { verb: "get", group: "", resource: "secrets", subresource: "" };
  const wanted = { ...deed, namespace: "default", name: "theirs" };
  const facts = { objects, fieldSelector: "" };
  authorizeNode({ name: "somebody", groups: [] }, wanted, facts);
  const node = { name: "system:node:n1", groups: ["system:nodes"] };
  assert.throws(() => authorizeNode(node, wanted, facts), /User "system:node:n1" cannot get/);
});

rules.run();
