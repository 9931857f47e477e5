import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exportObject } from "../../../src/cli/export-object.ts";
import { defaultObject } from "../../../src/spec/admit.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";

/** An object as the server keeps it: with every default, and what else it writes. */
function stored(written: object): KubernetesObject {
  const full = defaultObject(written as KubernetesObject, { randomSuffix: () => "xxxxx" });
  const metadata = {
    ...full.metadata,
    namespace: "shop",
    uid: "u1",
    resourceVersion: "7",
    generation: 2,
    creationTimestamp: "2026-01-01T00:00:00Z",
  };
  return { ...full, metadata, status: { phase: "Active" } } as KubernetesObject;
}

/** Written by hand, and nothing in it that is a default. */
function roundTrip(written: object): void {
  const { metadata } = written as KubernetesObject;
  const full = stored({ ...written, metadata: { ...metadata, namespace: "", uid: "" } });
  assert.equal(exportObject(full), written);
}

const exported = suite("exportObject()");

exported("a pod comes back as it was written", () => {
  roundTrip({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", labels: { app: "web" } },
    spec: {
      restartPolicy: "Never",
      containers: [
        {
          name: "main",
          image: "web:1",
          ports: [{ containerPort: 80 }],
          readinessProbe: { httpGet: { port: 80 }, periodSeconds: 3 },
        },
      ],
      volumes: [{ name: "cache", emptyDir: {} }],
    },
  });
});

exported("so do a deployment, a service and a config map", () => {
  const labels = { app: "web" };
  roundTrip({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "web:1" }] } },
    },
  });
  roundTrip({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  });
  roundTrip({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "b" } });
});

exported("a Job without marks on its template is as short", () => {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "m", image: "i" }] } };
  const head = { apiVersion: "batch/v1", kind: "Job" };
  const job = { ...head, metadata: { name: "j" }, spec: { template } };
  const metadata = { name: "j", namespace: "", uid: "" };
  const complete = { ...template, metadata };
  const full = stored({ ...head, metadata, spec: { template: complete } });
  assert.equal(exportObject(full), job);
  const empty = { ...template, metadata: {} };
  const other = { ...head, metadata, spec: { template: empty } } as unknown as KubernetesObject;
  assert.equal(exportObject(other), job);
});

exported("what the server writes stays behind", () => {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "web",
      namespace: "",
      uid: "",
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", note: "mine" },
    },
    spec: { ports: [{ port: 80 }], clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"] },
  };
  assert.equal(exportObject(stored(service)), {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", annotations: { note: "mine" } },
    spec: { ports: [{ port: 80 }] },
  });
  const headless = { ...service.spec, clusterIP: "None", clusterIPs: ["None"] };
  const { spec } = exportObject(stored({ ...service, spec: headless })) as {
    spec: { clusterIP: string };
  };
  assert.is(spec.clusterIP, "None");
});

exported("a Job has no selector of the server, a pod no token of its account", () => {
  const uid = { "batch.kubernetes.io/controller-uid": "u1", "controller-uid": "u1" };
  const job = exportObject({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "j", namespace: "default", uid: "u1" },
    spec: {
      selector: { matchLabels: uid },
      template: {
        metadata: { labels: { ...uid, "job-name": "j", team: "a" } },
        spec: { restartPolicy: "Never", containers: [{ name: "m", image: "i" }] },
      },
    },
  } as unknown as KubernetesObject);
  assert.equal((job as { spec: object }).spec, {
    template: {
      metadata: { labels: { team: "a" } },
      spec: { restartPolicy: "Never", containers: [{ name: "m", image: "i" }] },
    },
  });
  const token = { name: "kube-api-access-x", mountPath: "/var/run/secrets" };
  const pod = exportObject({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u1" },
    spec: {
      nodeName: "here",
      priority: 0,
      tolerations: [
        {
          key: "node.kubernetes.io/not-ready",
          operator: "Exists",
          effect: "NoExecute",
          tolerationSeconds: 300,
        },
        { key: "mine", operator: "Exists" },
      ],
      containers: [{ name: "m", image: "i", volumeMounts: [token] }],
      volumes: [{ name: "kube-api-access-x", projected: { sources: [] } }],
    },
  } as unknown as KubernetesObject) as { spec: object };
  assert.equal(pod.spec, {
    containers: [{ name: "m", image: "i" }],
    tolerations: [{ key: "mine", operator: "Exists" }],
  });
});

exported.run();
