// Promise: pods run where they may, wait with the reason that Kubernetes gives, and start when what they wait for comes
// (test/manifests/scheduling.yaml).
import * as assert from "uvu/assert";
import type { Node, PodCondition } from "../../src/spec/kubernetes.gen.ts";
import type { Pod, PodSpec } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { daemonPid } from "../support/manifest.ts";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("scheduling", "busybox");

const mergePatch = "application/merge-patch+json";

async function theNode(pods: Pods): Promise<Node> {
  const { items } = await pods.client.json<{ readonly items: readonly Node[] }>(
    "GET",
    "/api/v1/nodes",
  );
  assert.is(items.length, 1);
  const [node] = items;
  if (node === undefined) throw new Error("there is no node");
  return node;
}

/** The rest of a test with the node changed, and changed back whatever becomes of it. */
async function whileNodeIs(
  pods: Pods,
  { set, unset }: { readonly set: object; readonly unset: object },
  rest: () => Promise<void>,
): Promise<void> {
  await patchNode(pods, { spec: set });
  try {
    await rest();
  } finally {
    await patchNode(pods, { spec: unset });
  }
}

async function patchNode(pods: Pods, body: object): Promise<void> {
  const { metadata } = await theNode(pods);
  await pods.client.json("PATCH", `/api/v1/nodes/${metadata.name}`, {
    body,
    contentType: mergePatch,
  });
}

function scheduled({ status }: Pod): PodCondition | undefined {
  return status?.conditions?.find(({ type }) => type === "PodScheduled");
}

async function untilUnschedulable(pods: Pods, name: string): Promise<string> {
  const pod = await pods.until(name, "the scheduler's refusal", (each) => {
    return scheduled(each)?.reason === "Unschedulable";
  });
  assert.is(pod.status?.phase, "Pending");
  assert.is(scheduled(pod)?.status, "False");
  return scheduled(pod)?.message ?? "";
}

async function untilRunning(pods: Pods, name: string): Promise<Pod> {
  return await pods.until(name, "it to run", ({ status }) => status?.phase === "Running");
}

async function eventOf(pods: Pods, name: string, reason: string): Promise<string | undefined> {
  return await eventually(`the event ${reason} of ${name}`, 10_000, async () => {
    return (await pods.events(name)).find((event) => event.reason === reason)?.message;
  });
}

const sleeping = (more: Partial<PodSpec> = {}): PodSpec => ({
  containers: [sleeper("main")],
  ...more,
});

const requesting = (cpu: string, more: Partial<PodSpec> = {}): PodSpec => ({
  containers: [sleeper("main", { resources: { requests: { cpu } } })],
  ...more,
});

const notHelpful =
  "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
const affinityMessage = `0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. ${notHelpful}`;

test("the machine is a node that tells what it has", async (pods) => {
  const { metadata, spec, status } = await theNode(pods);
  assert.is(metadata.labels?.["kubernetes.io/hostname"], metadata.name);
  assert.is(metadata.labels?.["kubernetes.io/os"], "linux");
  assert.is(spec?.podCIDR, pods.instance.subnet);
  assert.equal(
    status?.conditions?.map(({ type }) => type),
    ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"],
  );
  assert.is(status?.conditions?.at(-1)?.status, "True");
  for (const resource of ["cpu", "memory", "ephemeral-storage", "pods"]) {
    assert.ok(status?.allocatable?.[resource], resource);
  }
  assert.match(status?.nodeInfo?.kubeletVersion ?? "", /^v1\.\d+\.0\+nspod-/);
  const images = status?.images?.flatMap(({ names = [] }) => names) ?? [];
  await eventually("the image", 15_000, async () => {
    const node = await theNode(pods);
    return node.status?.images?.some(({ names = [] }) => names.join().includes("busybox"));
  });
  assert.ok(images.length <= 1);
});

