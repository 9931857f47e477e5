// Questions about who one is and what one may do, tokens on request, and acting as somebody else.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ServiceAccount } from "../../../src/spec/kubernetes.gen.ts";
import { tokenIssuer } from "../../../src/volume/service-account-tokens.ts";
import { type Answer, Fixture, storedPod } from "./fixture.ts";

const robot = "system:serviceaccount:default:robot";
const robotGroups = [
  "system:serviceaccounts",
  "system:serviceaccounts:default",
  "system:authenticated",
];

let api: Fixture;

async function before(): Promise<void> {
  api = await new Fixture().start();
  api.store.create<ServiceAccount>({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "robot", namespace: "default", uid: "robot-uid" },
  });
}

type Headers = Readonly<Record<string, string | string[]>>;

async function post(path: string, spec?: object, headers: Headers = {}): Promise<Answer> {
  return await api.call("POST", path, { body: { ...(spec && { spec }) }, headers });
}

async function ask(kind: string, spec?: object, headers?: Headers): Promise<Answer> {
  const group = /Token|SelfSubjectReview/.test(kind) ? "authentication" : "authorization";
  return await post(`/apis/${group}.k8s.io/v1/${kind.toLowerCase()}s`, spec, headers);
}

const getPods = { verb: "get", resource: "pods", namespace: "default" };

const access = suite("access reviews");
access.before.each(before);
access.after.each(async () => await api.stop());

access("answer what one may do oneself", async () => {
  const { code, json } = await ask("SelfSubjectAccessReview", { resourceAttributes: getPods });
  assert.is(code, 201);
  assert.equal(json, {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    metadata: json.metadata,
    spec: { resourceAttributes: getPods },
    status: { allowed: true },
  });
});

access("answer for others, service accounts by their names", async () => {
  const may = async (spec: object): Promise<boolean> =>
    (await ask("SubjectAccessReview", { user: robot, ...spec })).json.status.allowed;
  assert.ok(await may({ resourceAttributes: getPods }));
  assert.not(await may({ resourceAttributes: { ...getPods, verb: "delete" } }));
  assert.not(await may({ resourceAttributes: { ...getPods, namespace: "other" } }));
  assert.not(await may({ resourceAttributes: { ...getPods, resource: "secrets" } }));
  assert.ok(await may({ nonResourceAttributes: { verb: "get", path: "/version" } }));
  assert.not(await may({ nonResourceAttributes: { verb: "get", path: "/nspod/v1/images" } }));
  const deletion = { resourceAttributes: { ...getPods, verb: "delete" } };
  assert.ok(await may({ ...deletion, user: "jane", groups: ["system:masters"] }));
});

access("answer in a namespace about that namespace", async () => {
  const path = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
  const local = async (namespace: string): Promise<Answer> =>
    await post(path, { user: robot, resourceAttributes: { ...getPods, namespace } });
  assert.is((await local("default")).json.status.allowed, true);
  assert.is((await local("other")).code, 400);
});

access("list all that one may do", async () => {
  const { json } = await ask("SelfSubjectRulesReview", { namespace: "default" });
  assert.equal(json.status, {
    resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
    incomplete: false,
  });
  assert.is((await ask("SelfSubjectRulesReview", {})).code, 400);
});

access("are refused when they ask nothing, too much, or about nobody", async () => {
  const both = {
    resourceAttributes: getPods,
    nonResourceAttributes: { verb: "get", path: "/version" },
  };
  for (const spec of [{}, both]) {
    const { code, json } = await ask("SelfSubjectAccessReview", spec);
    assert.is(code, 422);
    assert.match(json.message, /exactly one of nonResourceAttributes or resourceAttributes/);
  }
  assert.is((await ask("SubjectAccessReview", { resourceAttributes: getPods })).code, 422);
  const typo = { resourceAttributes: { ...getPods, verbs: "get" } };
  const { code, json } = await ask("SelfSubjectAccessReview", typo);
  assert.is(code, 400);
  assert.match(json.message, /verbs/);
});

