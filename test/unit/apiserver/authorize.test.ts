import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  authorize,
  type Deed,
  deedOf,
  isAllowed,
  rulesFor,
  type Subject,
} from "../../../src/apiserver/authorize.ts";

const admin: Subject = { name: "kubernetes-admin", groups: ["system:masters"] };
const account: Subject = {
  name: "system:serviceaccount:shop:robot",
  groups: ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
};
const somebody: Subject = { name: "jane", groups: ["system:authenticated"] };
const nobody: Subject = { name: "jane", groups: [] };

function request(method: string, path: string, namespace = "", name = ""): Deed {
  return deedOf({ method, path, namespace, name, isWatch: false });
}

const own = "/api/v1/namespaces/{namespace}";

const deeds = suite("deedOf()");

deeds("names what a request does", () => {
  const pods = { group: "", resource: "pods", subresource: "", namespace: "shop", name: "" };
  assert.equal(request("GET", `${own}/pods`, "shop"), { verb: "list", ...pods });
  const watch = { method: "GET", path: `${own}/pods`, namespace: "shop", name: "", isWatch: true };
  assert.equal(deedOf(watch), { verb: "watch", ...pods });
  assert.equal(request("POST", `${own}/pods`, "shop"), { verb: "create", ...pods });
  assert.equal(request("DELETE", `${own}/pods`, "shop"), { verb: "deletecollection", ...pods });
  const web = { ...pods, name: "web" };
  for (const [method, verb] of [
    ["GET", "get"],
    ["PUT", "update"],
    ["PATCH", "patch"],
    ["DELETE", "delete"],
  ] as const) {
    assert.equal(request(method, `${own}/pods/{name}`, "shop", "web"), { verb, ...web });
  }
  assert.equal(request("GET", `${own}/pods/{name}/log`, "shop", "web"), {
    verb: "get",
    ...web,
    subresource: "log",
  });
  const scale = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale";
  assert.equal(request("PUT", scale, "shop", "web"), {
    verb: "update",
    group: "apps",
    resource: "deployments",
    subresource: "scale",
    namespace: "shop",
    name: "web",
  });
});

deeds("a namespace is in itself", () => {
  assert.equal(request("GET", "/api/v1/namespaces/{name}", "", "shop"), {
    verb: "get",
    group: "",
    resource: "namespaces",
    subresource: "",
    namespace: "shop",
    name: "shop",
  });
});

deeds("what is about the server is a path", () => {
  for (const path of ["/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/openapi/v3"]) {
    assert.equal(request("GET", path), { verb: "get", path });
  }
});

deeds("a path of a form that is not known is open to administrators alone", () => {
  for (const path of [
    `${own}/services/{name}/proxy/more`,
    `${own}/pods/{name}/log/more`,
    "/apis/apps/v1/deployments/more",
  ]) {
    assert.not(isAllowed(account, request("GET", path, "shop", "web")), path);
    assert.ok(isAllowed(admin, request("GET", path, "shop", "web")), path);
  }
});

deeds.run();

const policy = suite("isAllowed()");

