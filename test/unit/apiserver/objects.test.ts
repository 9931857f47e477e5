// Every verb for every kind at the door, and what only some kinds have.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readJsonLines } from "../../../src/cli/json-lines.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { type Resource, resourcePath, resources } from "../../../src/spec/resources.ts";
import { workloadBodies } from "../../support/workload-bodies.ts";
import { type Answer, Fixture } from "./fixture.ts";

const objects = suite("objects");
let fixture: Fixture;

objects.before.each(async () => {
  fixture = await new Fixture().start();
});

objects.after.each(async () => {
  await fixture.stop();
});

const bodies: Readonly<Record<string, Record<string, unknown>>> = {
  PriorityClass: { value: 10 },
  RuntimeClass: { handler: "nspod" },
  StorageClass: { provisioner: "a/b" },
  Service: { spec: { ports: [{ port: 80 }] } },
  EndpointSlice: { addressType: "IPv4", endpoints: [] },
  PersistentVolume: {
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      hostPath: { path: "/a" },
    },
  },
  RoleBinding: { roleRef: { kind: "Role", name: "x" } },
  ClusterRoleBinding: { roleRef: { kind: "ClusterRole", name: "view" } },
  ConfigMap: { data: { a: "1" } },
  Secret: { stringData: { a: "1" } },
  PersistentVolumeClaim: {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  },
  Pod: { spec: { nodeName: "n1", containers: [{ name: "main", image: "busybox" }] } },
  Event: { involvedObject: { kind: "Pod", namespace: "default", name: "x" } },
  ...workloadBodies,
};

const configMaps = "/api/v1/namespaces/default/configmaps";
const merge = { "content-type": "application/merge-patch+json" };
const strategic = { "content-type": "application/strategic-merge-patch+json" };

function collection(resource: Resource): string {
  return resourcePath(resource, resource.isNamespaced ? "default" : "");
}

function bodyOf({ kind, apiVersion }: Resource, name: string): Record<string, unknown> {
  return { apiVersion, kind, metadata: { name, labels: { test: "yes" } }, ...bodies[kind] };
}

async function create(kind: string, name: string, more: object = {}): Promise<Answer> {
  const resource = resources.find((candidate) => candidate.kind === kind);
  if (resource === undefined) throw new Error(`no resource of kind ${kind}`);
  return await fixture.call("POST", collection(resource), {
    body: { ...bodyOf(resource, name), ...more },
  });
}

/** A pod that is on a node goes when the node has stopped it. */
function bind(name: string): void {
  fixture.store.mutate<Pod>("Pod", "default", name, (pod) => ({
    ...pod,
    spec: { ...pod.spec, nodeName: "here" },
  }));
}

interface WatchLine {
  readonly type: string;
  readonly object: { readonly metadata: { readonly namespace?: string } };
}

async function firstEvents(path: string, count: number): Promise<readonly WatchLine[]> {
  const response = await fixture.open("GET", path);
  const events: WatchLine[] = [];
  for await (const value of readJsonLines(response)) {
    events.push(value as WatchLine);
    if (events.length === count) break;
  }
  return events;
}

