// What roles and their bindings let somebody do, as the policy says it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isAllowed, rulesFor } from "../../../src/apiserver/authorize.ts";
import { subjectOf } from "../../../src/apiserver/impersonate.ts";
import { ensureFirstObjects } from "../../../src/controller/first-objects.ts";
import type { PolicyRule, Subject } from "../../../src/spec/kubernetes.gen.ts";
import { Store } from "../../../src/store/store.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";
const apiGroup = "rbac.authorization.k8s.io";
const robot = subjectOf("system:serviceaccount:shop:robot");
const jane = subjectOf("jane", ["testers"]);
const toRobot: Subject = { kind: "ServiceAccount", name: "robot", namespace: "shop" };

let folder = "";
let store: Store;

const test = suite("grantedRules()");

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-roles-"));
  store = Store.open(join(folder, "nspod.db"));
  ensureFirstObjects(store, 0);
});
test.after.each(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

function role(namespace: string, name: string, ...rules: readonly PolicyRule[]): void {
  const kind = namespace === "" ? "ClusterRole" : "Role";
  const object = { apiVersion, kind, metadata: { name, namespace, uid: name }, rules };
  store.create(object, { durable: false });
}

function bind(namespace: string, kind: string, name: string, ...subjects: Subject[]): void {
  const binding = {
    apiVersion,
    kind: namespace === "" ? "ClusterRoleBinding" : "RoleBinding",
    metadata: { name: `to-${name}`, namespace, uid: `to-${name}` },
    roleRef: { apiGroup, kind, name },
    subjects,
  };
  store.create(binding, { durable: false });
}

function may(subject: typeof robot, verb: string, what: string, namespace = "shop", name = "") {
  const [path = "", group = ""] = what.split("@");
  const [resource = "", subresource = ""] = path.split("/");
  return isAllowed(subject, { verb, group, resource, subresource, namespace, name }, store);
}

test("a Role is good in its namespace, for whom its binding names", () => {
  assert.not(may(robot, "create", "configmaps"));
  role("shop", "writer", { verbs: ["create"], apiGroups: [""], resources: ["configmaps"] });
  assert.not(may(robot, "create", "configmaps"), "nobody is bound");
  bind("shop", "Role", "writer", toRobot, { kind: "User", name: "jane", apiGroup });
  assert.ok(may(robot, "create", "configmaps"));
  assert.ok(may(jane, "create", "configmaps"));
  assert.not(may(subjectOf("joe"), "create", "configmaps"));
  assert.not(may(subjectOf("system:serviceaccount:other:robot"), "create", "configmaps"));
  assert.not(may(robot, "create", "configmaps", "other"));
  assert.not(may(robot, "update", "configmaps"));
  assert.not(may(robot, "create", "configmaps@apps"));
  assert.ok(may(robot, "list", "pods"), "and what it may without a role");
});

test("a ClusterRole is good in the namespace of a RoleBinding, or everywhere", () => {
  const secrets = { verbs: ["get"], apiGroups: [""], resources: ["secrets"] };
  role("", "secret-reader", secrets, { verbs: ["get"], nonResourceURLs: ["/metrics/*"] });
  bind("shop", "ClusterRole", "secret-reader", toRobot);
  assert.ok(may(robot, "get", "secrets"));
  assert.not(may(robot, "get", "secrets", "other"));
  const path = { verb: "get", path: "/metrics/all" };
  assert.not(isAllowed(robot, path, store), "paths are in no namespace");
  bind("", "ClusterRole", "secret-reader", { kind: "Group", name: "testers", apiGroup });
  assert.ok(may(jane, "get", "secrets", "other"));
  assert.ok(may(jane, "get", "secrets", ""));
  assert.ok(isAllowed(jane, path, store));
  assert.not(isAllowed(jane, path));
});

test("names of objects and parts of them are minded", () => {
  role(
    "shop",
    "narrow",
    { verbs: ["update"], apiGroups: [""], resources: ["configmaps"], resourceNames: ["mine"] },
    { verbs: ["update"], apiGroups: ["apps"], resources: ["*/scale"] },
    { verbs: ["create"], apiGroups: [""], resources: ["pods/exec"] },
  );
  bind("shop", "Role", "narrow", toRobot);
  assert.ok(may(robot, "update", "configmaps", "shop", "mine"));
  assert.not(may(robot, "update", "configmaps", "shop", "other"));
  assert.ok(may(robot, "update", "deployments/scale@apps"));
  assert.not(may(robot, "update", "deployments@apps"));
  assert.ok(may(robot, "create", "pods/exec"));
  assert.not(may(robot, "create", "pods"));
});

test("a role that does not exist grants nothing, and selected ones join", () => {
  bind("shop", "Role", "gone", toRobot);
  assert.not(may(robot, "create", "configmaps"));
  bind("shop", "ClusterRole", "view", { kind: "User", name: "jane", apiGroup });
  assert.ok(may(jane, "list", "pods"));
  assert.not(may(jane, "get", "secrets"));
  assert.not(may(jane, "list", "widgets@example.com"));
  store.create({
    apiVersion,
    kind: "ClusterRole",
    metadata: {
      name: "widgets",
      namespace: "",
      uid: "w",
      labels: { "rbac.authorization.k8s.io/aggregate-to-view": "true" },
    },
    rules: [{ verbs: ["list"], apiGroups: ["example.com"], resources: ["widgets"] }],
  } as never);
  assert.ok(may(jane, "list", "widgets@example.com"));
});

test("the roles for people differ in secrets, in writing, and in roles", () => {
  const allowed = (name: string): boolean[] => {
    const person = subjectOf(name);
    bind("shop", "ClusterRole", name, { kind: "User", name, apiGroup });
    return [
      may(person, "get", "deployments@apps"),
      may(person, "get", "pods/log"),
      may(person, "create", "deployments@apps"),
      may(person, "get", "secrets"),
      may(person, "create", "pods/exec"),
      may(person, "get", `roles@${apiGroup}`),
      may(person, "get", "nodes", ""),
    ];
  };
  assert.equal(allowed("view"), [true, true, false, false, false, false, false]);
  assert.equal(allowed("edit"), [true, true, true, true, true, false, false]);
  assert.equal(allowed("admin"), [true, true, true, true, true, true, false]);
});

test("only who holds everything changes roles and bindings", () => {
  role("shop", "granter", { verbs: ["*"], apiGroups: [apiGroup], resources: ["*"] });
  bind("shop", "Role", "granter", toRobot);
  assert.ok(may(robot, "list", `roles@${apiGroup}`));
  assert.not(may(robot, "create", `roles@${apiGroup}`));
  assert.not(may(robot, "create", `rolebindings@${apiGroup}`));
  // All of one namespace is not everything.
  bind("shop", "ClusterRole", "cluster-admin", toRobot);
  assert.ok(may(robot, "delete", "secrets"));
  assert.not(may(robot, "delete", "secrets", "other"));
  assert.not(may(robot, "create", `rolebindings@${apiGroup}`));
  bind("", "ClusterRole", "cluster-admin", { kind: "User", name: "jane", apiGroup });
  assert.ok(may(jane, "create", `clusterrolebindings@${apiGroup}`, ""));
  assert.ok(isAllowed(jane, { verb: "get", path: "/nspod/v1/images" }, store));
});

test("what is granted is listed", () => {
  role("shop", "writer", { verbs: ["create"], apiGroups: [""], resources: ["configmaps"] });
  bind("shop", "Role", "writer", toRobot);
  const { resourceRules } = rulesFor(robot, "shop", store);
  assert.equal(resourceRules.at(-1), {
    verbs: ["create"],
    apiGroups: [""],
    resources: ["configmaps"],
  });
});

test.run();