test("a pod that asks for everything runs, and says where", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("scheduling")]);
  const { spec, status } = await untilRunning(pods, "everything");
  const node = await theNode(pods);
  assert.is(spec.nodeName, node.metadata.name);
  assert.is(
    status?.hostIP,
    node.status?.addresses?.find(({ type }) => type === "InternalIP")?.address,
  );
  assert.is(
    await eventOf(pods, "everything", "Scheduled"),
    `Successfully assigned default/everything to ${node.metadata.name}`,
  );
  assert.is(spec.priority, 1000);
  assert.equal(
    spec.tolerations?.map(({ key }) => key),
    [
      "dedicated",
      "maintenance",
      "runtime",
      "node.kubernetes.io/not-ready",
      "node.kubernetes.io/unreachable",
    ],
  );
  const before = await pods.get("everything");
  await pods.instance.must(["apply", "-f", manifestFile("scheduling")]);
  assert.is(before.metadata.generation, (await pods.get("everything")).metadata.generation);
});

test("a pod waits for a label of the node", async (pods) => {
  assert.is(await untilUnschedulable(pods, "wants-ssd"), affinityMessage);
  assert.is(await eventOf(pods, "wants-ssd", "FailedScheduling"), affinityMessage);
  await patchNode(pods, { metadata: { labels: { disk: "ssd" } } });
  await untilRunning(pods, "wants-ssd");
});

test("a pod waits until its last gate is gone", async (pods) => {
  const gated = await pods.get("gated");
  assert.is(scheduled(gated)?.reason, "SchedulingGated");
  assert.is(scheduled(gated)?.message, "Scheduling is blocked due to non-empty scheduling gates");
  const patch = async (schedulingGates: object | null): Promise<void> => {
    const path = "/api/v1/namespaces/default/pods/gated";
    await pods.client.json("PATCH", path, {
      body: { spec: { schedulingGates } },
      contentType: mergePatch,
    });
  };
  await patch([{ name: "example.com/review" }]);
  assert.is((await pods.get("gated")).spec.nodeName, undefined);
  await patch(null);
  await untilRunning(pods, "gated");
});

test("a pod stays Pending on a node that does not exist, and can be deleted", async (pods) => {
  const { spec, status } = await pods.get("elsewhere");
  assert.is(spec.nodeName, "another-node");
  assert.ok(status?.phase === undefined || status.phase === "Pending");
  await pods.delete("elsewhere");
});

test("a pod stays Pending that is larger than the node, or another scheduler's", async (pods) => {
  assert.is(
    await untilUnschedulable(pods, "too-large"),
    `0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/gpu. ${notHelpful}`,
  );
  const foreign = await pods.get("of-another-scheduler");
  assert.is(foreign.spec.nodeName, undefined);
  assert.is(scheduled(foreign), undefined);
  await pods.delete("too-large", "of-another-scheduler", "gated", "wants-ssd");
});

test("a cordoned node takes no new pods", async (pods) => {
  const cordon = { set: { unschedulable: true }, unset: { unschedulable: null } };
  await whileNodeIs(pods, cordon, async () => {
    await pods.create("late", sleeping());
    assert.is(
      await untilUnschedulable(pods, "late"),
      `0/1 nodes are available: 1 node(s) were unschedulable. ${notHelpful}`,
    );
    assert.is((await pods.get("everything")).status?.phase, "Running");
  });
  await untilRunning(pods, "late");
});

test("pods that do not tolerate a taint with NoExecute go, at once or in their time", async (pods) => {
  const key = "maintenance";
  await pods.up(
    "brief",
    sleeping({
      tolerations: [{ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 1 }],
    }),
  );
  const gone = async (name: string): Promise<void> => {
    await eventually(`the end of ${name}`, 20_000, async () => {
      const { items } = await pods.client.json<{ readonly items: readonly Pod[] }>(
        "GET",
        "/api/v1/namespaces/default/pods",
      );
      return items.some(({ metadata }) => metadata.name === name) ? undefined : true;
    });
  };
  const taint = { set: { taints: [{ key, effect: "NoExecute" }] }, unset: { taints: null } };
  await whileNodeIs(pods, taint, async () => {
    await gone("late");
    assert.is(
      await eventOf(pods, "late", "TaintManagerEviction"),
      "Marking for deletion Pod default/late",
    );
    await gone("brief");
    assert.is((await pods.get("everything")).status?.phase, "Running");
  });
});

