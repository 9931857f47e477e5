// containerOomScoreAdj(): the kubelet's table.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { containerOomScoreAdj } from "../../../src/container/oom-score.ts";
import type { Container, Pod, PodSpec } from "../../../src/spec/pod.ts";

const node = 1 << 30;

function container(name: string, memory?: string, more: Partial<Container> = {}): Container {
  const resources = memory === undefined ? {} : { requests: { memory } };
  return { name, image: "x", resources, ...more };
}

function score(spec: Partial<PodSpec>, name = "c"): number {
  const metadata = { name: "p", namespace: "default", uid: "u" };
  const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [], ...spec } };
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const found = all.find((each) => each.name === name);
  if (found === undefined) throw new Error(name);
  return containerOomScoreAdj(pod, found, node);
}

const full = { cpu: "1", memory: "1Mi" };

const scores = suite("containerOomScoreAdj()");

scores("follows the class of the pod", () => {
  assert.is(score({ containers: [container("c")] }), 1000);
  const guaranteed = { resources: { limits: full, requests: full } };
  assert.is(score({ containers: [container("c", undefined, guaranteed)] }), -997);
});

scores("falls with the request of a Burstable container, between 3 and 999", () => {
  assert.is(score({ containers: [container("c", "256Mi")] }), 750);
  assert.is(score({ containers: [container("c", "1Ki")] }), 999);
  assert.is(score({ containers: [container("c", "1Gi")] }), 3);
  assert.is(score({ containers: [container("c"), container("d", "256Mi")] }), 999);
});

scores("keeps a sidecar at least as long as the app container that is kept longest", () => {
  const initContainers = [
    container("s", "1Ki", { restartPolicy: "Always" }),
    container("i", "1Ki"),
  ];
  const containers = [container("c", "512Mi"), container("d", "256Mi")];
  assert.is(score({ initContainers, containers }, "s"), 500);
  assert.is(score({ initContainers, containers }, "i"), 999);
});

scores("shares what the pod asks for beyond its containers", () => {
  const containers = [container("c"), container("d", "256Mi")];
  const resources = { requests: { memory: "768Mi" } };
  assert.is(score({ containers, resources }), 750);
  assert.is(score({ containers, resources }, "d"), 500);
  const own = { limits: full, requests: full };
  assert.is(score({ containers, resources: own }), -997);
});

scores("keeps what the node itself needs", () => {
  assert.is(score({ containers: [container("c")], priority: 2_000_001_000 }), -997);
  assert.is(score({ containers: [container("c")], priority: 2_000_000_000 }), 1000);
});

scores.run();
