import { suite } from "uvu";
import * as assert from "uvu/assert";
import { patchEnv, patchImages, patchResources } from "../../../src/cli/pod-template-patch.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { strategicMerge } from "../../../src/spec/strategic-merge.ts";

const podSpec = {
  initContainers: [{ name: "init", image: "i" }],
  containers: [
    {
      name: "main",
      image: "m:1",
      env: [
        { name: "A", value: "1" },
        { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ],
    },
    { name: "side", image: "s" },
  ],
};
const metadata = { name: "web", namespace: "default", uid: "" };
const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata,
  spec: { template: { spec: podSpec } },
} as KubernetesObject;

/** The containers after the patch, as the daemon makes them. */
function patched(object: KubernetesObject, patch: unknown): typeof podSpec {
  const merged = strategicMerge({ ...object }, patch as object, object.kind) as unknown;
  return (merged as { spec: { template: { spec: typeof podSpec } } }).spec.template.spec;
}

const change = suite("changes of pod templates");

change("images by name, or of all containers", () => {
  const one = patched(deployment, patchImages(deployment, new Map([["main", "m:2"]])));
  assert.equal(
    [...one.initContainers, ...one.containers].map(({ image }) => image),
    ["i", "m:2", "s"],
  );
  const all = patched(deployment, patchImages(deployment, new Map([["*", "x"]])));
  assert.equal(
    [...all.initContainers, ...all.containers].map(({ image }) => image),
    ["x", "x", "x"],
  );
  assert.throws(
    () => patchImages(deployment, new Map([["mian", "x"]])),
    'Unable to find container named "mian" in Deployment "web"',
  );
});

change("variables are set, replaced and removed, and the rest stays", () => {
  const patch = patchEnv(deployment, "main", {
    set: [
      { name: "B", value: "2" },
      { name: "C", value: "3" },
    ],
    remove: ["A", "Z"],
    overwrite: true,
  });
  const [main, side] = patched(deployment, patch).containers;
  assert.equal(main?.env, [
    { name: "B", value: "2" },
    { name: "C", value: "3" },
  ]);
  assert.is(side?.env, undefined);
});

change("a variable that is so already is no change", () => {
  const same = { set: [{ name: "A", value: "1" }], remove: [], overwrite: false };
  assert.is(patchEnv(deployment, "main", same), undefined);
  const other = { ...same, set: [{ name: "A", value: "2" }] };
  assert.throws(() => patchEnv(deployment, "main", other), "--overwrite is false");
});

change("containers are chosen with wildcards", () => {
  const limits = { memory: "1Gi" };
  const after = patched(deployment, patchResources(deployment, "ma*,side", { limits }));
  assert.equal(
    after.containers.map((each) => (each as { resources?: unknown }).resources),
    [{ limits }, { limits }],
  );
  assert.is((after.initContainers[0] as { resources?: unknown }).resources, undefined);
  assert.throws(() => patchResources(deployment, "nobody", { limits }), "nobody");
});

change("knows where the pods of each kind are described", () => {
  const images = new Map([["main", "m:2"]]);
  const pod = { apiVersion: "v1", kind: "Pod", metadata, spec: podSpec } as KubernetesObject;
  assert.equal(patchImages(pod, images), {
    spec: { containers: [{ name: "main", image: "m:2" }] },
  });
  const cronJob = {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata,
    spec: { jobTemplate: { spec: { template: { spec: podSpec } } } },
  } as KubernetesObject;
  const containers = [{ name: "main", image: "m:2" }];
  assert.equal(patchImages(cronJob, images), {
    spec: { jobTemplate: { spec: { template: { spec: { containers } } } } },
  });
  const config = { apiVersion: "v1", kind: "ConfigMap", metadata };
  assert.throws(() => patchImages(config, images), 'ConfigMap "web" makes no pods');
});

change.run();