access("an administrator acts as somebody else", async () => {
  const as = { "impersonate-user": robot };
  const { json } = await ask("SelfSubjectReview", undefined, as);
  assert.equal(json.status.userInfo, { username: robot, groups: robotGroups });
  const deletion = { resourceAttributes: { ...getPods, verb: "delete" } };
  assert.is((await ask("SelfSubjectAccessReview", deletion, as)).json.status.allowed, false);
  assert.is((await api.call("GET", "/api/v1/nodes", { headers: as })).code, 403);
  assert.is((await api.call("GET", "/api/v1/namespaces/default/pods", { headers: as })).code, 200);
  const jane = {
    "impersonate-user": "jane",
    "impersonate-group": ["developers", "testers"],
    "impersonate-uid": "7",
    "impersonate-extra-scopes%2fview": "all",
  };
  assert.equal((await ask("SelfSubjectReview", undefined, jane)).json.status.userInfo, {
    username: "jane",
    groups: ["developers", "testers", "system:authenticated"],
    uid: "7",
    extra: { "scopes/view": ["all"] },
  });
  const nobody = { "impersonate-group": "developers" };
  assert.is((await ask("SelfSubjectReview", undefined, nobody)).code, 400);
});

access("one is oneself without that", async () => {
  const { json } = await ask("SelfSubjectReview");
  assert.equal(json.status.userInfo, {
    username: "system:admin",
    groups: ["system:masters", "system:authenticated"],
  });
});

access.run();

const tokens = suite("tokens on request");
tokens.before.each(before);
tokens.after.each(async () => await api.stop());

const path = "/api/v1/namespaces/default/serviceaccounts/robot/token";

tokens("are issued for an hour and for the API, unless something else is asked", async () => {
  const { code, json } = await post(path);
  assert.is(code, 201);
  assert.is(json.kind, "TokenRequest");
  assert.equal(json.spec, { audiences: [tokenIssuer], expirationSeconds: 3600 });
  const { creationTimestamp, ...metadata } = json.metadata;
  assert.equal(metadata, { name: "robot", namespace: "default" });
  const life = Date.parse(json.status.expirationTimestamp) - Date.parse(creationTimestamp);
  assert.is(life, 3_600_000);
  const { json: review } = await ask("TokenReview", { token: json.status.token });
  assert.equal(review.status, {
    authenticated: true,
    user: { username: robot, groups: robotGroups, uid: "robot-uid" },
    audiences: [tokenIssuer],
  });
});

tokens("are good for their audiences only", async () => {
  const { json } = await post(path, { audiences: ["vault"], expirationSeconds: 600 });
  const { token } = json.status;
  const known = async (...audiences: string[]): Promise<unknown> =>
    (await ask("TokenReview", { token, audiences })).json.status.audiences;
  assert.equal(await known("vault", "bank"), ["vault"]);
  assert.is(await known("bank"), undefined);
  const { json: review } = await ask("TokenReview", { token });
  assert.equal(review.status, { authenticated: false, user: {}, error: "invalid bearer token" });
});

tokens("end with what they are bound to, and with their account", async () => {
  const pod = storedPod("web");
  api.store.create({ ...pod, spec: { ...pod.spec, serviceAccountName: "robot" } });
  const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "web", uid: "uid-web" };
  const bound = (await post(path, { boundObjectRef })).json.status.token;
  const free = (await post(path)).json.status.token;
  const isKnown = async (token: string): Promise<boolean> =>
    (await ask("TokenReview", { token })).json.status.authenticated;
  const { json } = await ask("TokenReview", { token: bound });
  assert.equal(json.status.user.extra, {
    "authentication.kubernetes.io/pod-name": ["web"],
    "authentication.kubernetes.io/pod-uid": ["uid-web"],
  });
  assert.equal([await isKnown(bound), await isKnown(free)], [true, true]);
  api.store.delete("Pod", "default", "web");
  assert.equal([await isKnown(bound), await isKnown(free)], [false, true]);
  api.store.delete("ServiceAccount", "default", "robot");
  assert.is(await isKnown(free), false);
});

tokens("are refused for too short a time, and for what is not there", async () => {
  api.store.create(storedPod("other"));
  const refused = async (spec: object, where = path): Promise<readonly [number, string]> => {
    const { code, json } = await post(where, spec);
    return [code, json.message];
  };
  const [code, message] = await refused({ expirationSeconds: 60 });
  assert.is(code, 422);
  assert.match(message, /may not specify a duration less than 10 minutes/);
  assert.is((await refused({ expirationSeconds: 2 ** 33 }))[0], 422);
  assert.is((await refused({}, path.replace("robot", "nobody")))[0], 404);
  const bind = async (more: object): Promise<number> => {
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: "other", ...more };
    return (await refused({ boundObjectRef }))[0];
  };
  assert.is(await bind({ name: "gone" }), 404);
  assert.is(await bind({ uid: "old" }), 409);
  assert.is(await bind({}), 400, "it runs as another account");
  assert.is(await bind({ kind: "ConfigMap" }), 400);
  const named = { body: { metadata: { name: "other" } } };
  assert.is((await api.call("POST", path, named)).code, 400);
});

tokens.run();
