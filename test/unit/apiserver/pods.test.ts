// Pods over HTTP: identity, defaults and validation on creation; conflicts; selections; deletion.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PodError } from "../../../src/base/errors.ts";
import { isPodUid } from "../../../src/base/ids.ts";
import { Fixture, podBody, storedPod } from "./fixture.ts";

const pods = suite("pods");
let fixture: Fixture;
const path = "/api/v1/namespaces/default/pods";

pods.before.each(async () => {
  fixture = await new Fixture().start();
});

pods.after.each(async () => {
  await fixture.stop();
});

function names(json: { items: readonly { metadata: { name: string } }[] }): readonly string[] {
  return json.items.map(({ metadata }) => metadata.name);
}

pods("are created with defaults and an identity of the server's making", async () => {
  const metadata = { uid: "mine", creationTimestamp: "2001-01-01T00:00:00Z" };
  const body = { ...podBody("web", metadata), status: { phase: "Failed" } };
  const { code, json } = await fixture.call("POST", path, { body });
  assert.is(code, 201);
  assert.ok(isPodUid(json.metadata.uid));
  assert.match(json.metadata.creationTimestamp, /^20[2-9]\d-.*Z$/);
  assert.is.not(json.metadata.creationTimestamp, metadata.creationTimestamp);
  assert.is(json.metadata.namespace, "default");
  assert.ok(json.metadata.resourceVersion);
  assert.is(json.spec.restartPolicy, "Always");
  assert.is(json.status, undefined);
  assert.equal((await fixture.call("GET", `${path}/web`)).json, json);
  assert.equal((await fixture.call("GET", `${path}/web/status`)).json, json);
});

pods("get a generated name, and another one when it is taken", async () => {
  const body = podBody("", { name: undefined, generateName: "web-" });
  const { code, json } = await fixture.call("POST", path, { body });
  assert.is(code, 201);
  assert.match(json.metadata.name, /^web-[a-z0-9]{5}$/);
  fixture.backend.failCreate = new PodError("AlreadyExists", "taken");
  assert.is((await fixture.call("POST", path, { body })).code, 409);
});

pods("exist once", async () => {
  await fixture.call("POST", path, { body: podBody("web") });
  const { code, json } = await fixture.call("POST", path, { body: podBody("web") });
  assert.is(code, 409);
  assert.is(json.reason, "AlreadyExists");
  assert.is(json.details.name, "web");
});

pods("are refused with every mistake by field", async () => {
  const body = podBody("Web", { namespace: "default" });
  body["spec"] = { containers: [{ name: "main", image: "" }], restartPolicy: "Always" };
  const { code, json } = await fixture.call("POST", path, { body });
  assert.is(code, 422);
  assert.is(json.reason, "Invalid");
  const found = json.details.causes.map((cause: { field: string }) => cause.field);
  assert.ok(
    found.includes("metadata.name") && found.includes("spec.containers[0].image"),
    `${found}`,
  );
  const unknown = await fixture.call("POST", path, { body: { ...podBody("a"), colour: "red" } });
  assert.is(unknown.code, 400);
  assert.is(unknown.json.reason, "BadRequest");
  assert.is(
    unknown.json.message,
    'Pod in version "v1" cannot be handled as a Pod: strict decoding error: colour: unknown field "colour"',
  );
  const polluted = await fixture.call("POST", path, {
    raw: JSON.stringify(podBody("a")).replace('"name"', '"__proto__":{"x":1},"name"'),
    headers: { "content-type": "application/json" },
  });
  assert.is(polluted.code, 400);
});

pods("belong to the namespace of the path", async () => {
  const body = podBody("web", { namespace: "other" });
  assert.is((await fixture.call("POST", path, { body })).code, 400);
  const versioned = podBody("web", { resourceVersion: "3" });
  assert.is((await fixture.call("POST", path, { body: versioned })).code, 400);
});

