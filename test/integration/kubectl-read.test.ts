// Promise: what kubectl shows it shows of nspod, too: get in every form and as it changes, describe, explain, top, and
// what the server can do.
import * as assert from "uvu/assert";
import { kubectlSuite } from "../support/kubectl.ts";
import { podOf, sleeper } from "../support/pods.ts";

const { test, run } = kubectlSuite("kubectl reads", "busybox");

/** A pod, a Deployment with its Service, configuration and a schedule. */
function objects(): object {
  const labels = { app: "web" };
  const spec = { terminationGracePeriodSeconds: 1, containers: [sleeper("main")] };
  return {
    apiVersion: "v1",
    kind: "List",
    items: [
      podOf("shown", { containers: [sleeper("main")] }),
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "web", labels },
        spec: {
          replicas: 1,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec },
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "web" },
        spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
      },
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "conf" }, data: { key: "value" } },
      { apiVersion: "v1", kind: "Secret", metadata: { name: "hidden" }, data: { key: "c2VjcmV0" } },
      {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name: "nightly" },
        spec: {
          schedule: "@daily",
          jobTemplate: {
            spec: { template: { spec: { restartPolicy: "Never", containers: [sleeper("main")] } } },
          },
        },
      },
    ],
  };
}

test("makes what the others read", async (kubectl) => {
  const file = await kubectl.file("objects.json", objects());
  const made = await kubectl.must(["create", "-f", file]);
  assert.match(made, /pod\/shown created\ndeployment.apps\/web created\n/);
  await kubectl.must(["rollout", "status", "deployment/web", "--timeout=30s"]);
  await kubectl.must(["wait", "--for=condition=Ready", "pod/shown", "--timeout=30s"]);
});

test("get: tables, wide and with labels, sorted and chosen", async (kubectl) => {
  const { namespace } = kubectl;
  assert.match(
    await kubectl.must(["get", "pod", "shown", "-o", "wide"]),
    /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\nshown +1\/1 +Running/,
  );
  const labelled = await kubectl.must(["get", "pods", "--show-labels", "-l", "app=web"]);
  assert.match(labelled, /web-\w+-\w+ .*app=web,pod-template-hash=/);
  assert.not.match(labelled, /^shown/m);
  assert.match(await kubectl.must(["get", "deploy", "-L", "app"]), /AGE +APP\nweb .* web\n/);
  const everywhere = await kubectl.must(["get", "pods", "-A", "--sort-by=.metadata.name"]);
  assert.match(everywhere, new RegExp(`${namespace} +shown `));
  const running = ["get", "pods", "--field-selector=status.phase=Running", "--no-headers"];
  assert.is((await kubectl.must(running)).trim().split("\n").length, 2);
  const all = await kubectl.must(["get", "all"]);
  for (const word of ["pod/shown", "service/web", "deployment.apps/web", "cronjob.batch/nightly"]) {
    assert.ok(all.includes(word), all);
  }
});

test("get: JSON, YAML, names, templates and columns", async (kubectl) => {
  const { namespace } = kubectl;
  const json = JSON.parse(await kubectl.must(["get", "pod", "shown", "-o", "json"]));
  assert.is(json.metadata.namespace, namespace);
  assert.match(await kubectl.must(["get", "cm", "conf", "-o", "yaml"]), /^data:\n {2}key: value$/m);
  assert.is(
    await kubectl.must(["get", "pod/shown", "svc/web", "-o", "name"]),
    "pod/shown\nservice/web\n",
  );
  const path = "-o=jsonpath={.items[?(@.metadata.name=='shown')].status.phase}";
  assert.is(await kubectl.must(["get", "pods", path]), "Running");
  const template = "-o=go-template={{index .data.key}}";
  assert.is(await kubectl.must(["get", "secret", "hidden", template]), "c2VjcmV0");
  const columns = "-o=custom-columns=NAME:.metadata.name,SCHEDULE:.spec.schedule";
  assert.match(
    await kubectl.must(["get", "cronjobs", columns]),
    /^NAME +SCHEDULE\nnightly +@daily\n$/,
  );
  const missing = await kubectl.fails(["get", "pod", "nobody"]);
  assert.match(missing, /Error from server \(NotFound\): pods "nobody" not found/);
});

test("get -w shows what changes", async (kubectl) => {
  await using watch = kubectl.live(["get", "configmaps", "-w", "-o", "name"]);
  await watch.says(/configmap\/conf\n/);
  await kubectl.must(["create", "configmap", "later"]);
  await watch.says(/configmap\/later\n/);
  await using table = kubectl.live(["get", "pods", "--watch-only"]);
  // It says nothing before the first change: the change is made until it was seen.
  const label = async (): Promise<void> => {
    for (let round = 0; !/shown +1\/1/.test(table.stdout); round++) {
      await kubectl.must(["label", "pod", "shown", "--overwrite", `round=${round}`]);
    }
  };
  await Promise.all([table.says(/shown +1\/1 +Running/), label()]);
});

test("describe tells of objects and their events", async (kubectl) => {
  const describe = async (...words: readonly string[]): Promise<string> =>
    await kubectl.must(["describe", ...words]);
  assert.match(await describe("pod", "shown"), /Node: .*[\s\S]*Started container/);
  const deployment = await describe("deployment", "web");
  assert.match(deployment, /1 desired \| 1 updated \| 1 total \| 1 available/);
  assert.match(deployment, /ScalingReplicaSet/);
  assert.match(await describe("service", "web"), /Endpoints: +\d+\.\d+\.\d+\.\d+:8080/);
  assert.match(await describe("configmap", "conf"), /key:\n----\nvalue\n/);
  assert.match(await describe("secret", "hidden"), /key: +6 bytes/);
  assert.match(await describe("cronjob", "nightly"), /Schedule: +@daily/);
  assert.match(await describe("node"), /Capacity:\n +cpu:[\s\S]*Non-terminated Pods/);
});

test("explain knows fields, types and what they mean", async (kubectl) => {
  const probe = await kubectl.must(["explain", "pod.spec.containers.livenessProbe"]);
  assert.match(probe, /Periodic probe of container liveness/);
  assert.match(probe, /periodSeconds\t<integer>\n +How often/);
  const strategy = await kubectl.must(["explain", "deployment.spec.strategy", "--recursive"]);
  assert.match(strategy, /rollingUpdate\t<[\s\S]*maxSurge\t</);
  assert.match(await kubectl.fails(["explain", "pod.spec.nothing"]), /does not exist/);
});

test("top shows what pods and the node use", async (kubectl) => {
  assert.match(await kubectl.must(["top", "pods"]), /NAME +CPU\(cores\) +MEMORY\(bytes\) *\n/);
  assert.match(await kubectl.must(["top", "nodes"]), /\n\S+ +\d+m +\d+%/);
});

test("tells what the server can do", async (kubectl) => {
  const kinds = await kubectl.must(["api-resources"]);
  assert.match(kinds, /pods +po +v1 +true +Pod/);
  assert.match(kinds, /deployments +deploy +apps\/v1 +true +Deployment/);
  const scaled = await kubectl.must(["api-resources", "--namespaced=false", "-o", "name"]);
  assert.match(scaled, /^nodes$/m);
  assert.match(await kubectl.must(["api-versions"]), /^metrics.k8s.io\/v1beta1$/m);
  assert.match(await kubectl.must(["version"]), /v1\.\d+\.\d+\+nspod/);
  assert.match(await kubectl.must(["cluster-info"]), /is running at/);
  assert.match(await kubectl.must(["get", "events"]), /pod\/shown/);
});

run();
