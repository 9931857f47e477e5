import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkFieldPath, fieldValue } from "../../../src/spec/field-path.ts";
import type { Pod } from "../../../src/spec/pod.ts";

const facts = { nodeName: "node", hostIPs: ["192.0.2.1", "2001:db8::1"], podIPs: ["10.1.2.3"] };

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "web",
    namespace: "shop",
    uid: "u-1",
    labels: { zone: "b", "example.com/app": "x" },
    annotations: { text: 'a "b"\n\\\té\u0001\u2028' },
  },
  spec: { containers: [] },
};

const value = suite("fieldValue()");

for (const [path, expected] of [
  ["metadata.name", "web"],
  ["metadata.namespace", "shop"],
  ["metadata.uid", "u-1"],
  ["metadata.labels['zone']", "b"],
  ["metadata.labels['example.com/app']", "x"],
  ["metadata.labels['none']", ""],
  ["spec.nodeName", "node"],
  ["spec.serviceAccountName", "default"],
  ["status.hostIP", "192.0.2.1"],
  ["status.hostIPs", "192.0.2.1,2001:db8::1"],
  ["status.podIP", "10.1.2.3"],
  ["status.podIPs", "10.1.2.3"],
  ["metadata.labels", 'example.com/app="x"\nzone="b"'],
  ["metadata.annotations", 'text="a \\"b\\"\\n\\\\\\té\\x01\\u2028"'],
] as const) {
  value(`of ${path}`, () => assert.is(fieldValue(pod, path, facts), expected));
}

value("takes the node that the pod was bound to", () => {
  const bound = { ...pod, spec: { ...pod.spec, nodeName: "other", serviceAccountName: "robot" } };
  assert.is(fieldValue(bound, "spec.nodeName", facts), "other");
  assert.is(fieldValue(bound, "spec.serviceAccountName", facts), "robot");
});

value.run();

const check = suite("checkFieldPath()");

check("a variable has no sets, and a file nothing that comes after the start", () => {
  assert.is(checkFieldPath("status.podIP", "environment"), undefined);
  assert.match(checkFieldPath("status.podIP", "volume") ?? "", /^must be one of metadata.name, /);
  assert.is(checkFieldPath("metadata.labels", "volume"), undefined);
  assert.match(checkFieldPath("metadata.labels", "environment") ?? "", /^must be one of /);
});

check("names the nearest path", () => {
  const complaint = checkFieldPath("status.podIp", "environment") ?? "";
  assert.match(complaint, 'got "status.podIp": did you mean "status.podIP"?');
});

check("a key in brackets is the key of a label", () => {
  assert.is(checkFieldPath("metadata.annotations['a.b/c']", "volume"), undefined);
  assert.match(checkFieldPath("metadata.labels['a b']", "volume") ?? "", /^key in brackets must /);
  assert.match(checkFieldPath("metadata.name['a']", "volume") ?? "", /^must be one of /);
});

check.run();