test("one of two pods that cannot bear each other waits for the end of the other", async (pods) => {
  const spec = sleeping({
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: "kubernetes.io/hostname",
            labelSelector: { matchLabels: { app: "rival" } },
          },
        ],
      },
    },
  });
  const create = async (name: string): Promise<void> => {
    const pod = podOf(name, spec) as { readonly metadata: object };
    await pods.createFrom({ ...pod, metadata: { name, labels: { app: "rival" } } });
  };
  await create("one");
  await untilRunning(pods, "one");
  await create("two");
  assert.match(
    await untilUnschedulable(pods, "two"),
    /^0\/1 nodes are available: 1 node\(s\) didn't satisfy existing pods anti-affinity rules\. /,
  );
  await pods.delete("one");
  await untilRunning(pods, "two");
  await pods.delete("two");
});

test("a more important pod takes the place of a less important one", async (pods) => {
  const { status } = await theNode(pods);
  const most = `${1000 * Number(status?.allocatable?.["cpu"]) - 100}m`;
  await pods.up("lowly", requesting(most));
  await pods.create("equal", requesting(most));
  assert.is(
    await untilUnschedulable(pods, "equal"),
    "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
  );
  await pods.delete("equal");
  await pods.create("noble", requesting(most, { priorityClassName: "important" }));
  const noble = await untilRunning(pods, "noble");
  assert.is(
    await eventOf(pods, "lowly", "Preempted"),
    `Preempted by pod ${noble.metadata.uid} on node ${noble.spec.nodeName}`,
  );
  assert.is(noble.status?.nominatedNodeName, undefined);
  await pods.delete("noble");
});

test("a pod that is bound to the node by its author is rejected when it does not fit", async (pods) => {
  const nodeName = (await theNode(pods)).metadata.name;
  const pod = await pods.ended("forced", sleeping({ nodeName, nodeSelector: { disk: "none" } }));
  assert.is(pod.status?.phase, "Failed");
  assert.is(pod.status?.reason, "NodeAffinity");
  assert.is(
    pod.status?.message,
    "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  );
  assert.is(pod.status?.containerStatuses, undefined);
  await pods.delete("forced");
});

test("a runtime, a priority and a class that do not exist are refused where Kubernetes does", async (pods) => {
  const refusal = async (spec: Partial<PodSpec>): Promise<string> => {
    try {
      await pods.create("refused", sleeping(spec));
    } catch (error) {
      return String(error);
    }
    throw new Error("the pod was taken");
  };
  assert.match(
    await refusal({ runtimeClassName: "none" }),
    'pods "refused" is forbidden: pod rejected: RuntimeClass "none" not found',
  );
  assert.match(
    await refusal({ priorityClassName: "none" }),
    'pods "refused" is forbidden: no PriorityClass with name none was found',
  );
  assert.match(
    await refusal({ priority: 7 }),
    "the integer value of priority (7) must not be provided in pod spec",
  );
  await pods.client.json("POST", "/apis/node.k8s.io/v1/runtimeclasses", {
    body: {
      apiVersion: "node.k8s.io/v1",
      kind: "RuntimeClass",
      metadata: { name: "kata" },
      handler: "kata",
    },
  });
  await pods.create("virtual", sleeping({ runtimeClassName: "kata" }));
  assert.match(
    (await eventOf(pods, "virtual", "FailedCreatePodSandBox")) ?? "",
    'no runtime for "kata" is configured',
  );
  await pods.delete("virtual");
});

test("a daemon that is killed goes on with the pods that wait", async (pods) => {
  await pods.create("patient", sleeping({ nodeSelector: { era: "next" } }));
  await untilUnschedulable(pods, "patient");
  await pods.instance.must(["get", "nodes"]);
  process.kill(await daemonPid(pods.instance), "SIGKILL");
  await eventually("the label", 20_000, async () => {
    await patchNode(pods, { metadata: { labels: { era: "next" } } });
    return true;
  });
  await untilRunning(pods, "patient");
  await pods.delete("patient", "everything");
});

run();
