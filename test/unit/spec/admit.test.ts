// Defaults and rules of every kind: one good object each, and what Kubernetes refuses about it.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError, type PodError } from "../../../src/base/errors.ts";
import { defaultObject, validateObject, validateUpdate } from "../../../src/spec/admit.ts";
import { decodeObject } from "../../../src/spec/decode-json.ts";
import { asWritten, loadManifests } from "../../../src/spec/manifest.ts";
import { type KubernetesObject, resourceOfKind, resources } from "../../../src/spec/resources.ts";
import { workloadBodies } from "../../support/workload-bodies.ts";

const options = { randomSuffix: () => "x7k2p" };

/** A good object of every kind. */
const examples: Readonly<Record<string, Record<string, unknown>>> = {
  Namespace: {},
  Node: { spec: { taints: [{ key: "a", effect: "NoSchedule" }] } },
  PriorityClass: { value: 10 },
  RuntimeClass: { handler: "nspod" },
  StorageClass: { provisioner: "nspod.dev/local-path" },
  Service: { spec: { selector: { app: "web" }, ports: [{ port: 80 }] } },
  EndpointSlice: {
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.7"] }],
    ports: [{ port: 80 }],
  },
  PersistentVolume: {
    spec: {
      capacity: { storage: "1024Mi" },
      accessModes: ["ReadWriteOnce"],
      hostPath: { path: "/srv" },
    },
  },
  ServiceAccount: { automountServiceAccountToken: false },
  Role: { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] },
  ClusterRole: { rules: [{ verbs: ["get"], nonResourceURLs: ["/metrics"] }] },
  RoleBinding: {
    roleRef: { kind: "Role", name: "x" },
    subjects: [{ kind: "ServiceAccount", namespace: "default", name: "robot" }],
  },
  ClusterRoleBinding: {
    roleRef: { kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "Group", name: "developers" }],
  },
  ConfigMap: { data: { a: "b" } },
  Secret: { stringData: { a: "b" } },
  PersistentVolumeClaim: {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  },
  Pod: { spec: { containers: [{ name: "a", image: "b" }] } },
  Lease: { spec: { holderIdentity: "n1", leaseDurationSeconds: 40 } },
  Event: { involvedObject: { kind: "Pod", namespace: "default", name: "a" } },
  ...workloadBodies,
};

function make<T = KubernetesObject>(
  kind: string,
  more: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): T & KubernetesObject {
  const apiVersion = resourceOfKind(kind)?.apiVersion;
  const body = { apiVersion, kind, metadata: { name: "x", ...metadata }, ...more };
  return defaultObject(decodeObject(body), options) as T & KubernetesObject;
}

