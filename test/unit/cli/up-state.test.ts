import { suite } from "uvu";
import * as assert from "uvu/assert";
import { podsOf } from "../../../src/cli/up-pods.ts";
import { upState } from "../../../src/cli/up-state.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { container, pod } from "./pods.ts";

const metadata = { name: "web", namespace: "default", uid: "u", generation: 2 };

function object(kind: string, spec: object, status: object): KubernetesObject {
  return { apiVersion: "v1", kind, metadata, spec, status } as KubernetesObject;
}

const stateOf = (each: KubernetesObject): readonly string[] => {
  const { state, text } = upState(each);
  return [state, text];
};

const state = suite("upState()");

state("a pod is up when it is ready, and ended when it has completed", () => {
  const ready = pod({ phase: "Running", conditions: [{ type: "Ready", status: "True" }] });
  assert.equal(stateOf(ready), ["up", "is up"]);
  assert.equal(stateOf(pod({ phase: "Succeeded" })), ["ended", "has completed"]);
  assert.is(upState(pod({ phase: "Pending" })).state, "waiting");
  const failed = pod({
    phase: "Failed",
    containerStatuses: [container({ terminated: { exitCode: 3, reason: "Error" } })],
  });
  assert.match(stateOf(failed).join(), /^failed,Container "\w+" failed: exit code 3/);
});

state("a deployment says what is missing without kubectl's frame", () => {
  const spec = { replicas: 2 };
  const status = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 1 };
  assert.equal(stateOf(object("Deployment", spec, status)), [
    "waiting",
    "1 of 2 updated replicas are available",
  ]);
  const all = { ...status, availableReplicas: 2 };
  assert.equal(stateOf(object("Deployment", spec, all)), ["up", "is up"]);
  assert.is(upState(object("Deployment", { ...spec, paused: true }, status)).text, "is paused");
  const conditions = [{ type: "Progressing", reason: "ProgressDeadlineExceeded" }];
  assert.equal(stateOf(object("Deployment", spec, { ...status, conditions })), [
    "failed",
    'deployment "web" exceeded its progress deadline',
  ]);
});

state("sets whose pods are replaced on deletion are not waited for", () => {
  for (const kind of ["StatefulSet", "DaemonSet"]) {
    const spec = { updateStrategy: { type: "OnDelete" } };
    assert.is(upState(object(kind, spec, { observedGeneration: 2 })).state, "up", kind);
  }
});

state("a Job is up when its pods run, and ended when it is complete", () => {
  const job = (status: object, spec: object = {}) => stateOf(object("Job", spec, status));
  assert.equal(job({}), ["waiting", "has no pods yet"]);
  assert.equal(job({ active: 2, ready: 1 }), ["waiting", "1 of 2 pods run"]);
  assert.equal(job({ active: 2, ready: 2 }), ["up", "runs"]);
  assert.equal(job({}, { suspend: true }), ["up", "is suspended"]);
  assert.is(job({ conditions: [{ type: "Complete", status: "True" }] })[0], "ended");
  const failed = { type: "Failed", status: "True", message: "back-off limit" };
  assert.equal(job({ conditions: [failed] }), ["failed", "back-off limit"]);
});

state("a replica set counts its pods; what makes no pods is up at once", () => {
  const set = (status: object) => stateOf(object("ReplicaSet", { replicas: 2 }, status));
  assert.equal(set({ replicas: 2, readyReplicas: 1 }), ["waiting", "1 of 2 pods are ready"]);
  assert.is(set({ replicas: 2, readyReplicas: 2 })[0], "up");
  assert.is(upState(object("ConfigMap", {}, {})).state, "up");
});

state.run();

const pods = suite("podsOf()");

const labelled = (labels: Record<string, string>, namespace = "default") => {
  const each = pod({ phase: "Running" });
  return { ...each, metadata: { ...each.metadata, labels, namespace } };
};

pods("knows pods by the selectors of what was applied, in its namespace", () => {
  const isOurs = podsOf([
    object("Deployment", { selector: { matchLabels: { app: "web" } } }, {}),
    object("ConfigMap", {}, {}),
  ]);
  assert.ok(isOurs(labelled({ app: "web", more: "x" })));
  assert.not(isOurs(labelled({ app: "db" })));
  assert.not(isOurs(labelled({ app: "web" }, "shop")));
});

pods("knows a pod by its uid, and those of a CronJob by the names of its Jobs", () => {
  const own = pod({ phase: "Running" });
  const isOwn = podsOf([own]);
  assert.ok(isOwn(own));
  assert.not(isOwn({ ...own, metadata: { ...own.metadata, uid: "another" } }));
  const isOfCronJob = podsOf([object("CronJob", {}, {})]);
  assert.ok(isOfCronJob(labelled({ "batch.kubernetes.io/job-name": "web-28912345" })));
  assert.not(isOfCronJob(labelled({ "batch.kubernetes.io/job-name": "web-x-28912345" })));
});

pods.run();
