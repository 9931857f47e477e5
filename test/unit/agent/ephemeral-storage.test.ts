import { suite } from "uvu";
import * as assert from "uvu/assert";
import { storageExcess } from "../../../src/agent/ephemeral-storage.ts";
import type { Pod } from "../../../src/spec/pod.ts";

function podOf(...limits: readonly (string | undefined)[]): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u" },
    spec: {
      containers: limits.map((limit, index) => ({
        name: `c${index}`,
        image: "x",
        ...(limit === undefined ? {} : { resources: { limits: { "ephemeral-storage": limit } } }),
      })),
    },
  };
}

const mebi = 1 << 20;
const excess = (pod: Pod, bytes: readonly number[], volumes = 0): string | undefined =>
  storageExcess(pod, { containers: new Map(bytes.map((each, i) => [`c${i}`, each])), volumes });

const storage = suite("storageExcess()");

storage("lets a pod without a limit fill the disk", () => {
  assert.is(excess(podOf(undefined), [1e15], 1e15), undefined);
});

storage("counts containers and volumes against the sum of the limits", () => {
  const pod = podOf("1Mi", "1Mi");
  assert.is(excess(pod, [mebi, mebi]), undefined);
  const message = "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi.";
  assert.is(excess(pod, [mebi, mebi], 1), message);
  assert.is(excess(pod, [0, 0], 2 * mebi + 1), message);
});

storage("names the container that is above its own limit", () => {
  assert.is(
    excess(podOf("3Mi", "1Mi"), [0, mebi + 1]),
    'Container c1 exceeded its local ephemeral storage limit "1Mi".',
  );
});

storage.run();
