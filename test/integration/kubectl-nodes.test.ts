// Promise: an administrator keeps a node of nspod with kubectl: cordon and taint.
import * as assert from "uvu/assert";
import { type Kubectl, kubectlSuite } from "../support/kubectl.ts";
import { podOf, sleeper } from "../support/pods.ts";

const { inTurn, run } = kubectlSuite("kubectl and the node", "busybox");

async function nodeOf(kubectl: Kubectl): Promise<string> {
  return await kubectl.must(["get", "nodes", "-o=jsonpath={.items[0].metadata.name}"]);
}

function pod(name: string): string {
  return JSON.stringify({
    ...podOf(name, { containers: [sleeper("main")] }),
    metadata: { name, labels: { app: name } },
  });
}

async function reasonOf(kubectl: Kubectl, name: string): Promise<void> {
  await kubectl.must([
    "wait",
    "--for=condition=PodScheduled=False",
    `pod/${name}`,
    "--timeout=20s",
  ]);
}

inTurn("cordon keeps new pods away until uncordon", async (kubectl) => {
  const node = await nodeOf(kubectl);
  assert.is(await kubectl.must(["cordon", node]), `node/${node} cordoned\n`);
  try {
    assert.match(await kubectl.must(["get", "nodes"]), /Ready,SchedulingDisabled/);
    await kubectl.must(["apply", "-f", "-"], { input: pod("kept-out") });
    await reasonOf(kubectl, "kept-out");
  } finally {
    assert.is(await kubectl.must(["uncordon", node]), `node/${node} uncordoned\n`);
  }
  await kubectl.must(["wait", "--for=condition=Ready", "pod/kept-out", "--timeout=30s"]);
  await kubectl.must(["delete", "pod", "kept-out"]);
});

inTurn("taint keeps pods away that do not tolerate it", async (kubectl) => {
  const node = await nodeOf(kubectl);
  assert.is(
    await kubectl.must(["taint", "node", node, "only=us:NoSchedule"]),
    `node/${node} tainted\n`,
  );
  try {
    assert.match(await kubectl.must(["describe", "node", node]), /Taints: +only=us:NoSchedule/);
    await kubectl.must(["apply", "-f", "-"], { input: pod("intolerant") });
    await reasonOf(kubectl, "intolerant");
  } finally {
    assert.is(await kubectl.must(["taint", "node", node, "only-"]), `node/${node} untainted\n`);
  }
  await kubectl.must(["delete", "pod", "intolerant"]);
});

run();
