import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodePod } from "../../../src/spec/decode-json.ts";
import { defaultPod } from "../../../src/spec/default-pod.ts";
import { validatePod } from "../../../src/spec/validate-pod.ts";

type Json = Record<string, unknown>;

/** Complaints about the first container, without its path. */
function complaints(container: Json, spec: Json = {}): string[] {
  const pod = decodePod({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web" },
    spec: { containers: [{ name: "web", image: "web:1", ...container }], ...spec },
  });
  return validatePod(defaultPod(pod, { randomSuffix: () => "x7k2p" })).map(({ path, message }) =>
    `${path}: ${message}`.replace("spec.containers[0].", ""),
  );
}

const from = (valueFrom: Json, more: Json = {}): Json => ({
  env: [{ name: "A", valueFrom, ...more }],
});
const scratch = {
  volumes: [
    { name: "scratch", emptyDir: {} },
    { name: "cm", configMap: { name: "x" } },
  ],
};

const test = suite("validateEnvironment()");

test("takes every source that Kubernetes has", () => {
  const sources = [
    { fieldRef: { fieldPath: "metadata.labels['app']" } },
    { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } },
    { resourceFieldRef: { resource: "requests.memory", containerName: "web" } },
    { configMapKeyRef: { name: "settings", key: "a.b_c-D", optional: true } },
    { secretKeyRef: { name: "settings", key: "k" } },
    { fileKeyRef: { volumeName: "scratch", path: "dir/env", key: "K" } },
  ];
  const env = sources.map((valueFrom, index) => ({ name: `V${index}`, valueFrom }));
  const envFrom = [{ prefix: "P_", configMapRef: { name: "a" } }, { secretRef: { name: "b" } }];
  assert.equal(complaints({ env, envFrom }, scratch), []);
});

for (const [words, container, expected] of [
  ["no source", from({}), /^env\[0\].valueFrom: must have one of fieldRef, resourceFieldRef, /],
  [
    "two sources",
    from({
      fieldRef: { fieldPath: "metadata.name" },
      secretKeyRef: { name: "s", key: "k" },
    }),
    /^env\[0\].valueFrom: must have one source: got fieldRef and secretKeyRef$/,
  ],
  [
    "a value besides",
    from({ fieldRef: { fieldPath: "metadata.name" } }, { value: "x" }),
    /^env\[0\].valueFrom: must not be set while value is not empty$/,
  ],
  [
    "an unknown path",
    from({ fieldRef: { fieldPath: "status.phase" } }),
    /^env\[0\].valueFrom.fieldRef.fieldPath: must be one of .*: got "status.phase"/,
  ],
  [
    "another version",
    from({ fieldRef: { apiVersion: "v2", fieldPath: "metadata.name" } }),
    /^env\[0\].valueFrom.fieldRef.apiVersion: must be "v1": got "v2"$/,
  ],
  [
    "a container that is not there",
    from({ resourceFieldRef: { resource: "limits.cpu", containerName: "wbe" } }),
    /containerName: must be the name of a container of this pod: got "wbe": did you mean "web"\?$/,
  ],
  [
    "a key that leads away",
    from({ configMapKeyRef: { name: "a", key: "../x" } }),
    /^env\[0\].valueFrom.configMapKeyRef.key: key must be letters/,
  ],
  [
    "no name",
    from({ secretKeyRef: { key: "x" } }),
    /^env\[0\].valueFrom.secretKeyRef.name: must not be empty$/,
  ],
  [
    "a file of a volume that is no emptyDir",
    from({ fileKeyRef: { volumeName: "cm", path: "a", key: "K" } }),
    /^env\[0\].valueFrom.fileKeyRef.volumeName: must name an emptyDir: got "cm"$/,
  ],
  [
    "a file outside of its volume",
    from({ fileKeyRef: { volumeName: "scratch", path: "a/../../b", key: "K" } }),
    /^env\[0\].valueFrom.fileKeyRef.path: must not contain ".."/,
  ],
  [
    "nothing to import",
    { envFrom: [{}] },
    /^envFrom\[0\]: must have one of configMapRef, secretRef$/,
  ],
  [
    "a prefix that is no name",
    { envFrom: [{ prefix: "a=", configMapRef: { name: "x" } }] },
    /^envFrom\[0\].prefix: must be printable ASCII/,
  ],
] as const) {
  test(`refuses ${words}`, () => {
    const found = complaints(container, scratch);
    assert.is(found.length, 1, found.join("\n"));
    assert.match(found[0] ?? "", expected);
  });
}

test.run();
