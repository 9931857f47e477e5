// What an agent may do, and nothing else.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ResourceDeed } from "../../../src/apiserver/authorize.ts";
import { authorizeNode, nodeRules, refuseForNode } from "../../../src/apiserver/node-rules.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { podOf } from "../scheduler/fixture.ts";

const own = podOf("own", {
  nodeName: "n1",
  serviceAccountName: "robot",
  volumes: [
    { name: "a", configMap: { name: "mine" } },
    { name: "c", persistentVolumeClaim: { claimName: "data" } },
    { name: "b", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
  ],
});
const other = podOf("other", {
  nodeName: "n2",
  volumes: [{ name: "a", secret: { secretName: "theirs" } }],
});
const pods: readonly Pod[] = [own, other];

const volumes: Readonly<Record<string, object>> = {
  "pv-data": { spec: { claimRef: { namespace: "default", name: "data" } } },
  "pv-else": { spec: { claimRef: { namespace: "default", name: "else" } } },
  "pv-free": { spec: {} },
  "pv-given": given("n1", "nspod/volume-folder"),
  "pv-kept": given("n1", "kubernetes.io/pv-protection"),
  "pv-far": given("n2", "nspod/volume-folder"),
};

/** A volume of a node that has a finalizer. */
function given(node: string, finalizer: string): object {
  const hostname = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
  const required = { nodeSelectorTerms: [{ matchExpressions: [hostname] }] };
  return { metadata: { finalizers: [finalizer] }, spec: { nodeAffinity: { required } } };
}

const objects = {
  // The tests ask for pods and volumes.
  get: <T>(kind: string, _: string, name: string) =>
    (kind === "Pod" ? pods.find(({ metadata }) => metadata.name === name) : volumes[name]) as
      | T
      | undefined,
  list: <T>() => ({ items: pods as readonly unknown[] as readonly T[] }),
};

function refusal(
  deed: Partial<ResourceDeed>,
  fieldSelector = "",
  labelSelector = "",
): string | undefined {
  const whole = { group: "", subresource: "", namespace: "default", name: "", ...deed };
  const wanted = { verb: "get", resource: "pods", ...whole };
  return refuseForNode("n1", wanted, { objects, fieldSelector, labelSelector });
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
});

rules("reads its own pods alone", () => {
  assert.is(refusal({ name: "own" }), undefined);
  assert.match(refusal({ name: "other" }) ?? "", /no relationship/);
  assert.is(refusal({ name: "missing" }), undefined);
  for (const verb of ["list", "watch"]) {
    assert.is(refusal({ verb }, "spec.nodeName=n1"), undefined);
    assert.is(refusal({ verb }, "status.phase!=Failed,spec.nodeName=n1"), undefined);
    for (const selector of ["", "spec.nodeName=n2", "spec.nodeName!=n1", "spec.nodeName=n10"]) {
      assert.match(refusal({ verb }, selector) ?? "", /with spec.nodeName field selector/);
    }
  }
});

rules("gets claims of its pods and their volumes, and follows none", () => {
  const claim = { resource: "persistentvolumeclaims" };
  const volume = { resource: "persistentvolumes", namespace: "" };
  assert.is(refusal({ ...claim, name: "data" }), undefined);
  assert.is(refusal({ ...volume, name: "pv-data" }), undefined);
  for (const name of ["pv-else", "pv-free", "pv-missing"]) {
    assert.match(refusal({ ...volume, name }) ?? "", /no relationship/);
  }
  const watch = refusal({ ...claim, verb: "watch" }, "metadata.name=data");
  assert.match(watch ?? "", /can only get individual resources/);
});

rules("follows the volumes that are on it, and gives back what it is asked for", () => {
  const volume = { resource: "persistentvolumes", namespace: "" };
  for (const verb of ["list", "watch"]) {
    const by = (label: string, field = "") => refusal({ ...volume, verb }, field, label);
    assert.is(by("kubernetes.io/hostname=n1"), undefined);
    for (const other of ["", "kubernetes.io/hostname=n2", "kubernetes.io/hostname!=n1"]) {
      assert.match(by(other) ?? "", /can only list\/watch volumes with label/);
    }
    assert.match(by("", "metadata.name=pv-data") ?? "", /with label/);
  }
  const label = "kubernetes.io/hostname=n1";
  assert.match(refusal({ ...volume, name: "pv-else" }, "", label) ?? "", /no relationship/);
  const patch = (name: string) => refusal({ ...volume, verb: "patch", name }, "", label);
  assert.is(patch("pv-given"), undefined);
  for (const name of ["pv-kept", "pv-far", "pv-data", "pv-missing"]) {
    assert.match(patch(name) ?? "", /no relationship/);
  }
});

rules("names its own node and lease", () => {
  const named = (namespace: string) =>
    nodeRules("n1", namespace).flatMap(({ resources, resourceNames = [] }) =>
      resourceNames.map((name) => `${resources.join()} ${name}`),
    );
  assert.equal(named(""), ["nodes,nodes/status n1"]);
  assert.equal(named("kube-node-lease"), ["nodes,nodes/status n1", "leases n1"]);
});

rules("is no matter of others", () => {
  const deed = { verb: "get", group: "", resource: "secrets", subresource: "" };
  const wanted = { ...deed, namespace: "default", name: "theirs" };
  const facts = { objects, fieldSelector: "", labelSelector: "" };
  authorizeNode({ name: "somebody", groups: [] }, wanted, facts);
  const node = { name: "system:node:n1", groups: ["system:nodes"] };
  assert.throws(() => authorizeNode(node, wanted, facts), /User "system:node:n1" cannot get/);
});

rules.run();
