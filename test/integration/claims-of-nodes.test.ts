// Promise: a claim of the class local-path is a folder on the node that its first pod goes to, whichever machine that
// is. Later pods go there, too, and the machine takes the folder away when nobody has it any more.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { getObject } from "../../src/cli/objects.ts";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StatefulSet,
} from "../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../src/spec/pod.ts";
import type { TestAgent } from "../support/agents.ts";
import { machineSuite } from "../support/machine-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { isRolledOut, podsOf, resource, untilObject } from "../support/workloads.ts";

requires("root", "kernel:5.15", "tool:ip", "tool:nsenter", "tool:nft");

const { test, run } = machineSuite("claims of nodes", 40);

const app = "db";
const ordinals = [`${app}-0`, `${app}-1`];

/** One pod on each machine; every start of one adds a line to its data. */
const stateful = {
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: app },
  spec: {
    serviceName: app,
    replicas: 2,
    podManagementPolicy: "Parallel",
    selector: { matchLabels: { app } },
    template: {
      metadata: { labels: { app } },
      spec: {
        terminationGracePeriodSeconds: 1,
        nodeSelector: { role: "worker" },
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              {
                topologyKey: "kubernetes.io/hostname",
                labelSelector: { matchLabels: { app } },
              },
            ],
          },
        },
        containers: [
          {
            name: "main",
            image: "busybox",
            command: [
              "sh",
              "-c",
              "hostname >> /data/names; trap 'exit 0' TERM; sleep infinity & wait",
            ],
            volumeMounts: [{ name: "data", mountPath: "/data" }],
          },
        ],
      },
    },
    volumeClaimTemplates: [
      {
        metadata: { name: "data" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
      },
    ],
  },
};

/** The volume of the pod of an ordinal. */
async function volumeOf(pods: Pods, pod: string): Promise<PersistentVolume> {
  const claim = await getObject<PersistentVolumeClaim>(pods.client, {
    resource: resource("PersistentVolumeClaim"),
    namespace: "default",
    name: `data-${pod}`,
  });
  return await getObject<PersistentVolume>(pods.client, {
    resource: resource("PersistentVolume"),
    namespace: "",
    name: claim.spec.volumeName ?? "",
  });
}

async function placeOf(pods: Pods, name: string): Promise<string | undefined> {
  return (await pods.get(name)).spec.nodeName;
}

async function scaleTo(pods: Pods, replicas: number): Promise<void> {
  await pods.instance.must(["scale", `sts/${app}`, `--replicas=${replicas}`]);
  await untilObject<StatefulSet>(pods, "StatefulSet", app, isRolledOut);
}

function rootOf(agents: readonly TestAgent[], node: string | undefined): string {
  return agents.find(({ name }) => name === node)?.root ?? "";
}

test("each pod of a StatefulSet has its folder on the machine that it runs on", async ({
  pods,
  agents,
}) => {
  for (const { name } of agents) {
    await untilObject(pods, "Node", name, () => true);
    await pods.patch("Node", name, { metadata: { labels: { role: "worker" } } });
  }
  await pods.createObject(stateful);
  await untilObject<StatefulSet>(pods, "StatefulSet", app, isRolledOut);
  const places = await Promise.all(ordinals.map((pod) => placeOf(pods, pod)));
  assert.equal(places.toSorted(), ["w1", "w2"]);
  for (const [index, pod] of ordinals.entries()) {
    const { metadata, spec } = await volumeOf(pods, pod);
    const place = places[index];
    assert.is(spec.local?.path, join(rootOf(agents, place), "volumes", metadata.name));
    const hostname = { key: "kubernetes.io/hostname", operator: "In", values: [place] };
    const required = { nodeSelectorTerms: [{ matchExpressions: [hostname] }] };
    assert.equal(spec.nodeAffinity, { required });
    assert.is(await readFile(join(spec.local?.path ?? "", "names"), "utf8"), `${pod}\n`);
  }
});

test("pods that come back find their data where it is", async ({ pods }) => {
  const before = await Promise.all(ordinals.map((pod) => placeOf(pods, pod)));
  await scaleTo(pods, 0);
  assert.equal(await podsOf(pods, app), []);
  await scaleTo(pods, 2);
  assert.equal(await Promise.all(ordinals.map((pod) => placeOf(pods, pod))), before);
  for (const pod of ordinals) {
    assert.is(await pods.ask(pod, "cat /data/names"), `${pod}\n${pod}`);
  }
});

test("another pod with the claim goes to that machine, or waits for it", async ({
  pods,
  agents,
}) => {
  const [place] = await Promise.all(ordinals.map((pod) => placeOf(pods, pod)));
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName: `data-${app}-0` } }];
  const container = {
    name: "main",
    image: "busybox",
    command: ["sh", "-c", "cat /data/names"],
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  };
  assert.is(await pods.output("reader", { containers: [container], volumes }), "db-0\ndb-0\n");
  assert.is(await placeOf(pods, "reader"), place);
  const other = agents.find(({ name }) => name !== place)?.name ?? "";
  const nodeSelector = { "kubernetes.io/hostname": other };
  await pods.create("astray", { containers: [container], volumes, nodeSelector });
  const waiting = await untilObject<Pod>(pods, "Pod", "astray", ({ status }) =>
    (status?.conditions ?? []).some(({ reason }) => reason === "Unschedulable"),
  );
  const why = waiting.status?.conditions?.find(({ reason }) => reason === "Unschedulable");
  assert.match(why?.message ?? "", /1 node\(s\) had volume node affinity conflict/);
  for (const name of ["reader", "astray"]) await pods.deleteObject("Pod", name);
});

test("what is freed goes on its machine, also when that was away, what is retained stays", async ({
  pods,
  agents,
}) => {
  const [freed, kept] = await Promise.all(ordinals.map((pod) => volumeOf(pods, pod)));
  const place = await placeOf(pods, `${app}-0`);
  const owner = agents.find(({ name }) => name === place);
  await pods.patch("PersistentVolume", kept?.metadata.name ?? "", {
    spec: { persistentVolumeReclaimPolicy: "Retain" },
  });
  await scaleTo(pods, 0);
  await owner?.kill();
  const names = ordinals.map((pod) => `data-${pod}`);
  await pods.instance.must(["delete", "pvc", ...names]);
  const marked = await untilObject<PersistentVolume>(
    pods,
    "PersistentVolume",
    freed?.metadata.name ?? "",
    ({ metadata }) => metadata.deletionTimestamp !== undefined,
  );
  assert.ok(existsSync(marked.spec.local?.path ?? ""));
  await owner?.start();
  await pods.instance.must(["wait", "--for=delete", `pv/${freed?.metadata.name}`, "--timeout=20s"]);
  assert.not(existsSync(marked.spec.local?.path ?? ""));
  const left = await untilObject<PersistentVolume>(
    pods,
    "PersistentVolume",
    kept?.metadata.name ?? "",
    ({ status }) => status?.phase === "Released",
  );
  assert.ok(existsSync(join(left.spec.local?.path ?? "", "names")));
  await pods.deleteObject("PersistentVolume", left.metadata.name);
  // Nothing of another node's was ever made where the control plane is.
  assert.not(existsSync(join(pods.instance.root, "volumes")));
});

run();
