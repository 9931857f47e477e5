// Promise: kubectl drain empties a node of nspod: it refuses what would be lost, evicts the rest, and heeds budgets.
import * as assert from "uvu/assert";
import { kubectlSuite } from "../support/kubectl.ts";
import { apply, deployment } from "../support/kubectl-objects.ts";
import { podOf, sleeper } from "../support/pods.ts";

const { inTurn, run } = kubectlSuite("kubectl drain", "busybox");

inTurn("drain refuses what would be lost, evicts the rest and heeds budgets", async (kubectl) => {
  const node = await kubectl.must(["get", "nodes", "-o=jsonpath={.items[0].metadata.name}"]);
  await kubectl.must(apply, {
    input: JSON.stringify(podOf("alone", { containers: [sleeper("main")] })),
  });
  await kubectl.must(apply, { input: deployment("many") });
  await kubectl.must(["create", "pdb", "many", "--selector=app=many", "--min-available=1"]);
  await kubectl.must(["rollout", "status", "deployment/many", "--timeout=30s"]);
  await kubectl.must(["wait", "--for=condition=Ready", "pod/alone", "--timeout=30s"]);
  const drain = ["drain", node, "--ignore-daemonsets", "--timeout=30s"];
  try {
    const refused = await kubectl.fails(drain);
    assert.match(refused, /cannot delete Pods (?:not managed by|that declare no controller)/);
    await using forced = kubectl.live([...drain, "--force"]);
    const violates = /Cannot evict pod as it would violate the pod's disruption budget/;
    await forced.says(violates, { on: "stderr" });
    await kubectl.must(["delete", "pdb", "many"]);
    assert.is(await forced.exit(), 0, forced.stderr);
    assert.match(forced.stdout, /node\/\S+ (?:evicted|drained)/);
    assert.match(await kubectl.fails(["get", "pod", "alone"]), /not found/);
  } finally {
    await kubectl.must(["uncordon", node]);
  }
  // What the Deployment replaces waits for the node to come back.
  await kubectl.must(["rollout", "status", "deployment/many", "--timeout=30s"]);
  await kubectl.must(["delete", "deployment", "many"]);
});

run();
