import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodePod } from "../../../src/spec/decode-json.ts";
import { podReferences } from "../../../src/spec/pod-references.ts";

const test = suite("podReferences()");

test("finds every object that variables and volumes name, once", () => {
  const pod = decodePod({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web" },
    spec: {
      initContainers: [
        {
          name: "i",
          image: "x",
          envFrom: [{ configMapRef: { name: "a" } }, { secretRef: { name: "b" } }],
        },
      ],
      containers: [
        {
          name: "c",
          image: "x",
          env: [
            { name: "C", valueFrom: { configMapKeyRef: { name: "a", key: "k" } } },
            { name: "D", valueFrom: { secretKeyRef: { name: "d", key: "k" } } },
            { name: "E", value: "plain" },
          ],
        },
      ],
      serviceAccountName: "robot",
      volumes: [
        { name: "v1", configMap: { name: "e" } },
        { name: "v2", secret: { secretName: "f" } },
        { name: "v3", emptyDir: {} },
        {
          name: "v4",
          projected: {
            sources: [
              { configMap: { name: "g" } },
              { secret: { name: "h" } },
              { serviceAccountToken: { path: "token" } },
            ],
          },
        },
        { name: "v5", persistentVolumeClaim: { claimName: "claim" } },
      ],
    },
  });
  assert.equal([...podReferences(pod)].sort(), [
    "ConfigMap/a",
    "ConfigMap/e",
    "ConfigMap/g",
    "PersistentVolumeClaim/claim",
    "Secret/b",
    "Secret/d",
    "Secret/f",
    "Secret/h",
    "ServiceAccount/robot",
  ]);
});

test.run();