policy(
  "a service account reads its own namespace without secrets, and what is about the server",
  () => {
    const may = (method: string, path: string, namespace = "", name = "x"): boolean =>
      isAllowed(account, request(method, path, namespace, name));
    assert.ok(may("GET", `${own}/pods`, "shop"));
    assert.ok(may("GET", `${own}/pods/{name}/log`, "shop"));
    assert.ok(may("GET", `${own}/pods/{name}/status`, "shop"));
    assert.ok(may("GET", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale", "shop"));
    assert.ok(may("GET", "/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods", "shop"));
    assert.ok(may("GET", "/api/v1/namespaces/{name}", "", "shop"));
    for (const path of ["/api", "/api/v1", "/apis", "/apis/apps/v1", "/version", "/openapi/v2"]) {
      assert.ok(may("GET", path), path);
      assert.not(may("POST", path), path);
    }
    assert.not(may("GET", "/api/v1/namespaces/{name}", "", "other"));
    assert.not(may("GET", "/api/v1/namespaces"));
    assert.not(may("GET", `${own}/pods`, "other"));
    assert.not(may("GET", `${own}/secrets`, "shop"));
    assert.not(may("GET", `${own}/secrets/{name}`, "shop"));
    for (const part of ["exec", "attach", "portforward", "proxy", "token", "new"]) {
      assert.not(may("GET", `${own}/pods/{name}/${part}`, "shop"), part);
    }
    assert.not(may("GET", "/nspod/v1/namespaces/{namespace}/pods/{name}/copy", "shop"));
    for (const method of ["POST", "DELETE"]) assert.not(may(method, `${own}/pods`, "shop"), method);
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      assert.not(may(method, `${own}/pods/{name}`, "shop"), method);
    }
    assert.not(may("POST", `${own}/serviceaccounts/{name}/token`, "shop"));
    for (const path of ["/api/v1/pods", "/api/v1/nodes/{name}", "/apis/apps/v1/deployments"]) {
      assert.not(may("GET", path), path);
    }
    for (const path of ["/nspod/v1/system/info", "/nspod/v1/images"]) {
      assert.not(may("GET", path), path);
    }
  },
);

policy("an administrator may do everything, somebody without rights only ask", () => {
  const deletion = request("DELETE", `${own}/pods`, "shop");
  const question = request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
  const others = request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews");
  const version = request("GET", "/version");
  const may = (subject: Subject): boolean[] =>
    [deletion, others, question, version].map((deed) => isAllowed(subject, deed));
  assert.equal(may(admin), [true, true, true, true]);
  assert.equal(may(account), [false, false, true, true]);
  assert.equal(may(somebody), [false, false, true, true]);
  assert.equal(may(nobody), [false, false, false, false]);
});

policy("a name like a service account's is none without its group", () => {
  const list = request("GET", `${own}/pods`, "shop");
  assert.ok(isAllowed(account, list));
  assert.not(isAllowed({ ...account, groups: [] }, list));
  for (const name of ["system:serviceaccount:shop", "x:system:serviceaccount:shop:a", "shop"]) {
    assert.not(isAllowed({ ...account, name }, list), name);
  }
});

policy('"*" asks for all of them', () => {
  const pods = {
    verb: "get",
    group: "",
    resource: "pods",
    subresource: "",
    namespace: "shop",
    name: "",
  };
  assert.ok(isAllowed(account, pods));
  for (const part of ["verb", "group", "resource", "subresource"] as const) {
    const wide = { ...pods, [part]: "*" };
    assert.not(isAllowed(account, wide), part);
    assert.ok(isAllowed(admin, wide), part);
  }
});

policy.run();

const rules = suite("rulesFor()");

rules("says in its own namespace what may be done there, and no secrets", () => {
  const { resourceRules } = rulesFor(account, "shop");
  const [core] = resourceRules.filter(({ resources }) => resources.includes("pods"));
  assert.equal(core?.verbs, ["get", "list", "watch"]);
  assert.equal(core?.apiGroups, [""]);
  for (const each of ["configmaps", "pods/log", "services"])
    assert.ok(core?.resources.includes(each));
  for (const rule of resourceRules) assert.not(rule.resources.includes("secrets"));
  assert.equal(rulesFor(account, "other"), rulesFor(somebody, "shop"));
  assert.equal(rulesFor(admin, "shop").resourceRules, [
    { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  ]);
});

rules.run();

const refusals = suite("authorize()");

refusals("says who may not do what, and what may be done", () => {
  const said = (deed: Deed): string => {
    try {
      authorize(account, deed);
    } catch (error) {
      assert.is((error as { code?: number }).code, 403);
      return (error as Error).message;
    }
    return "allowed";
  };
  const hint = ': a service account reads its own namespace "shop" only, without secrets';
  assert.is(
    said(
      request("DELETE", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}", "shop", "web"),
    ),
    `deployments.apps "web" is forbidden: User "system:serviceaccount:shop:robot" cannot delete resource "deployments" in API group "apps" in the namespace "shop"${hint}`,
  );
  assert.is(
    said(request("GET", "/api/v1/nodes")),
    `nodes is forbidden: User "system:serviceaccount:shop:robot" cannot list resource "nodes" in API group "" at the cluster scope${hint}`,
  );
  assert.is(
    said(request("GET", "/nspod/v1/images")),
    `forbidden: User "system:serviceaccount:shop:robot" cannot get path "/nspod/v1/images"${hint}`,
  );
});

refusals.run();
