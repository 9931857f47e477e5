import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { checkNamespace, loadManifests, loadPods } from "../../../src/spec/manifest.ts";

const options = { randomSuffix: () => "x7k2p" };

const test = suite("loadPods()");
test("gives defaulted pods without what only the server writes", () => {
  const text = `apiVersion: v1
kind: Pod
metadata: {generateName: web-}
spec:
  containers:
  - {name: web, image: web:1}
status: {phase: Running}
`;
  const [pod] = loadPods(text, "pod.yaml", options);
  assert.is(pod?.metadata.name, "web-x7k2p");
  assert.is(pod?.spec.restartPolicy, "Always");
  assert.is(pod?.status, undefined);
});

test("tells all mistakes of all documents at once, in the order of the text", () => {
  const text = `apiVersion: v1
kind: Pod
metadata:
  name: Web
spec:
  hostNetwork: yes
  containers:
  - name: web
    imagee: web:1
    ports: [{containerPort: 0}]
    resources: {limits: {memory: 4k, mem: 1}}
  - name: web
    image: 3
    volumeMounts: [{name: data, mountPath: /d}]
---
apiVersion: v1
kind: LimitRange
---
apiVersion: v1
kind: Pod
metadata: {name: b}
spec: {containers: []}
`;
  try {
    loadPods(text, "pod.yaml", options);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPodError(error, "InvalidArgument"));
    assert.equal((error as Error).message.split("\n"), [
      'pod.yaml:4:9: metadata.name: must be lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part: got "Web"',
      "pod.yaml:8:5: spec.containers[0].image: is required",
      'pod.yaml:9:5: spec.containers[0].imagee: unknown field "imagee": did you mean "image"?',
      "pod.yaml:10:29: spec.containers[0].ports[0].containerPort: must be between 1 and 65535: got 0",
      'pod.yaml:11:34: spec.containers[0].resources.limits.memory: must be at least 512Ki: got "4k"',
      'pod.yaml:11:38: spec.containers[0].resources.limits.mem: unknown resource "mem"',
      'pod.yaml:12:11: spec.containers[1].name: must be unique in the pod: got "web" again',
      "pod.yaml:13:12: spec.containers[1].image: must be a string: got 3: put it in quotes",
      'pod.yaml:14:27: spec.containers[1].volumeMounts[0].name: must be the name of a volume of this pod: got "data"',
      "pod.yaml:17:7: kind: LimitRange is a Kubernetes kind that nspod does not support yet",
      "pod.yaml:22:20: spec.containers: must have at least one container",
    ]);
  }
});

test("names mistakes in the items of a list by their place in it", () => {
  const text = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: a}
  spec: {containers: [{name: A, image: b, x: 1}]}
`;
  assert.throws(
    () => loadPods(text, "l.yaml", options),
    (error: Error) =>
      error.message ===
      [
        'l.yaml:7:30: items[0].spec.containers[0].name: must be lower-case letters, digits and "-", with a letter or digit at both ends: got "A"',
        'l.yaml:7:43: items[0].spec.containers[0].x: unknown field "x"',
      ].join("\n"),
  );
});
test("takes pods only", () => {
  assert.throws(
    () => loadPods("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "c.yaml", options),
    /^c\.yaml:2:7: kind: must be Pod: this command takes pods only$/,
  );
});
test.run();

const namespaces = suite("loadManifests() and namespaces");
namespaces("fills in the one that is given, and -n must not contradict", () => {
  const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
  const [placed] = loadManifests(text, "c.yaml", { ...options, namespace: "web" });
  assert.is(placed?.metadata.namespace, "web");
  const [stated] = loadManifests(text.replace("a}", "a, namespace: default}"), "c.yaml", options);
  assert.ok(stated);
  checkNamespace(stated, "default");
  assert.throws(() => checkNamespace(stated, "web"), /does not match the namespace "web"/);
});
namespaces("leaves objects of the cluster without one", () => {
  const text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
  const [namespace] = loadManifests(text, "n.yaml", { ...options, namespace: "web" });
  assert.is(namespace?.metadata.namespace, "");
});
namespaces.run();
