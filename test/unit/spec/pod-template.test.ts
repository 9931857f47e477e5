// What a template is given, and what only the pods are that are made of it.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultObject, rulesOf, validateNew } from "../../../src/spec/admit.ts";
import type { Deployment, Job } from "../../../src/spec/kubernetes.gen.ts";
import { fillPodTemplate, podOfTemplate } from "../../../src/spec/pod-template.ts";
import { podOf } from "../scheduler/fixture.ts";

const options = { randomSuffix: () => "abcde" };
const { spec } = podOf("any", {});
const { serviceAccount: _, serviceAccountName: __, enableServiceLinks: ___, ...plain } = spec;

function templateOf(more: object) {
  const metadata = { name: "", namespace: "", uid: "", labels: { app: "web" } };
  return { metadata, spec: { ...plain, ...more } };
}

const templates = suite("fillPodTemplate()");

templates("leaves the account and the variables of Services to the pods", () => {
  const filled = fillPodTemplate(templateOf({}));
  for (const field of ["serviceAccount", "serviceAccountName", "enableServiceLinks"]) {
    assert.not(field in filled.spec, field);
  }
  assert.is(filled.spec.restartPolicy, "Always");
  const pod = defaultObject(podOfTemplate(filled, "default"), options);
  const { serviceAccount, serviceAccountName, enableServiceLinks } = pod.spec;
  assert.equal(
    [serviceAccount, serviceAccountName, enableServiceLinks],
    ["default", "default", true],
  );
});

templates("has an account that is named by both of its fields", () => {
  const filled = fillPodTemplate(
    templateOf({ serviceAccount: "robot", enableServiceLinks: false }),
  );
  assert.is(filled.spec.serviceAccountName, "robot");
  assert.is(filled.spec.enableServiceLinks, false);
  const wrong = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default", uid: "" },
    spec: {
      selector: { matchLabels: { app: "web" } },
      template: templateOf({ serviceAccountName: "No Name" }),
    },
  } as Deployment;
  const issues = validateNew(defaultObject(wrong, options));
  assert.equal(
    issues.map(({ path }) => path),
    ["spec.template.spec.serviceAccountName"],
  );
});

templates.run();

const jobs = suite("labels of a Job");

jobs("are those of its pods, unless it has its own", () => {
  const job = (labels: object | undefined): Job =>
    ({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "once", namespace: "default", uid: "u1", ...(labels && { labels }) },
      spec: { template: templateOf({ restartPolicy: "Never" }) },
    }) as Job;
  const labelsOf = (labels?: object) =>
    rulesOf("Job").identify?.(defaultObject(job(labels), options)).metadata.labels;
  assert.equal(labelsOf(), {
    app: "web",
    "batch.kubernetes.io/controller-uid": "u1",
    "batch.kubernetes.io/job-name": "once",
    "controller-uid": "u1",
    "job-name": "once",
  });
  assert.equal(labelsOf({ mine: "yes" }), { mine: "yes" });
});

jobs.run();
