import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { describeObject } from "../../../src/cli/describe-object.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { pod } from "./pods.ts";

const nowMs = Date.parse("2026-01-01T00:10:00Z");
const object = (kind: string, fields: object, namespace = "default"): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "it", namespace, uid: "1", labels: { a: "b" } },
  ...fields,
});
const user = pod(
  {},
  {
    spec: {
      containers: [],
      volumes: [{ name: "disk", persistentVolumeClaim: { claimName: "it" } }],
    },
  },
);

const describes = suite("describeObject()");

for (const [name, each] of [
  ["config-map", object("ConfigMap", { data: { key: "one\ntwo" }, binaryData: { b: "AAAA" } })],
  ["secret", object("Secret", { type: "Opaque", data: { password: "c2VjcmV0" } })],
  ["namespace", object("Namespace", { status: { phase: "Active" } }, "")],
  [
    "claim",
    object("PersistentVolumeClaim", {
      spec: { storageClassName: "local-path", volumeName: "pv-1", accessModes: ["ReadWriteOnce"] },
      status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] },
    }),
  ],
  [
    "volume",
    object(
      "PersistentVolume",
      {
        spec: {
          capacity: { storage: "1Gi" },
          claimRef: { namespace: "default", name: "it" },
          local: { path: "/srv/a" },
        },
        status: { phase: "Bound" },
      },
      "",
    ),
  ],
  ["storage-class", object("StorageClass", { provisioner: "x", parameters: { a: "b" } }, "")],
  [
    "node",
    object(
      "Node",
      {
        status: {
          conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "it is" }],
          addresses: [{ type: "InternalIP", address: "192.0.2.7" }],
          capacity: { cpu: "2", memory: "4Gi" },
          nodeInfo: { kernelVersion: "6.1", osImage: "Debian" },
        },
      },
      "",
    ),
  ],
  ["other", object("PriorityClass", { value: 7, list: ["x", { someField: 1 }] }, "")],
] as const) {
  describes(`reads like kubectl describe for a ${name}`, () => {
    const text = describeObject(each, { events: [], pods: [user], nowMs });
    golden(`describe-${name}.txt`, text);
  });
}

describes("never prints what a secret holds", () => {
  const secret = object("Secret", { data: { password: "c2VjcmV0" } });
  const text = describeObject(secret, { events: [], pods: [], nowMs });
  assert.not.match(text, /c2VjcmV0|secret/);
});

describes.run();

function golden(name: string, text: string): void {
  const path = join(import.meta.dirname, "golden", name);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, `${text}\n`);
  assert.is(`${text}\n`, readFileSync(path, "utf8"));
}
