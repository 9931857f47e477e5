// Promise: a Deployment that rolls to a new image, goes back, or heals answers every request to its Service; what is
// killed comes back, also when it is the daemon.
// NSPOD_TEST_REPLICAS: another size than six.
import * as assert from "uvu/assert";
import type { Deployment, Service } from "../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { daemonPid } from "../support/manifest.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { requires } from "../support/requires.ts";
import { SteadyClient } from "../support/steady-client.ts";
import { isRolledOut, podsOf, untilObject } from "../support/workloads.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("rolling updates", "busybox");

const replicas = Number(process.env["NSPOD_TEST_REPLICAS"] ?? "6");

/** Answers with the name of its pod; told to stop it ends what has begun, and gives nobody the time to notice that. */
const script = `
mkdir -p /www && hostname >/www/index.html
trap 'sleep 0.2; kill $!; while pidof httpd; do sleep 0.1; done; exit 0' TERM
httpd -f -p 8080 -h /www & wait`;

const objects = [
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "site" },
    spec: { selector: { app: "site" }, ports: [{ port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "site" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "site" } },
      template: {
        metadata: { labels: { app: "site" } },
        spec: {
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: "main",
              image: "busybox:blue",
              command: ["sh", "-c", script],
              readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  },
];

async function rolledOut(pods: Pods): Promise<Deployment> {
  return await untilObject<Deployment>(pods, "Deployment", "site", isRolledOut, 60_000);
}

async function clientOf(pods: Pods): Promise<SteadyClient> {
  const { spec } = await pods.client.json<Service>(
    "GET",
    "/api/v1/namespaces/default/services/site",
  );
  return new SteadyClient(spec.clusterIP ?? "");
}

/** Not one failed request, and every pod has answered. */
async function finish(pods: Pods, client: SteadyClient): Promise<void> {
  const wanted = (await podsOf(pods, "site")).map(({ metadata }) => metadata.name);
  await eventually("an answer of every pod", 20_000, () =>
    wanted.every((name) => client.answers.has(name)) ? true : undefined,
  );
  await client.stop();
  console.log(`  ${client.count} requests, ${client.failures.length} failed`);
  assert.equal(client.failures, []);
}

async function images(pods: Pods): Promise<readonly (string | undefined)[]> {
  return [...new Set((await podsOf(pods, "site")).map(({ spec }) => spec.containers[0]?.image))];
}

test("a new image is rolled out, and not one request fails", async (pods) => {
  for (const colour of ["blue", "green"]) {
    await pods.instance.must(["image", "tag", "busybox", `busybox:${colour}`]);
  }
  for (const object of objects) await pods.createObject(object);
  await rolledOut(pods);
  const client = await clientOf(pods);
  await pods.instance.must(["set", "image", "deploy/site", "main=busybox:green"]);
  await rolledOut(pods);
  assert.equal(await images(pods), ["busybox:green"]);
  await finish(pods, client);
  assert.ok(client.answers.size > replicas, "pods of both images have answered");
}, 90_000);

test("it is undone, and not one request fails, though the daemon is killed in the middle", async (pods) => {
  const client = await clientOf(pods);
  await pods.instance.must(["rollout", "undo", "deploy/site"]);
  process.kill(await daemonPid(pods.instance), "SIGKILL");
  await pods.instance.must(["get", "deploy"]);
  await rolledOut(pods);
  assert.equal(await images(pods), ["busybox:blue"]);
  await finish(pods, client);
}, 90_000);

/** Ends a pod, its first process or its shim. */
async function kill(pods: Pods, { metadata }: Pod, what: string): Promise<void> {
  const { name, uid } = metadata;
  if (what === "pod") return await pods.deleteObject("Pod", name);
  const [pid] =
    what === "shim"
      ? pidsWith("nspod-shim", pods.instance.run, uid)
      : await pods.pids(name, "main");
  if (pid !== undefined) process.kill(pid, "SIGKILL");
}

test("pods, containers and shims that are killed at random come back", async (pods) => {
  const killed = new Set<string>();
  const kinds = ["pod", "container", "shim", "container", "pod", "shim"];
  for (const what of kinds.sort(() => Math.random() - 0.5)) {
    // Each once: who dies again is started later each time.
    const victim = await eventually("a pod that runs", 20_000, async () => {
      const fresh = (await podsOf(pods, "site")).filter(
        ({ metadata, status }) =>
          !killed.has(metadata.uid) && status?.containerStatuses?.[0]?.state?.running !== undefined,
      );
      return fresh[Math.floor(Math.random() * fresh.length)];
    });
    killed.add(victim.metadata.uid);
    await kill(pods, victim, what);
  }
  const restarted = await eventually("every pod to be ready again", 40_000, async () => {
    const now = await podsOf(pods, "site");
    const ready = now.filter(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
    );
    const { length } = now.filter(({ status }) => status?.containerStatuses?.[0]?.restartCount);
    return ready.length === replicas && now.length === replicas && length === 4 ? now : undefined;
  });
  assert.is(restarted.filter(({ metadata }) => killed.has(metadata.uid)).length, 4);
  await rolledOut(pods);
  await finish(pods, await clientOf(pods));
}, 90_000);

run();
