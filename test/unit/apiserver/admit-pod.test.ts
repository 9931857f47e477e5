import { suite } from "uvu";
import * as assert from "uvu/assert";
import { admitPod, keepAdmitted } from "../../../src/apiserver/admit-pod.ts";
import { isPodError } from "../../../src/base/errors.ts";
import type { PriorityClass, RuntimeClass } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod, PodSpec } from "../../../src/spec/pod.ts";
import type { Store } from "../../../src/store/store.ts";

const metadata = (name: string) => ({ name, namespace: "", uid: name });

const high: PriorityClass = {
  apiVersion: "scheduling.k8s.io/v1",
  kind: "PriorityClass",
  metadata: metadata("high"),
  value: 1000,
  preemptionPolicy: "Never",
};
const ordinary: RuntimeClass = {
  apiVersion: "node.k8s.io/v1",
  kind: "RuntimeClass",
  metadata: metadata("ordinary"),
  handler: "runc",
  overhead: { podFixed: { cpu: "10m" } },
  scheduling: {
    nodeSelector: { disk: "ssd" },
    tolerations: [{ key: "a", operator: "Exists" }],
  },
};

function storeOf(...objects: readonly (PriorityClass | RuntimeClass)[]): Store {
  const of = (kind: string) => objects.filter((object) => object.kind === kind);
  return {
    get: (kind: string, _namespace: string, name: string) =>
      of(kind).find((object) => object.metadata.name === name),
    list: (kind: string) => ({ items: of(kind), resourceVersion: "1" }),
  } as Partial<Store> as Store;
}

const store = storeOf(high, ordinary);

function podOf(spec: Partial<PodSpec> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u" },
    spec: { containers: [{ name: "c", image: "i" }], ...spec },
  };
}

const keys = ({ spec }: Pod): readonly (string | undefined)[] =>
  (spec.tolerations ?? []).map(({ key }) => key);
const gone = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

const admit = suite("admitPod()");

admit("gives every pod a priority and patience with nodes that have gone", () => {
  const { spec } = admitPod(store, podOf());
  assert.is(spec.priority, 0);
  assert.is(spec.preemptionPolicy, "PreemptLowerPriority");
  assert.is(spec.priorityClassName, undefined);
  assert.equal(
    spec.tolerations,
    gone.map((key) => ({
      key,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 300,
    })),
  );
});

admit("leaves patience to who has his own", () => {
  const own = { key: gone[0] ?? "", operator: "Exists", effect: "NoExecute" } as const;
  assert.equal(keys(admitPod(store, podOf({ tolerations: [own] }))), gone);
  const all = admitPod(store, podOf({ tolerations: [{ operator: "Exists" }] }));
  assert.equal(keys(all), [undefined]);
});

admit("takes the priority from the class, or from the one for everybody", () => {
  const { spec } = admitPod(store, podOf({ priorityClassName: "high" }));
  assert.equal([spec.priority, spec.preemptionPolicy], [1000, "Never"]);
  const common = storeOf({ ...high, globalDefault: true });
  assert.is(admitPod(common, podOf()).spec.priorityClassName, "high");
});

admit("merges what the runtime class brings", () => {
  const own = { key: "own", operator: "Exists" } as const;
  const pod = podOf({
    runtimeClassName: "ordinary",
    nodeSelector: { zone: "a" },
    tolerations: [own],
  });
  const admitted = admitPod(store, pod);
  assert.equal(admitted.spec.overhead, { cpu: "10m" });
  assert.equal(admitted.spec.nodeSelector, { zone: "a", disk: "ssd" });
  assert.equal(keys(admitted), ["own", "a", ...gone]);
  const again = admitPod(store, podOf({ ...pod.spec, overhead: { cpu: "0.01" } }));
  assert.equal(again.spec.overhead, { cpu: "10m" });
});

const refused: readonly (readonly [string, Partial<PodSpec>, RegExp])[] = [
  ["no class", { runtimeClassName: "none" }, /pod rejected: RuntimeClass "none" not found$/],
  [
    "another overhead",
    { runtimeClassName: "ordinary", overhead: { cpu: "1" } },
    /pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead$/,
  ],
  [
    "another selector",
    { runtimeClassName: "ordinary", nodeSelector: { disk: "hdd" } },
    /nodeSelector\[disk\] = ssd; pod\.spec\.nodeSelector\[disk\] = hdd$/,
  ],
  ["no priority", { priorityClassName: "none" }, /no PriorityClass with name none was found$/],
  ["another priority", { priority: 7 }, /the integer value of priority \(7\) must not be provided/],
  [
    "another policy",
    { preemptionPolicy: "Never" },
    /the string value of PreemptionPolicy \(Never\) must not be provided/,
  ],
];

for (const [what, spec, message] of refused) {
  admit(`refuses ${what}`, () => {
    assert.throws(
      () => admitPod(store, podOf(spec)),
      (error: unknown) => isPodError(error, "PermissionDenied") && message.test(error.message),
    );
  });
}

admit.run();

const keep = suite("keepAdmitted()");

keep("a manifest that is written again does not take back what the server added", () => {
  const current = admitPod(store, podOf({ nodeName: "n1", runtimeClassName: "ordinary" }));
  const next = keepAdmitted(podOf({ tolerations: [{ key: "a", operator: "Exists" }] }), current);
  const { nodeName, priority, overhead } = next.spec;
  assert.equal([nodeName, priority, overhead], ["n1", 0, { cpu: "10m" }]);
  assert.equal(keys(next), ["a", ...gone]);
});

keep("what the wish says is kept", () => {
  const current = admitPod(store, podOf({ nodeName: "n1" }));
  assert.is(keepAdmitted(podOf({ nodeName: "n2" }), current).spec.nodeName, "n2");
});

keep.run();
