import { suite } from "uvu";
import * as assert from "uvu/assert";
import { reportMissingPullSecrets } from "../../../src/pod/pull-secrets.ts";
import type { Pod } from "../../../src/spec/pod.ts";

const test = suite("reportMissingPullSecrets()");

function reportsOf(...names: readonly (string | undefined)[]): readonly unknown[] {
  const reports: unknown[] = [];
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "shop", uid: "u" },
    spec: {
      containers: [],
      imagePullSecrets: names.map((name) => (name === undefined ? {} : { name })),
    },
  };
  const objects = {
    get: <T>(kind: string, namespace: string, name: string): T | undefined => {
      assert.equal([kind, namespace], ["Secret", "shop"]);
      return name === "there" ? ({} as T) : undefined;
    },
  };
  const context = { objects, report: (_: Pod, event: unknown) => void reports.push(event) };
  reportMissingPullSecrets({ context, pod });
  return reports;
}

test("names all that do not exist in one event, in the words of the kubelet", () => {
  assert.equal(reportsOf("gone", "there", "lost"), [
    {
      type: "Warning",
      reason: "FailedToRetrieveImagePullSecret",
      message:
        "Unable to retrieve some image pull secrets (gone, lost); attempting to pull the image may not succeed.",
    },
  ]);
});

test("says nothing when all are there, and passes entries without a name over", () => {
  assert.equal(reportsOf("there"), []);
  assert.equal(reportsOf(), []);
  assert.equal(reportsOf(undefined, ""), []);
});

test.run();