pods("are listed by namespace, label and field, in pages", async () => {
  fixture.store.create(storedPod("a", { labels: { app: "web" } }));
  fixture.store.create(storedPod("b", { labels: { app: "db" } }, "Pending"));
  fixture.store.create(storedPod("c", { namespace: "other", labels: { app: "web" } }));
  const list = async (query: string, from = path) =>
    (await fixture.call("GET", `${from}${query}`)).json;
  assert.equal(names(await list("")), ["a", "b"]);
  assert.equal(names(await list("", "/api/v1/pods")), ["a", "b", "c"]);
  assert.equal(names(await list("?labelSelector=app%3Dweb", "/api/v1/pods")), ["a", "c"]);
  assert.equal(names(await list("?fieldSelector=status.phase!%3DRunning")), ["b"]);
  assert.equal(names(await list("?fieldSelector=metadata.name%3Dnone")), []);
  const all = await list("");
  assert.is(all.kind, "PodList");
  assert.is(all.metadata.resourceVersion, fixture.store.resourceVersion);
  // What is handed on as it is stored says the same as what was read for a selector or a page.
  assert.equal(all.items, (await list("?labelSelector=app")).items);
  assert.equal(all, await list("?limit=2"));
  const first = await list("?limit=2", "/api/v1/pods");
  assert.equal(names(first), ["a", "b"]);
  assert.is(first.metadata.remainingItemCount, 1);
  const token = encodeURIComponent(first.metadata.continue);
  const second = await list(`?limit=2&continue=${token}`, "/api/v1/pods");
  assert.equal(names(second), ["c"]);
  assert.is(second.metadata.continue, undefined);
  for (const query of [
    "?limit=x",
    "?continue=x",
    "?labelSelector=(",
    "?fieldSelector=spec.x%3D1",
    "?resourceVersionMatch=Exact",
  ]) {
    assert.is((await fixture.call("GET", path + query)).code, 400, query);
  }
  const old = await fixture.call("GET", `${path}?resourceVersion=1&resourceVersionMatch=Exact`);
  assert.is(old.code, 410);
  assert.is(old.json.reason, "Expired");
  assert.is((await fixture.call("GET", `${path}?resourceVersion=0`)).code, 200);
  assert.is((await fixture.call("GET", `${path}?resourceVersion=99999`)).code, 504);
});

pods("are replaced when nobody else was faster", async () => {
  const { json } = await fixture.call("POST", path, { body: podBody("web") });
  const labelled = { ...json, metadata: { ...json.metadata, labels: { a: "b" } } };
  const replaced = await fixture.call("PUT", `${path}/web`, { body: labelled });
  assert.is(replaced.code, 200);
  assert.equal(replaced.json.metadata.labels, { a: "b" });
  assert.is(replaced.json.metadata.uid, json.metadata.uid);
  const stale = await fixture.call("PUT", `${path}/web`, { body: labelled });
  assert.is(stale.code, 409);
  assert.is(stale.json.reason, "Conflict");
  const unconditional = await fixture.call("PUT", `${path}/web`, { body: podBody("web") });
  assert.is(unconditional.code, 200);
  assert.is(unconditional.json.metadata.labels, undefined);
  const foreign = { body: podBody("web", { uid: "00000000-0000-4000-8000-000000000000" }) };
  assert.is((await fixture.call("PUT", `${path}/web`, foreign)).code, 409);
  assert.is((await fixture.call("PUT", `${path}/web`, { body: podBody("db") })).code, 400);
  assert.is((await fixture.call("PUT", `${path}/db`, { body: podBody("db") })).code, 404);
});

pods("change nothing but images in their spec", async () => {
  await fixture.call("POST", path, { body: podBody("web") });
  const spec = (container: object, more: object = {}) => ({
    ...podBody("web"),
    spec: { containers: [{ name: "main", image: "busybox", ...container }], ...more },
  });
  const image = await fixture.call("PUT", `${path}/web`, {
    body: spec({ image: "busybox:1.36", imagePullPolicy: "Always" }),
  });
  assert.is(image.code, 200);
  assert.is(image.json.spec.containers[0].image, "busybox:1.36");
  const same = { imagePullPolicy: "Always" };
  const two = [
    { name: "main", image: "busybox" },
    { name: "more", image: "busybox" },
  ];
  for (const [body, field] of [
    [spec({ ...same, command: ["x"] }), "spec.containers[0].command"],
    [spec(same, { hostNetwork: true }), "spec.hostNetwork"],
    [spec(same, { containers: two }), "spec.containers"],
  ] as const) {
    const { code, json } = await fixture.call("PUT", `${path}/web`, { body });
    assert.is(code, 422);
    assert.is(json.details.causes[0].field, field);
  }
});