for (const resource of resources) {
  const { kind, isNamespaced } = resource;
  objects(`${kind}: create, get, list, update, patch, watch, delete`, async () => {
    const path = collection(resource);
    const made = await fixture.call("POST", path, { body: bodyOf(resource, "x") });
    assert.is(made.code, 201, made.text);
    assert.is(made.json.kind, kind);
    assert.is(made.json.metadata.namespace, isNamespaced ? "default" : undefined);
    assert.ok(made.json.metadata.uid && made.json.metadata.creationTimestamp);
    assert.equal((await fixture.call("GET", `${path}/x`)).json, made.json);

    const list = await fixture.call(
      "GET",
      `${resourcePath(resource, "")}?labelSelector=test%3Dyes`,
    );
    assert.is(list.json.kind, `${kind}List`);
    assert.is(list.json.apiVersion, resource.apiVersion);
    assert.equal(list.json.items, [made.json]);
    assert.is(
      (await fixture.call("GET", `${path}?fieldSelector=metadata.name%3Dx`)).json.items.length,
      1,
    );

    const again = await fixture.call("POST", path, { body: bodyOf(resource, "x") });
    assert.is(again.code, 409);
    assert.is(again.json.reason, "AlreadyExists");
    assert.is(again.json.details.kind, resource.plural);

    const annotated = {
      ...made.json,
      metadata: { ...made.json.metadata, annotations: { a: "b" } },
    };
    const updated = await fixture.call("PUT", `${path}/x`, { body: annotated });
    assert.is(updated.code, 200, updated.text);
    assert.equal(updated.json.metadata.annotations, { a: "b" });
    assert.is(updated.json.metadata.uid, made.json.metadata.uid);
    const stale = await fixture.call("PUT", `${path}/x`, { body: annotated });
    assert.is(stale.code, 409);
    assert.is(stale.json.reason, "Conflict");

    const patched = await fixture.call("PATCH", `${path}/x`, {
      body: { metadata: { annotations: { a: null, c: "d" } } },
      headers: strategic,
    });
    assert.is(patched.code, 200, patched.text);
    assert.equal(patched.json.metadata.annotations, { c: "d" });
    const same = await fixture.call("PATCH", `${path}/x`, { body: {}, headers: merge });
    assert.is(same.json.metadata.resourceVersion, patched.json.metadata.resourceVersion);

    const version = made.json.metadata.resourceVersion;
    const events = await firstEvents(`${path}?watch=1&resourceVersion=${version}`, 2);
    assert.equal(
      events.map(({ type }) => type),
      ["MODIFIED", "MODIFIED"],
    );
    assert.is(events[1]?.object.metadata.namespace, isNamespaced ? "default" : undefined);

    if (kind === "Pod") bind("x");
    const gone = await fixture.call("DELETE", `${path}/x`, { body: { kind: "DeleteOptions" } });
    assert.is(gone.code, 200, gone.text);
    const isHeld = kind === "Pod" || kind === "Namespace";
    assert.is(gone.json.kind, isHeld ? kind : "Status");
    const missing = await fixture.call("GET", `${path}/x`);
    assert.is(missing.code, isHeld ? 200 : 404);
    if (!isHeld) assert.match(missing.json.message, /^[a-z.0-9]+ "x" not found$/);
  });
}

objects("are named with their group in errors", async () => {
  const { json } = await fixture.call("GET", "/apis/storage.k8s.io/v1/storageclasses/none");
  assert.is(json.message, 'storageclasses.storage.k8s.io "none" not found');
  assert.is(json.details.group, "storage.k8s.io");
});

