// Promise: machines join a control plane by `nspod agent`. Workloads spread over them, their pods reach each other, logs
// and commands lead to where a pod is; when a machine dies, its pods are replaced on another one, and when it is back it
// cleans up.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { listObjects } from "../../src/cli/objects.ts";
import type { DaemonSet, Deployment, Node } from "../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { machineSuite } from "../support/machine-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { isRolledOut, podsOf, resource, untilObject } from "../support/workloads.ts";

requires("root", "kernel:5.15", "tool:ip", "tool:nsenter", "tool:nft");

const { test, run } = machineSuite("nodes", 6);

const serve = `echo "I am $(hostname)"; mkdir /www; hostname > /www/index.html; httpd -p 80 -h /www; trap 'exit 0' TERM; sleep infinity & wait`;

/** Of pods that leave a node as soon as it is gone. */
function template(app: string, script: string): object {
  const gone = ["unreachable", "not-ready"].map((word) => ({
    key: `node.kubernetes.io/${word}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 1,
  }));
  return {
    metadata: { labels: { app } },
    spec: {
      terminationGracePeriodSeconds: 1,
      nodeSelector: { role: "worker" },
      tolerations: app === "web" ? gone : [],
      containers: [{ name: "main", image: "busybox", command: ["sh", "-c", script] }],
    },
  };
}

function workload(kind: "Deployment" | "DaemonSet", app: string, more: object): object {
  return {
    apiVersion: "apps/v1",
    kind,
    metadata: { name: app },
    spec: { selector: { matchLabels: { app } }, template: template(app, serve), ...more },
  };
}

async function untilReady(pods: Pods, name: string, status = "True"): Promise<Node> {
  return await untilObject<Node>(pods, "Node", name, (node) =>
    (node.status?.conditions ?? []).some((each) => each.type === "Ready" && each.status === status),
  );
}

/** A pod of an app on a node. */
async function podOn(pods: Pods, app: string, node: string): Promise<Pod> {
  const all = await podsOf(pods, app);
  const found = all.find(({ spec }) => spec.nodeName === node);
  if (found === undefined) throw new Error(`There is no pod of "${app}" on "${node}"`);
  return found;
}

/** What the server of a pod or a Service says within 20 s: rules and servers need their moment. */
async function ask(pods: Pods, from: Pod, host: string): Promise<string> {
  const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${host} 80 | tail -n 1`;
  const isLate = `[ $(date +%s) -ge $end ]`;
  const script = `end=$(($(date +%s) + 20)); until answer=$(${request}); [ -n "$answer" ] || ${isLate}; do sleep 0.2; done; echo "$answer"`;
  return await pods.ask(from.metadata.name, script);
}

test("two machines join, and each is given addresses for its pods", async ({
  pods,
  network,
  agents,
}) => {
  const [first, second] = await Promise.all(agents.map(({ name }) => untilReady(pods, name)));
  assert.match(first?.spec?.podCIDR ?? "", /\/24$/);
  assert.match(second?.spec?.podCIDR ?? "", /\/24$/);
  assert.is.not(first?.spec?.podCIDR, second?.spec?.podCIDR);
  assert.is(first?.status?.addresses?.[0]?.address, `${network.prefix}.11`);
});

test("a Deployment spreads, a DaemonSet runs on both", async ({ pods, agents }) => {
  for (const { name } of agents) {
    await pods.patch("Node", name, { metadata: { labels: { role: "worker" } } });
  }
  await pods.createObject(workload("Deployment", "web", { replicas: 4 }) as Deployment);
  await pods.createObject(workload("DaemonSet", "each", {}) as DaemonSet);
  await untilObject<Deployment>(pods, "Deployment", "web", isRolledOut);
  await untilObject<DaemonSet>(pods, "DaemonSet", "each", (set) => set.status?.numberReady === 2);
  const places = (await podsOf(pods, "web")).map(({ spec }) => spec.nodeName).sort();
  assert.equal(places, ["w1", "w1", "w2", "w2"]);
});

test("pods of both reach each other by address and by the name of a Service", async ({ pods }) => {
  const [one, other] = await Promise.all([podOn(pods, "web", "w1"), podOn(pods, "web", "w2")]);
  assert.is(await ask(pods, one, other.status?.podIP ?? ""), other.metadata.name);
  assert.is(await ask(pods, other, one.status?.podIP ?? ""), one.metadata.name);
  await pods.createObject({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "far" },
    spec: { selector: { app: "each" }, ports: [{ port: 80 }] },
  } as never);
  assert.match(await ask(pods, one, "far"), /^each-/);
});

test("logs, commands and files lead to the node of a pod", async ({ pods }) => {
  const { name } = (await podOn(pods, "web", "w2")).metadata;
  assert.is(await pods.log(name), `I am ${name}\n`);
  assert.is(await pods.ask(name, "hostname"), name);
  assert.is((await pods.exec(name, "exit 7")).code, 7);
  assert.is((await pods.exec(name, "cat", { input: "from here" })).stdout, "from here");
  const file = join(pods.instance.base, "file");
  await writeFile(file, "copied");
  await pods.instance.must(["cp", file, `${name}:/tmp/file`]);
  assert.is(await pods.ask(name, "cat /tmp/file"), "copied");
});

test("pods of a machine that dies are replaced on the other one", async ({ pods, agents }) => {
  await agents[0]?.kill();
  await untilReady(pods, "w1", "Unknown");
  await untilObject<Deployment>(
    pods,
    "Deployment",
    "web",
    ({ status }) => status?.unavailableReplicas !== undefined,
  );
  await untilObject<Deployment>(pods, "Deployment", "web", isRolledOut);
  const places = (await podsOf(pods, "web")).map(({ spec }) => spec.nodeName);
  assert.equal(places, ["w2", "w2", "w2", "w2"]);
});

test("a machine that is back cleans up what is no longer its", async ({ pods, agents }) => {
  const { items } = await listObjects<Pod>(pods.client, {
    resource: resource("Pod"),
    namespace: "default",
    labelSelector: "app=web",
  });
  const lost = items.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  assert.is(lost.length, 2);
  await agents[0]?.start();
  await untilReady(pods, "w1");
  for (const { metadata } of lost) {
    await pods.instance.must(["wait", "--for=delete", `pod/${metadata.name}`, "--timeout=20s"]);
    assert.not(existsSync(join(agents[0]?.root ?? "", "pods", metadata.uid)));
  }
  await untilObject<DaemonSet>(pods, "DaemonSet", "each", (set) => set.status?.numberReady === 2);
});

run();
