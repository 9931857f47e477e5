// Objects of every kind through the socket of a real daemon: every verb, the end of namespaces, owners and finalizers
// with pods that run, and a daemon that is killed in between.
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { isPodError } from "../../src/base/errors.ts";
import {
  createObject,
  deleteObject,
  getObject,
  listObjects,
  patchObject,
  replaceObject,
  watchObjects,
} from "../../src/cli/objects.ts";
import {
  type KubernetesObject,
  type Resource,
  resourceOfKind,
  resourcePath,
  resources,
} from "../../src/spec/resources.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { workloadBodies } from "../support/workload-bodies.ts";

requires("root", "kernel:5.15");

const workload = {
  selector: { matchLabels: { app: "verbs" } },
  template: {
    metadata: { labels: { app: "verbs" } },
    spec: { containers: [{ name: "main", image: "absent", imagePullPolicy: "Never" }] },
  },
};

/** What an object of a kind needs besides its name. */
const bodies: Readonly<Record<string, object>> = {
  PriorityClass: { value: 10 },
  RuntimeClass: { handler: "nspod" },
  StorageClass: { provisioner: "example.com/none" },
  PersistentVolume: {
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "none",
      hostPath: { path: "/srv/none" },
    },
  },
  ClusterRoleBinding: { roleRef: { kind: "ClusterRole", name: "none" } },
  RoleBinding: { roleRef: { kind: "Role", name: "none" } },
  ConfigMap: { data: { a: "1" } },
  Secret: { stringData: { a: "1" } },
  PersistentVolumeClaim: {
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "none",
      resources: { requests: { storage: "1Gi" } },
    },
  },
  Pod: { spec: { containers: [{ name: "main", image: "absent", imagePullPolicy: "Never" }] } },
  ControllerRevision: { data: {}, revision: 1 },
  // No pods: what is tested is the object.
  ReplicaSet: { spec: { ...workload, replicas: 0 } },
  Deployment: { spec: { ...workload, replicas: 0 } },
  StatefulSet: { spec: { ...workload, replicas: 0 } },
  DaemonSet: {
    spec: {
      ...workload,
      template: {
        ...workload.template,
        spec: { ...workload.template.spec, nodeSelector: { no: "node" } },
      },
    },
  },
  Event: { involvedObject: { kind: "Pod", namespace: "default", name: "x" } },
  Service: { spec: { ports: [{ port: 80 }] } },
  EndpointSlice: { addressType: "IPv4", endpoints: [] },
  ...workloadBodies,
};

const { test, run } = podSuite("objects", "busybox");

for (const resource of resources) {
  test(`${resource.kind}: create, get, list, update, patch, delete and watch`, async (pods) => {
    await everyVerb(pods, resource);
  });
}

async function everyVerb({ client }: Pods, resource: Resource): Promise<void> {
  const { kind, apiVersion, isNamespaced } = resource;
  const namespace = isNamespaced ? "default" : "";
  const name = `verbs-${kind.toLowerCase()}`;
  const object = { resource, namespace, name };
  const wish = { apiVersion, kind, metadata: { name, namespace, uid: "" }, ...bodies[kind] };
  const stop = new AbortController();
  const { metadata } = await listObjects(client, { resource, namespace });
  const changes = watchObjects(
    client,
    { resource, namespace, fieldSelector: `metadata.name=${name}` },
    { from: metadata.resourceVersion ?? "", signal: stop.signal },
  );

  const made = await createObject(client, resource, wish);
  assert.is(made.metadata.namespace, namespace);
  await refused("AlreadyExists", createObject(client, resource, wish));
  assert.is((await getObject(client, object)).metadata.uid, made.metadata.uid);
  const listed = await listObjects(client, {
    resource,
    namespace: "",
    fieldSelector: `metadata.name=${name}`,
  });
  assert.is(listed.items.length, 1);

  const annotations = { "example.com/by": "patch" };
  const patched = await patchObject(client, object, {
    type: "merge",
    body: { metadata: { annotations } },
  });
  // A controller may have written its own.
  assert.is(patched.metadata.annotations?.["example.com/by"], "patch");
  const body = { metadata: { labels: { patched: "strategic" } } };
  const again = await patchObject(client, object, { type: "strategic", body });
  assert.is(again.metadata.labels?.["patched"], "strategic");
  const operations = [{ op: "add", path: "/metadata/labels/patched", value: "json" }];
  const third = await patchObject(client, object, { type: "json", body: operations });
  await refused(
    "Conflict",
    replaceObject(client, resource, { ...again, metadata: { ...again.metadata, labels: {} } }),
  );
  const replaced = await replaceObject(client, resource, await getObject(client, object));
  assert.is(replaced.metadata.labels?.["patched"], third.metadata.labels?.["patched"]);

  const dry = await deleteObject(client, object, { isDryRun: true });
  assert.is(dry?.metadata.uid, made.metadata.uid);
  await refused("Conflict", deleteObject(client, object, { uid: "other" }));
  await deleteObject(client, object, { uid: made.metadata.uid, gracePeriodSeconds: 0 });
  const seen = new Set<string>();
  for await (const { type } of changes) {
    seen.add(type);
    if (type === "DELETED") stop.abort();
  }
  assert.equal([...seen], ["ADDED", "MODIFIED", "DELETED"]);
  await refused("NotFound", getObject(client, object));
}

