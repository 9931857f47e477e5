import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newCronJob, newDeployment, newJob, newJobFrom } from "../../../src/cli/new-workload.ts";
import type { CronJob } from "../../../src/spec/kubernetes.gen.ts";

const workloads = suite("new workloads");

workloads("a Deployment of one image has kubectl's shape", () => {
  const made = newDeployment("web", ["httpd", "-f"], {
    image: ["reg.example/foo/nginx:1"],
    replicas: "3",
    port: "80",
  });
  assert.equal(made, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", labels: { app: "web" } },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          containers: [
            {
              name: "nginx",
              image: "reg.example/foo/nginx:1",
              command: ["httpd", "-f"],
              ports: [{ containerPort: 80 }],
            },
          ],
        },
      },
    },
  });
});

workloads("containers of several images have names of their own", () => {
  const { spec } = newDeployment("web", [], { image: ["a/my_app.x:1", "b/my-app-x@sha256:0"] });
  const { containers } = (spec as { template: { spec: { containers: { name: string }[] } } })
    .template.spec;
  assert.equal(
    containers.map(({ name }) => name),
    ["my-app-x", "my-app-x-2"],
  );
});

workloads("what does not fit together is refused in kubectl's words", () => {
  assert.throws(() => newDeployment("web", [], {}), "--image");
  assert.throws(
    () => newDeployment("web", ["sh"], { image: ["a", "b"] }),
    "cannot specify multiple --image options and command",
  );
  assert.throws(() => newDeployment("web", [], { image: ["a"], replicas: "x" }), "--replicas");
  assert.throws(() => newCronJob("tick", [], { image: "a" }), "--schedule must be specified");
});

workloads("a Job runs once, a CronJob again after failures unless told otherwise", () => {
  const container = { name: "hi", image: "busybox", command: ["date"] };
  assert.equal(newJob("hi", "busybox", ["date"])["spec"], {
    template: { spec: { restartPolicy: "Never", containers: [container] } },
  });
  assert.equal(newCronJob("hi", ["date"], { image: "busybox", schedule: "@daily" })["spec"], {
    schedule: "@daily",
    jobTemplate: {
      metadata: { name: "hi" },
      spec: { template: { spec: { restartPolicy: "OnFailure", containers: [container] } } },
    },
  });
});

workloads("a Job of a CronJob is its template, and belongs to it", () => {
  const spec = { template: { metadata: {}, spec: { containers: [] } } };
  const cronJob = {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "report", namespace: "default", uid: "u1" },
    spec: { schedule: "@daily", jobTemplate: { metadata: { labels: { a: "b" } }, spec } },
  } as unknown as CronJob;
  const made = newJobFrom(cronJob, "now");
  assert.is(made["spec"], spec);
  assert.equal(made.metadata, {
    name: "now",
    labels: { a: "b" },
    annotations: { "cronjob.kubernetes.io/instantiate": "manual" },
    ownerReferences: [
      { apiVersion: "batch/v1", kind: "CronJob", name: "report", uid: "u1", controller: true },
    ],
  });
});

workloads.run();