function complaints(kind: string, more: Record<string, unknown>, metadata = {}): string[] {
  return validateObject(make(kind, { ...examples[kind], ...more }, metadata)).map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

function changes(kind: string, before: object, after: object): string[] {
  return validateUpdate(make(kind, { ...after }), make(kind, { ...before })).map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

const admission = suite("admit");

for (const { kind, isNamespaced } of resources) {
  admission(`${kind}: a good object is valid, and defaulting it twice changes nothing`, () => {
    const object = make(kind, examples[kind]);
    assert.equal(validateObject(object), []);
    assert.equal(defaultObject(object, options), object);
    assert.equal(validateUpdate(object, object), []);
    assert.is(object.metadata.namespace, isNamespaced ? "default" : "");
  });
}

admission("refuses a namespace on objects of the cluster", () => {
  assert.match(complaints("StorageClass", {}, { namespace: "a" }).join(), /^metadata\.namespace: /);
});

admission("ConfigMap: keys are file names, once, and 1 MiB in total", () => {
  assert.equal(complaints("ConfigMap", { data: { "a/b": "", "..x": "" } }), [
    'data["a/b"]: key must be letters, digits, "-", "_" and ".": got "a/b"',
    'data["..x"]: key must not be "." nor begin with "..": got "..x"',
  ]);
  assert.equal(complaints("ConfigMap", { data: { a: "" }, binaryData: { a: "" } }), [
    "data.a: duplicate of key present in binaryData",
  ]);
  const half = "x".repeat(524_288);
  assert.equal(complaints("ConfigMap", { data: { a: half, b: half } }), []);
  assert.is(complaints("ConfigMap", { data: { a: half, b: `${half}x` } }).length, 1);
});

admission("an immutable ConfigMap stays as it is", () => {
  const sealed = { data: { a: "1" }, immutable: true };
  assert.equal(changes("ConfigMap", sealed, { data: { a: "2" } }), [
    "immutable: field is immutable when `immutable` is set",
    "data: field is immutable when `immutable` is set",
  ]);
  assert.equal(changes("ConfigMap", { data: { a: "1" } }, sealed), []);
});

admission("Secret: stringData becomes data and wins", () => {
  const secret = make<{ data: unknown; type: string }>("Secret", {
    data: { a: "AAAA", b: "AAAA" },
    stringData: { a: "hello" },
  });
  assert.equal(secret.data, { a: "aGVsbG8=", b: "AAAA" });
  assert.is(secret.type, "Opaque");
  assert.not("stringData" in secret);
});

admission("Secret: types need their keys, and stay", () => {
  const wanted: Readonly<Record<string, string>> = {
    "kubernetes.io/tls": 'data["tls.crt"]',
    "kubernetes.io/ssh-auth": 'data["ssh-privatekey"]',
    "kubernetes.io/basic-auth": "data.username",
    "kubernetes.io/dockerconfigjson": 'data[".dockerconfigjson"]',
    "kubernetes.io/service-account-token":
      'metadata.annotations["kubernetes.io/service-account.name"]',
  };
  for (const [type, path] of Object.entries(wanted)) {
    const [first = ""] = complaints("Secret", { type, stringData: {} });
    assert.ok(first.startsWith(`${path}: is required`), first);
  }
  const broken = {
    type: "kubernetes.io/dockerconfigjson",
    stringData: { ".dockerconfigjson": "{" },
  };
  assert.equal(complaints("Secret", broken), ['data[".dockerconfigjson"]: must be JSON in base64']);
  assert.equal(changes("Secret", { type: "a/b" }, { type: "c/d" }), ["type: field is immutable"]);
});

admission("PersistentVolumeClaim: asks for something, and may only grow when it is bound", () => {
  assert.equal(complaints("PersistentVolumeClaim", { spec: {} }), [
    "spec.accessModes: at least 1 access mode is required",
    "spec.resources.requests.storage: is required",
  ]);
  const claim = (storage: string, phase: string, more = {}) => ({
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } }, ...more },
    status: { phase },
  });
  const kind = "PersistentVolumeClaim";
  assert.equal(changes(kind, claim("1Gi", "Bound"), claim("2Gi", "Bound")), []);
  assert.match(changes(kind, claim("1Gi", "Pending"), claim("2Gi", "Pending")).join(), /immutable/);
  assert.match(
    changes(kind, claim("2Gi", "Bound"), claim("1Gi", "Bound")).join(),
    /less than prev/,
  );
  const moved = claim("1Gi", "Bound", { storageClassName: "other" });
  assert.match(changes(kind, claim("1Gi", "Bound"), moved).join(), /^spec\.storageClassName: /);
});

admission("PersistentVolume: has one source that stays", () => {
  const base = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] };
  assert.equal(complaints("PersistentVolume", { spec: base }), [
    "spec: must specify a volume type: hostPath or local",
  ]);
  assert.equal(complaints("PersistentVolume", { spec: { ...base, local: { path: "/a" } } }), [
    "spec.nodeAffinity: is required: local volume requires node affinity",
  ]);
  const at = (path: string) => ({ spec: { ...base, hostPath: { path } } });
  assert.is(changes("PersistentVolume", at("/a"), at("/b")).length, 1);
});

admission("StorageClass, PriorityClass and RuntimeClass keep what objects rely on", () => {
  assert.equal(changes("StorageClass", { provisioner: "a" }, { provisioner: "b" }), [
    "provisioner: updates to provisioner are forbidden",
  ]);
  assert.equal(changes("PriorityClass", { value: 1 }, { value: 2 }), [
    "value: may not be changed in an update",
  ]);
  assert.equal(changes("RuntimeClass", { handler: "a" }, { handler: "b" }), [
    "handler: field is immutable",
  ]);
  assert.is(complaints("PriorityClass", { value: 2_000_000_000 }, { name: "system-x" }).length, 2);
  assert.equal(
    complaints("PriorityClass", { value: 2_000_000_000 }, { name: "system-cluster-critical" }),
    [],
  );
});

admission("Namespace: a DNS label, with the label of its name", () => {
  assert.is(complaints("Namespace", {}, { name: "a.b" }).length, 1);
  const { metadata } = make("Namespace", {});
  assert.equal(metadata.labels, { "kubernetes.io/metadata.name": "x" });
});

