// Evictions, budgets that forbid them, and the commands that work with nodes.
import * as assert from "uvu/assert";
import { isPodError } from "../../src/base/errors.ts";
import type { Node, PodDisruptionBudget } from "../../src/spec/kubernetes.gen.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("eviction", "busybox");

async function evict(pods: Pods, name: string, more: object = {}): Promise<void> {
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name }, ...more };
  await pods.client.json("POST", `/api/v1/namespaces/default/pods/${name}/eviction`, { body });
}

async function up(pods: Pods, name: string, labels: object): Promise<void> {
  const metadata = { name, labels };
  const spec = { terminationGracePeriodSeconds: 1, containers: [sleeper("main")] };
  await pods.createFrom({ apiVersion: "v1", kind: "Pod", metadata, spec });
  await pods.until(name, "it to be Ready", ({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
  );
}

async function untilGone(pods: Pods, name: string): Promise<void> {
  await eventually(`pod ${name} to be gone`, 20_000, async () => {
    try {
      await pods.get(name);
      return undefined;
    } catch (error) {
      return isPodError(error, "NotFound") ? true : undefined;
    }
  });
}

async function theNode(pods: Pods): Promise<Node> {
  const { items } = await pods.client.json<{ readonly items: readonly Node[] }>(
    "GET",
    "/api/v1/nodes",
  );
  const [node] = items;
  if (node === undefined) throw new Error("there is no node");
  return node;
}

test("an eviction deletes a pod that no budget protects", async (pods) => {
  await up(pods, "free", {});
  await evict(pods, "free", { deleteOptions: { gracePeriodSeconds: 0 } });
  await untilGone(pods, "free");
});

test("a budget allows as many evictions as it says and refuses the next with 429", async (pods) => {
  const spec = { minAvailable: 1, selector: { matchLabels: { app: "kept" } } };
  const metadata = { name: "kept" };
  const budget = { apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata, spec };
  await pods.createObject(budget);
  await up(pods, "one", { app: "kept" });
  await up(pods, "two", { app: "kept" });
  const status = await eventually("the budget to allow one", 10_000, async () => {
    const path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/kept";
    const found = await pods.client.json<PodDisruptionBudget>("GET", path);
    return found.status?.disruptionsAllowed === 1 ? found.status : undefined;
  });
  assert.is(status.currentHealthy, 2);
  assert.is(status.conditions?.[0]?.reason, "SufficientPods");
  const answers = await Promise.allSettled([evict(pods, "one"), evict(pods, "two")]);
  const refused = answers.flatMap((answer) =>
    answer.status === "rejected" ? [answer.reason] : [],
  );
  assert.is(refused.length, 1);
  assert.ok(isPodError(refused[0], "ResourceExhausted"));
  assert.is(
    refused[0].message,
    "Cannot evict pod as it would violate the pod's disruption budget.",
  );
  await pods.deleteObject("PodDisruptionBudget", "kept");
  await pods.instance.nspod(["delete", "pods", "one", "two", "--force", "--ignore-not-found"]);
});

test("cordon keeps new pods away, uncordon lets them in", async (pods) => {
  const { name } = (await theNode(pods)).metadata;
  const cordoned = await pods.instance.must(["cordon", name]);
  assert.is(cordoned, `node/${name} cordoned\n`);
  assert.match(await pods.instance.must(["get", "nodes"]), /Ready,SchedulingDisabled/);
  assert.is(await pods.instance.must(["cordon", name]), `node/${name} already cordoned\n`);
  await pods.create("waits", { containers: [sleeper("main")] });
  await pods.until("waits", "it to be unschedulable", ({ status }) =>
    status?.conditions?.some(({ reason }) => reason === "Unschedulable"),
  );
  assert.is(await pods.instance.must(["uncordon", name]), `node/${name} uncordoned\n`);
  await pods.until("waits", "it to run", ({ status }) => status?.phase === "Running");
  await pods.instance.must(["delete", "pod", "waits", "--force"]);
});

test("drain evicts what somebody will replace, and the rest when it is forced", async (pods) => {
  const { name } = (await theNode(pods)).metadata;
  await up(pods, "alone", {});
  const refused = await pods.instance.nspod(["drain", name]);
  assert.is.not(refused.code, 0);
  assert.match(refused.stderr, /use --force to override.*default\/alone/);
  assert.match(refused.stdout, /cordoned/);
  const drained = await pods.instance.must(["drain", name, "--force", "--timeout=20s"]);
  assert.match(drained, /pod\/alone evicted/);
  assert.match(drained, /node\/\S+ drained/);
  await untilGone(pods, "alone");
  await pods.instance.must(["uncordon", name]);
});

test("taint adds and removes taints", async (pods) => {
  const { name } = (await theNode(pods)).metadata;
  const added = await pods.instance.must(["taint", "nodes", name, "dedicated=db:PreferNoSchedule"]);
  assert.is(added, `node/${name} tainted\n`);
  const taint = { key: "dedicated", value: "db", effect: "PreferNoSchedule" };
  assert.equal((await theNode(pods)).spec?.taints, [taint]);
  const again = await pods.instance.nspod([
    "taint",
    "nodes",
    name,
    "dedicated=web:PreferNoSchedule",
  ]);
  assert.match(
    again.stderr,
    /already has dedicated taint\(s\) with same effect\(s\) and --overwrite is false/,
  );
  const removed = await pods.instance.must(["taint", "nodes", name, "dedicated-"]);
  assert.is(removed, `node/${name} untainted\n`);
  assert.equal((await theNode(pods)).spec?.taints ?? [], []);
});

run();
