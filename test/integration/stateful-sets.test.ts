// StatefulSets with pods that run: in order, with data that is theirs again.
import * as assert from "uvu/assert";
import type { StatefulSet } from "../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { createWorkload, isRolledOut, podsOf, untilObject } from "../support/workloads.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("stateful sets", "busybox");

async function rolledOut(pods: Pods): Promise<StatefulSet> {
  return await untilObject<StatefulSet>(pods, "StatefulSet", "db", isRolledOut, 40_000);
}

const nameOf = ({ metadata }: Pod): string => metadata.name;

test("makes its pods in order, each with its name and claim", async (pods) => {
  await createWorkload(pods, "StatefulSet");
  const { status } = await rolledOut(pods);
  const all = await podsOf(pods, "db");
  assert.equal(all.map(nameOf).sort(), ["db-0", "db-1", "db-2"]);
  const pod = await pods.get("db-1");
  assert.is(pod.metadata.labels?.["statefulset.kubernetes.io/pod-name"], "db-1");
  assert.is(pod.metadata.labels?.["apps.kubernetes.io/pod-index"], "1");
  assert.is(pod.spec.hostname, "db-1");
  assert.is(pod.spec.subdomain, "db");
  assert.is(status?.currentRevision, status?.updateRevision);
  assert.is(await pods.instance.must(["exec", "db-1", "--", "cat", "/data/names"]), "db-1\n");
});

test("scaled to nothing and back each ordinal finds its data", async (pods) => {
  await pods.instance.must(["scale", "sts/db", "--replicas=0"]);
  await rolledOut(pods);
  await pods.instance.must(["scale", "sts/db", "--replicas=3"]);
  await rolledOut(pods);
  assert.is(await pods.instance.must(["exec", "db-2", "--", "cat", "/data/names"]), "db-2\ndb-2\n");
});

test("each pod finds the others by name, also those that came back", async (pods) => {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "db" },
    spec: { clusterIP: "None", selector: { app: "db" }, ports: [{ port: 80 }] },
  };
  await pods.createObject(service);
  for (const name of ["db-1", "db-2"]) {
    const { status } = await pods.get(name);
    const host = `${name}.db.default.svc.cluster.local`;
    await eventually(`the address of ${name}`, 10_000, async () => {
      const answer = await pods.ask("db-0", `nslookup ${host}`);
      return answer.includes(`Address: ${status?.podIP}`) || undefined;
    });
  }
});

test("updates above its partition only, then all, and goes back", async (pods) => {
  const rolling = { type: "RollingUpdate", rollingUpdate: { partition: 2 } };
  const annotations = { round: "two" };
  await pods.patch("StatefulSet", "db", {
    spec: { updateStrategy: rolling, template: { metadata: { annotations } } },
  });
  const round = async (): Promise<readonly (string | undefined)[]> =>
    (await podsOf(pods, "db"))
      .toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)))
      .map(({ metadata }) => metadata.annotations?.["round"]);
  await untilObject<StatefulSet>(
    pods,
    "StatefulSet",
    "db",
    ({ status }) => status?.updatedReplicas === 1 && status.availableReplicas === 3,
  );
  assert.equal(await round(), [undefined, undefined, "two"]);
  await pods.patch("StatefulSet", "db", {
    spec: { updateStrategy: { rollingUpdate: { partition: 0 } } },
  });
  await rolledOut(pods);
  assert.equal(await round(), ["two", "two", "two"]);
  await pods.instance.must(["rollout", "undo", "sts/db"]);
  await rolledOut(pods);
  assert.equal(await round(), [undefined, undefined, undefined]);
}, 90_000);

test("takes its claims along when the policy says so", async (pods) => {
  await pods.instance.must(["delete", "sts", "db", "--cascade=foreground"]);
  assert.is(await pods.instance.must(["get", "pvc", "-o", "name"]), "");
});

run();