async function refused(
  kind: "AlreadyExists" | "Conflict" | "NotFound",
  request: Promise<unknown>,
): Promise<void> {
  const error = await request.then(
    () => new Error("It succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(isPodError(error, kind), String(error));
}

function resourceNamed(kind: string): Resource {
  const resource = resourceOfKind(kind);
  if (resource === undefined) throw new Error(`no resource of kind ${kind}`);
  return resource;
}

const configMaps = resourceNamed("ConfigMap");
const podResource = resourceNamed("Pod");

/** Resolves when an object is gone. */
async function untilGone(
  pods: Pods,
  resource: Resource,
  namespace: string,
  name: string,
): Promise<void> {
  const stop = new AbortController();
  const selection = { resource, namespace, fieldSelector: `metadata.name=${name}` };
  const { items, metadata } = await listObjects(pods.client, selection);
  if (items.length === 0) return;
  const from = metadata.resourceVersion ?? "";
  for await (const { type } of watchObjects(pods.client, selection, {
    from,
    signal: stop.signal,
  })) {
    if (type === "DELETED") stop.abort();
  }
}

test("a namespace goes with everything in it, pods after their grace period", async (pods) => {
  const namespaces = resourceNamed("Namespace");
  const meta = (name: string, namespace: string) => ({ name, namespace, uid: "" });
  await createObject(pods.client, namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: meta("team", ""),
  });
  await createObject(pods.client, configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: meta("a", "team"),
  });
  const accounts = await listObjects(pods.client, {
    resource: resourceNamed("ServiceAccount"),
    namespace: "team",
  });
  assert.equal(
    accounts.items.map(({ metadata }) => metadata.name),
    ["default"],
  );
  const pod = {
    ...podOf("held", { containers: [sleeper("main")] }),
    metadata: meta("held", "team"),
  };
  await pods.client.json("POST", resourcePath(podResource, "team"), { body: pod });
  await deleteObject(pods.client, { resource: namespaces, namespace: "", name: "team" });
  await refused(
    "NotFound",
    createObject(pods.client, configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: meta("b", "none"),
    }),
  );
  await untilGone(pods, namespaces, "", "team");
  for (const resource of resources.filter(({ isNamespaced }) => isNamespaced)) {
    const { items } = await listObjects(pods.client, { resource, namespace: "team" });
    assert.equal(items, [], resource.kind);
  }
});

test("a pod goes with its owner, and stays until its finalizer goes", async (pods) => {
  const owner = await createObject(pods.client, configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "owner", namespace: "default", uid: "" },
  });
  const { uid } = owner.metadata;
  await pods.createFrom({
    ...podOf("owned", { containers: [sleeper("main")] }),
    metadata: {
      name: "owned",
      ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "owner", uid }],
      finalizers: ["example.com/hold"],
    },
  });
  await pods.until("owned", "its container to run", ({ status }) =>
    status?.containerStatuses?.some(({ state }) => state?.running),
  );
  await deleteObject(pods.client, { resource: configMaps, namespace: "default", name: "owner" });
  const marked = await pods.until(
    "owned",
    "its deletion to begin",
    ({ metadata }) => metadata.deletionTimestamp !== undefined,
  );
  assert.equal(marked.metadata.finalizers, ["example.com/hold"]);
  // The node is done with it: its folder is gone, the object is not.
  const folder = join(pods.instance.run, "pods", marked.metadata.uid);
  await eventually("the shim's folder to go", 20_000, () =>
    existsSync(folder) ? undefined : true,
  );
  assert.is((await pods.get("owned")).metadata.uid, marked.metadata.uid);
  await pods.patch("Pod", "owned", { metadata: { finalizers: null } });
  await untilGone(pods, podResource, "default", "owned");
});

test("objects outlive a daemon that is killed, with uid and revision", async (pods) => {
  const made = await createObject<KubernetesObject & { readonly data?: object }>(
    pods.client,
    configMaps,
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "kept", namespace: "default", uid: "" },
      data: { a: "1" },
    },
  );
  const { pid } = await pods.client.json<{ readonly pid: number }>("GET", "/nspod/v1/system/info");
  process.kill(pid, "SIGKILL");
  const name = { resource: configMaps, namespace: "default", name: "kept" };
  let found: KubernetesObject | undefined;
  for (let attempt = 0; found === undefined && attempt < 5; attempt++) {
    // The first request may still reach the dying one.
    found = await getObject(pods.client, name).catch(() => undefined);
  }
  assert.equal(found, made);
  await deleteObject(pods.client, name);
});

run();