objects("are invalid with every cause, in Kubernetes' frame", async () => {
  const { code, json } = await create("ConfigMap", "A", { data: { "a/b": "" } });
  assert.is(code, 422);
  assert.is(json.reason, "Invalid");
  assert.match(json.message, /^ConfigMap "A" is invalid: \[metadata\.name: .*, data\["a\/b"\]: /);
  assert.is(json.details.kind, "ConfigMap");
  assert.equal(
    json.details.causes.map((cause: { field: string }) => cause.field),
    ["metadata.name", 'data["a/b"]'],
  );
});

objects("need a namespace that exists and lives", async () => {
  const body = { metadata: { name: "a" } };
  const none = await fixture.call("POST", "/api/v1/namespaces/none/configmaps", { body });
  assert.is(none.code, 404);
  assert.is(none.json.message, 'namespaces "none" not found');
  await create("Namespace", "web");
  const path = "/api/v1/namespaces/web/configmaps";
  assert.is((await fixture.call("POST", path, { body })).code, 201);
  const ending = await fixture.call("DELETE", "/api/v1/namespaces/web");
  assert.is(ending.json.status.phase, "Terminating");
  const late = await fixture.call("POST", path, { body: { metadata: { name: "b" } } });
  assert.is(late.code, 403);
  assert.match(
    late.json.message,
    'configmaps "b" is forbidden: unable to create new content in namespace web because',
  );
});

objects("that nothing works without stay", async () => {
  for (const path of [
    "/api/v1/namespaces/default",
    "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical",
  ]) {
    assert.is((await fixture.call("DELETE", path)).code, 403);
  }
});

objects("are not stored by a dry run", async () => {
  const dry = await fixture.call("POST", `${configMaps}?dryRun=All`, {
    body: { metadata: { name: "a" } },
  });
  assert.is(dry.code, 201);
  assert.ok(dry.json.metadata.uid);
  assert.is((await fixture.call("GET", `${configMaps}/a`)).code, 404);
  await create("ConfigMap", "a");
  const again = await fixture.call("POST", `${configMaps}?dryRun=All`, {
    body: { metadata: { name: "a" } },
  });
  assert.is(again.code, 409);
  const patched = await fixture.call("PATCH", `${configMaps}/a?dryRun=All`, {
    body: { data: { a: "2" } },
    headers: merge,
  });
  assert.is(patched.json.data.a, "2");
  await fixture.call("DELETE", `${configMaps}/a?dryRun=All`);
  assert.is((await fixture.call("GET", `${configMaps}/a`)).json.data.a, "1");
  assert.is((await fixture.call("POST", `${configMaps}?dryRun=Some`, { body: {} })).code, 400);
});

objects("take unknown fields as fieldValidation says", async () => {
  const send = async (mode: string): Promise<Answer> =>
    await fixture.call("POST", `${configMaps}?dryRun=All${mode}`, {
      body: { metadata: { name: "a" }, dta: {} },
    });
  assert.is((await send("")).code, 400);
  assert.is((await send("&fieldValidation=Strict")).code, 400);
  const warned = await send("&fieldValidation=Warn");
  assert.is(warned.code, 201);
  assert.is(warned.headers["warning"], '299 - "unknown field \\"dta\\""');
  const ignored = await send("&fieldValidation=Ignore");
  assert.is(ignored.code, 201);
  assert.is(ignored.headers["warning"], undefined);
  assert.not("dta" in ignored.json);
});

objects("name no field twice", async () => {
  const raw = '{"metadata":{"name":"a"},"data":{"x":"1","x":"2"}}';
  const headers = { "content-type": "application/json" };
  const { code, json } = await fixture.call("POST", configMaps, { raw, headers });
  assert.is(code, 400);
  assert.is(json.message, 'strict decoding error: duplicate field "data.x"');
});

objects("are patched in three ways", async () => {
  await create("ConfigMap", "a", { data: { a: "1", b: "2" } });
  const patch = async (type: string, body: unknown): Promise<Answer> =>
    await fixture.call("PATCH", `${configMaps}/a`, { body, headers: { "content-type": type } });
  const json = await patch("application/json-patch+json", [
    { op: "test", path: "/data/a", value: "1" },
    { op: "replace", path: "/data/a", value: "3" },
  ]);
  assert.equal(json.json.data, { a: "3", b: "2" });
  const merged = await patch("application/merge-patch+json", { data: { b: null } });
  assert.equal(merged.json.data, { a: "3" });
  const failed = await patch("application/json-patch+json", [{ op: "remove", path: "/none" }]);
  assert.is(failed.code, 400);
  assert.is((await patch("application/json", {})).code, 415);
  assert.is((await patch("application/cbor", {})).code, 415);
  assert.is((await patch("application/merge-patch+json", { metadata: { name: "b" } })).code, 400);
  const stale = { metadata: { resourceVersion: "1" }, data: { a: "4" } };
  assert.is((await patch("application/merge-patch+json", stale)).code, 409);
  const other = { metadata: { uid: "other" } };
  const wrong = await patch("application/merge-patch+json", other);
  assert.is(wrong.code, 409);
  assert.match(
    wrong.json.message,
    /Precondition failed: UID in precondition: other, UID in object meta: /,
  );
});

objects("count the changes of their wish in generation", async () => {
  const made = await create("Pod", "p");
  assert.is(made.json.metadata.generation, 1);
  const path = "/api/v1/namespaces/default/pods/p";
  const labelled = await fixture.call("PATCH", path, {
    body: { metadata: { labels: { a: "b" } } },
    headers: merge,
  });
  assert.is(labelled.json.metadata.generation, 1);
  const body = { spec: { containers: [{ name: "main", image: "busybox:2" }] } };
  const changed = await fixture.call("PATCH", path, { body, headers: strategic });
  assert.is(changed.json.metadata.generation, 2);
  bind("p");
  const marked = await fixture.call("DELETE", path);
  assert.is(marked.json.metadata.generation, 3);
});

objects("with finalizers go when the last one has gone", async () => {
  await create("ConfigMap", "a", { metadata: { name: "a", finalizers: ["example.com/x"] } });
  const marked = await fixture.call("DELETE", `${configMaps}/a`);
  assert.is(marked.json.kind, "ConfigMap");
  assert.ok(marked.json.metadata.deletionTimestamp);
  const late = await fixture.call("PATCH", `${configMaps}/a`, {
    body: { metadata: { finalizers: ["example.com/x", "example.com/y"] } },
    headers: merge,
  });
  assert.is(late.code, 422);
  const freed = await fixture.call("PATCH", `${configMaps}/a`, {
    body: { metadata: { finalizers: null } },
    headers: merge,
  });
  assert.is(freed.code, 200);
  assert.is((await fixture.call("GET", `${configMaps}/a`)).code, 404);
});

objects("are deleted all at once by selector", async () => {
  for (const name of ["a", "b"]) await create("ConfigMap", name);
  await create("ConfigMap", "c", { metadata: { name: "c" } });
  const gone = await fixture.call("DELETE", `${configMaps}?labelSelector=test%3Dyes`);
  assert.is(gone.json.kind, "ConfigMapList");
  assert.is(gone.json.items.length, 2);
  const left = await fixture.call("GET", configMaps);
  assert.equal(
    left.json.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
    ["c"],
  );
});

objects(
  "keep their status from those who only write the rest, and the other way round",
  async () => {
    await create("PersistentVolumeClaim", "c", { status: { phase: "Bound" } });
    const path = "/api/v1/namespaces/default/persistentvolumeclaims/c";
    assert.is((await fixture.call("GET", path)).json.status.phase, "Pending");
    const body = { status: { phase: "Bound" }, metadata: { labels: { a: "b" } } };
    const whole = await fixture.call("PATCH", path, { body, headers: merge });
    assert.is(whole.json.status.phase, "Pending");
    const status = await fixture.call("PATCH", `${path}/status`, {
      body: { status: { phase: "Bound" }, metadata: { labels: { c: "d" } } },
      headers: merge,
    });
    assert.is(status.json.status.phase, "Bound");
    assert.equal(status.json.metadata.labels, { test: "yes", a: "b" });
  },
);

objects(
  "PersistentVolumeClaim: gets the default class, and grows when the class lets it",
  async () => {
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    await create("StorageClass", "fast", { metadata: { name: "fast", annotations } });
    const claim = await create("PersistentVolumeClaim", "c");
    assert.is(claim.json.spec.storageClassName, "fast");
    const path = "/api/v1/namespaces/default/persistentvolumeclaims/c";
    await fixture.call("PATCH", `${path}/status`, {
      body: { status: { phase: "Bound" } },
      headers: merge,
    });
    const body = { spec: { resources: { requests: { storage: "2Gi" } } } };
    assert.is((await fixture.call("PATCH", path, { body, headers: merge })).code, 403);
    await fixture.call("PATCH", "/apis/storage.k8s.io/v1/storageclasses/fast", {
      body: { allowVolumeExpansion: true },
      headers: merge,
    });
    const grown = await fixture.call("PATCH", path, { body, headers: merge });
    assert.is(grown.json.spec.resources.requests.storage, "2Gi");
  },
);

objects("Pod: ephemeral containers come by their own path, and stay", async () => {
  const path = "/api/v1/namespaces/default/pods/p";
  await create("Pod", "p");
  const debug = { name: "debug", image: "busybox", targetContainerName: "main" };
  // kubectl debug is written in Go, which sends structures that are not set, too.
  const body = { spec: { ephemeralContainers: [{ ...debug, resources: {} }] } };
  assert.is((await fixture.call("PATCH", path, { body, headers: strategic })).code, 422);
  const added = await fixture.call("PATCH", `${path}/ephemeralcontainers`, {
    body,
    headers: strategic,
  });
  assert.is(added.code, 200, added.text);
  assert.is(added.json.spec.ephemeralContainers[0].terminationMessagePolicy, "File");
  for (const spec of [
    { ephemeralContainers: [{ ...debug, image: "other" }] },
    { ephemeralContainers: [{ name: "debug", $patch: "delete" }] },
  ]) {
    const refused = await fixture.call("PATCH", `${path}/ephemeralcontainers`, {
      body: { spec },
      headers: strategic,
    });
    assert.is(refused.code, 422);
    assert.match(refused.json.message, /existing ephemeral containers "debug" may not be/);
  }
  const early = await create("Pod", "q", {
    spec: { ...(bodies["Pod"]?.["spec"] as object), ephemeralContainers: [debug] },
  });
  assert.match(early.json.message, /spec\.ephemeralContainers: cannot be set on create/);
});

objects("Pod: cpu and memory change by resize, nothing else", async () => {
  const path = "/api/v1/namespaces/default/pods/p";
  const resources = { requests: { cpu: "100m" }, limits: { memory: "64Mi" } };
  await create("Pod", "p", {
    spec: { containers: [{ name: "main", image: "busybox", resources }] },
  });
  const resize = async (container: object, more: object = {}): Promise<Answer> =>
    await fixture.call("PATCH", `${path}/resize`, {
      body: { spec: { containers: [{ name: "main", ...container }], ...more } },
      headers: strategic,
    });
  const grown = await resize({ resources: { requests: { cpu: "200m" } } });
  assert.is(grown.code, 200, grown.text);
  assert.is(grown.json.spec.containers[0].resources.requests.cpu, "200m");
  assert.is(grown.json.metadata.generation, 2);
  assert.is((await resize({ image: "other" })).code, 422);
  assert.is((await resize({}, { hostNetwork: true })).code, 422);
  assert.match(
    (await resize({ resources: { limits: { memory: null } } })).json.message,
    /cannot be removed/,
  );
  const guaranteed = {
    requests: { cpu: "1", memory: "64Mi" },
    limits: { cpu: "1", memory: "64Mi" },
  };
  assert.match(
    (await resize({ resources: guaranteed })).json.message,
    /Pod QOS Class may not change/,
  );
  const body = {
    spec: { containers: [{ name: "main", resources: { requests: { cpu: "300m" } } }] },
  };
  assert.is((await fixture.call("PATCH", path, { body, headers: strategic })).code, 422);
});

objects("Pod: others set conditions of readiness gates, the node the rest", async () => {
  const path = "/api/v1/namespaces/default/pods/p/status";
  const spec = {
    ...(bodies["Pod"]?.["spec"] as object),
    readinessGates: [{ conditionType: "example.com/ready" }],
  };
  await create("Pod", "p", { spec });
  const set = async (status: object): Promise<Answer> =>
    await fixture.call("PATCH", path, { body: { status }, headers: strategic });
  const gate = await set({ conditions: [{ type: "example.com/ready", status: "True" }] });
  assert.is(gate.code, 200, gate.text);
  assert.is(gate.json.status.conditions[0].status, "True");
  assert.is((await set({ phase: "Failed" })).code, 422);
  assert.is((await set({ conditions: [{ type: "Ready", status: "True" }] })).code, 422);
});
objects.run();
