import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodePod } from "../../../src/spec/decode-json.ts";
import { defaultPod } from "../../../src/spec/default-pod.ts";
import type { PodQOSClass } from "../../../src/spec/pod.ts";
import { podQosClass } from "../../../src/spec/pod-qos.ts";

type Resources = Readonly<Record<string, Readonly<Record<string, string>>>>;

function classOf(
  containers: readonly Resources[],
  initContainers: readonly Resources[] = [],
): PodQOSClass {
  const build = (list: readonly Resources[]): unknown[] =>
    list.map((resources, index) => ({ name: `c${index}`, image: "i", resources }));
  const pod = decodePod({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a" },
    spec: { containers: build(containers), initContainers: build(initContainers) },
  });
  return podQosClass(defaultPod(pod, { randomSuffix: () => "" }));
}

const all = { cpu: "1", memory: "1Gi" };

const test = suite("podQosClass()");
test("is Guaranteed when every container reserves all that it may use", () => {
  assert.is(classOf([{ limits: all }]), "Guaranteed");
  assert.is(
    classOf([{ limits: all, requests: { cpu: "1000m", memory: "1024Mi" } }, { limits: all }]),
    "Guaranteed",
  );
});
test("is BestEffort when nothing is asked for", () => {
  assert.is(classOf([{}, {}]), "BestEffort");
  assert.is(classOf([{ requests: { cpu: "0" } }]), "BestEffort");
});
test("is Burstable in between", () => {
  assert.is(classOf([{ limits: { cpu: "1" } }]), "Burstable");
  assert.is(classOf([{ limits: all }, {}]), "Burstable");
  assert.is(classOf([{ limits: all, requests: { cpu: "500m" } }]), "Burstable");
  assert.is(classOf([{ limits: all }], [{}]), "Burstable");
});
test.run();