admission("Node: taints are unique by key and effect", () => {
  const taint = { key: "a", effect: "NoSchedule" };
  assert.equal(complaints("Node", { spec: { taints: [taint, taint] } }), [
    "spec.taints[1]: taints must be unique by key and effect pair: a:NoSchedule is there already",
  ]);
});

admission("Pod: only images, deadlines, tolerations and gates change", () => {
  const pod = (more: object, container: object = {}) => ({
    spec: { containers: [{ name: "a", image: "b", ...container }], ...more },
  });
  assert.equal(changes("Pod", pod({}), pod({}, { image: "c:2", imagePullPolicy: "Always" })), []);
  assert.match(
    changes("Pod", pod({}), pod({ hostNetwork: true })).join(),
    /^spec\.hostNetwork: pod updates may not/,
  );
});

admission("finalizers and owners are checked, and no finalizer comes late", () => {
  const owner = { apiVersion: "v1", kind: "ConfigMap", name: "a", uid: "u", controller: true };
  assert.equal(
    complaints("ConfigMap", {}, { ownerReferences: [owner], finalizers: ["a.b/c"] }),
    [],
  );
  assert.equal(
    complaints("ConfigMap", {}, { ownerReferences: [owner, owner], finalizers: ["c"] }),
    [
      "metadata.ownerReferences[1].controller: must be true for one owner only: metadata.ownerReferences[0] has it",
      'metadata.finalizers[0]: must have a domain, like "example.com/c"',
    ],
  );
  const going = make("ConfigMap", {}, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  const later = { ...going, metadata: { ...going.metadata, finalizers: ["a.b/c"] } };
  assert.is(validateUpdate(later, going).length, 1);
});
admission.run();

const decoding = suite("decodeObject()");
decoding("throws nothing but InvalidArgument, whatever the value", () => {
  const kinds = fc.constantFrom(...resources.map(({ kind }) => kind));
  fc.assert(
    fc.property(kinds, fc.jsonValue(), fc.jsonValue(), (kind, spec, data) => {
      const apiVersion = resourceOfKind(kind)?.apiVersion;
      try {
        const object = decodeObject({ apiVersion, kind, metadata: { name: "a" }, spec, data });
        validateObject(defaultObject(object, options));
      } catch (error) {
        assert.ok(isPodError(error, "InvalidArgument"), String(error));
      }
    }),
  );
});

decoding("takes what an object that was read carries, and leaves it to the server", () => {
  const metadata = {
    name: "a",
    managedFields: [{ manager: "kubectl", fieldsV1: { "f:data": {} } }],
    selfLink: "/api/v1/x",
    creationTimestamp: null,
  };
  const object = decodeObject({ apiVersion: "v1", kind: "ConfigMap", metadata });
  assert.equal(object.metadata, { name: "a", namespace: "", uid: "" });
});

decoding("hands over fields that Kubernetes does not have, when somebody takes them", () => {
  const seen: string[] = [];
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, dta: {} };
  const object = decodeObject(body, { onUnknownField: (_, message) => seen.push(message) });
  assert.equal(seen, ['unknown field "dta": did you mean "data"?']);
  assert.not("dta" in object);
  assert.throws(
    () => decodeObject(body),
    (error: PodError) => error.kind === "InvalidArgument",
  );
});
decoding.run();

const manifests = suite("loadManifests()");
manifests("gives objects of every kind as they are written", () => {
  const text = `apiVersion: v1
kind: ConfigMapList
items:
- metadata: {name: a}
  data: {b: "1"}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: a/b
`;
  const loaded = loadManifests(text, "m.yaml", { ...options, namespace: "web" });
  assert.equal(loaded.map(asWritten), [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a", namespace: "web" },
      data: { b: "1" },
    },
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: { name: "fast" },
      provisioner: "a/b",
    },
  ]);
});

manifests("tells the mistakes of all kinds at once", () => {
  const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: A}
---
apiVersion: v2
kind: Secret
---
apiVersion: v1
kind: Secret
metadata: {name: a}
type: kubernetes.io/tls
stringData: {tls.crt: x}
`;
  assert.throws(
    () => loadManifests(text, "m.yaml", options),
    (error: Error) => {
      assert.equal(error.message.split("\n"), [
        'm.yaml:3:18: metadata.name: must be lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part: got "A"',
        'm.yaml:5:13: apiVersion: must be "v1" for kind Secret: got "v2"',
        'm.yaml:8:1: data["tls.key"]: is required in a Secret of type kubernetes.io/tls',
      ]);
      return true;
    },
  );
});
manifests.run();
