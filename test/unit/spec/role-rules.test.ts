import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultObject, validateNew, validateUpdate } from "../../../src/spec/admit.ts";
import { decodeObject } from "../../../src/spec/decode-json.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";

function make(kind: string, more: object, name = "reader"): KubernetesObject {
  const apiVersion = "rbac.authorization.k8s.io/v1";
  const object = decodeObject({ apiVersion, kind, metadata: { name }, ...more });
  return defaultObject(object, { randomSuffix: () => "" });
}

function complaints(kind: string, more: object, name?: string): readonly string[] {
  return validateNew(make(kind, more, name)).map(({ path, message }) => `${path}: ${message}`);
}

const get = { verbs: ["get"] };
const pods = { apiGroups: [""], resources: ["pods"] };
const roleRef = { kind: "ClusterRole", name: "view" };

const roles = suite("roles");

roles("say verbs, and either resources or paths", () => {
  assert.equal(complaints("Role", { rules: [{ ...get, ...pods }] }), []);
  assert.equal(complaints("ClusterRole", { rules: [{ ...get, nonResourceURLs: ["/x"] }] }), []);
  assert.equal(complaints("Role", {}), []);
  assert.equal(complaints("Role", { rules: [{ verbs: [] }] }), [
    "rules[0].verbs: must contain at least one value",
    "rules[0].apiGroups: resource rules must supply at least one api group",
    "rules[0].resources: resource rules must supply at least one resource",
  ]);
  assert.equal(complaints("Role", { rules: [{ ...get, nonResourceURLs: ["/x"] }] }), [
    "rules[0].nonResourceURLs: namespaced rules cannot apply to non-resource URLs",
  ]);
  const both = { ...get, ...pods, nonResourceURLs: ["/x"] };
  assert.equal(complaints("ClusterRole", { rules: [both] }), [
    "rules[0].nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs",
  ]);
});

roles('may have ":" in their names', () => {
  assert.equal(complaints("ClusterRole", {}, "system:auth-delegator"), []);
  for (const name of [":a", "a:", "A", "a/b"]) {
    assert.is(complaints("ClusterRole", {}, name).length, 1, name);
  }
});

roles.run();

const bindings = suite("bindings of roles");

bindings("fill in the group of the API", () => {
  const subjects = [
    { kind: "ServiceAccount", name: "robot", namespace: "shop" },
    { kind: "User", name: "jane" },
    { kind: "Group", name: "testers" },
  ];
  const { roleRef: ref, subjects: filled } = make("RoleBinding", {
    roleRef,
    subjects,
  }) as unknown as {
    roleRef: object;
    subjects: object[];
  };
  const apiGroup = "rbac.authorization.k8s.io";
  assert.equal(ref, { ...roleRef, apiGroup });
  assert.equal(filled, [
    { ...subjects[0], apiGroup: "" },
    { ...subjects[1], apiGroup },
    { ...subjects[2], apiGroup },
  ]);
  assert.equal(complaints("RoleBinding", { roleRef, subjects }), []);
});

bindings("name a role of a kind that they may name, and subjects that exist", () => {
  assert.equal(complaints("ClusterRoleBinding", { roleRef: { kind: "Role", name: "x" } }), [
    'roleRef.kind: must be one of "ClusterRole": got "Role"',
  ]);
  assert.equal(complaints("RoleBinding", { roleRef: { kind: "Rule", name: "" } }), [
    'roleRef.kind: must be one of "ClusterRole", "Role": got "Rule"',
    "roleRef.name: is required",
  ]);
  const subjects = [
    { kind: "ServiceAccount", name: "robot" },
    { kind: "Robot", name: "x" },
    { kind: "User", name: "", apiGroup: "apps" },
  ];
  assert.equal(complaints("RoleBinding", { roleRef, subjects }), [
    "subjects[0].namespace: is required",
    'subjects[1].kind: must be one of "ServiceAccount", "User", "Group": got "Robot"',
    "subjects[2].name: is required",
    'subjects[2].apiGroup: must be "rbac.authorization.k8s.io": got "apps"',
  ]);
});

bindings("keep their role", () => {
  const current = make("RoleBinding", { roleRef });
  const next = make("RoleBinding", { roleRef: { ...roleRef, name: "edit" } });
  assert.equal(
    validateUpdate(next, current).map(({ path }) => path),
    ["roleRef"],
  );
  assert.equal(validateUpdate(current, current), []);
});

bindings.run();