pods("are deleted with options of query or body", async () => {
  const remove = async (query: string, body?: unknown) => {
    fixture.store.create(storedPod("web"));
    fixture.backend.calls.length = 0;
    const answer = await fixture.call("DELETE", `${path}/web${query}`, { body });
    // The node takes a pod away when it has stopped it.
    fixture.store.delete("Pod", "default", "web");
    return { code: answer.code, name: answer.json.metadata.name, call: fixture.backend.calls[0] };
  };
  const call = (options: object) => ["deleteObject", "Pod", "default", "web", options];
  assert.equal(await remove(""), { code: 200, name: "web", call: call({}) });
  assert.equal((await remove("?gracePeriodSeconds=0")).call, call({ gracePeriodSeconds: 0 }));
  const options = {
    kind: "DeleteOptions",
    apiVersion: "v1",
    propagationPolicy: "Background",
    gracePeriodSeconds: 5,
  };
  const wish = { gracePeriodSeconds: 5, propagationPolicy: "Background" };
  assert.equal((await remove("", options)).call, call(wish));
  assert.equal((await remove("", { dryRun: ["All"] })).call, undefined);
  assert.equal((await remove("", { preconditions: { uid: "uid-web" } })).code, 200);
  assert.is((await remove("", { preconditions: { uid: "other" } })).code, 409);
  for (const bad of [
    { gracePeriodSeconds: -1 },
    { dryRun: ["Some"] },
    { kind: "Pod" },
    { preconditions: { name: "x" } },
    [],
    "x",
  ]) {
    assert.is((await remove("", bad)).code, 400, JSON.stringify(bad));
  }
  assert.is((await remove("?gracePeriodSeconds=-1")).code, 400);
  assert.is((await fixture.call("DELETE", `${path}/none`)).code, 404);
});

pods("events are read by what they are about", async () => {
  for (const name of ["web", "db"]) {
    fixture.store.create({
      apiVersion: "v1",
      kind: "Event",
      metadata: { namespace: "default", name: `${name}.1`, uid: "" },
      involvedObject: { kind: "Pod", name, uid: `uid-${name}` },
    });
  }
  const events = "/api/v1/namespaces/default/events";
  const { json } = await fixture.call(
    "GET",
    `${events}?fieldSelector=involvedObject.uid%3Duid-web`,
  );
  assert.equal(names(json), ["web.1"]);
  assert.is(json.kind, "EventList");
  assert.is((await fixture.call("GET", `${events}/db.1`)).json.metadata.name, "db.1");
});

pods("events are read in their newer form, too", async () => {
  const involvedObject = { kind: "Pod", name: "web", uid: "uid-web" };
  const metadata = { namespace: "default", name: "web.1", uid: "" };
  const event = { apiVersion: "v1", kind: "Event", metadata, involvedObject, message: "hello" };
  fixture.store.create(event);
  const path = "/apis/events.k8s.io/v1/namespaces/default/events";
  const { json } = await fixture.call("GET", `${path}?fieldSelector=regarding.name%3Dweb`);
  assert.equal(
    [json.kind, json.apiVersion, json.items.length],
    ["EventList", "events.k8s.io/v1", 1],
  );
  for (const { apiVersion, regarding, note } of [
    json.items[0],
    (await fixture.call("GET", `${path}/web.1`)).json,
  ]) {
    assert.equal([apiVersion, regarding, note], ["events.k8s.io/v1", involvedObject, "hello"]);
  }
  const none = await fixture.call("GET", `${path}?fieldSelector=regarding.name%3Ddb`);
  assert.equal(none.json.items, []);
  assert.is((await fixture.call("POST", path, { body: event })).code, 405);
  const { json: list } = await fixture.call("GET", "/apis/events.k8s.io/v1");
  assert.equal(list.resources[0].verbs, ["get", "list", "watch"]);
});

pods("explain gives the programs of a valid pod as text", async () => {
  const good = await fixture.call("POST", "/nspod/v1/explain", { body: podBody("web") });
  assert.is(good.text, "program of web\n");
  const bad = await fixture.call("POST", "/nspod/v1/explain", { body: podBody("Web") });
  assert.is(bad.code, 422);
});

pods.run();
