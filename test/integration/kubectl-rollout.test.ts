// Promise: kubectl rolls workloads of nspod out: status, history, undo, restart, pause and resume, of each kind that has a
// history.
import * as assert from "uvu/assert";
import { kubectlSuite } from "../support/kubectl.ts";
import { apply, field, workload } from "../support/kubectl-objects.ts";

const { test, run } = kubectlSuite("kubectl rollout", "busybox");

const seconds = "--timeout=40s";
const cause = { "kubernetes.io/change-cause": "made" };

test("rollout: a new template, its history, back again, restart and pause", async (kubectl) => {
  const rollout = async (...words: readonly string[]): Promise<string> =>
    await kubectl.must(["rollout", ...words]);
  const one = "deployment/turns";
  await kubectl.must(apply, { input: workload("Deployment", "turns", {}, cause) });
  await rollout("status", one, seconds);
  await kubectl.must(["set", "env", one, "COLOR=blue"]);
  await kubectl.must(["annotate", one, "kubernetes.io/change-cause=blue", "--overwrite"]);
  await rollout("status", one, seconds);
  assert.match(await rollout("history", one), /1 +made\n2 +blue\n/);
  assert.match(await rollout("history", one, "--revision=2"), /COLOR:\s+blue/);
  const env = ".spec.template.spec.containers[0].env[0].value";
  assert.match(await rollout("undo", one), /rolled back/);
  await rollout("status", one, seconds);
  assert.is(await field(kubectl, one, env), "");
  await rollout("undo", one, "--to-revision=2");
  await rollout("status", one, seconds);
  assert.is(await field(kubectl, one, env), "blue");
  assert.match(await rollout("restart", one), /restarted/);
  await rollout("status", one, seconds);
  await rollout("pause", one);
  assert.match(await kubectl.fails(["rollout", "restart", one]), /can't restart paused deployment/);
  await kubectl.must(["set", "image", one, "main=busybox:latest"]);
  await rollout("resume", one);
  await rollout("status", one, seconds);
  assert.is(await field(kubectl, one, ".spec.template.spec.containers[0].image"), "busybox:latest");
});

test("rollout of a StatefulSet and a DaemonSet", async (kubectl) => {
  const sets = ["statefulset/db", "daemonset/agent"] as const;
  await kubectl.must(apply, {
    input: workload("StatefulSet", "db", { serviceName: "db", replicas: 1 }, cause),
  });
  await kubectl.must(apply, { input: workload("DaemonSet", "agent", {}, cause) });
  const turn = async (set: string): Promise<void> => {
    await kubectl.must(["rollout", "status", set, seconds]);
    await kubectl.must(["set", "env", set, "COLOR=blue"]);
    await kubectl.must(["rollout", "status", set, seconds]);
    assert.match(await kubectl.must(["rollout", "history", set]), /\n1 [\s\S]*\n2 /);
    assert.match(await kubectl.must(["rollout", "undo", set]), /rolled back/);
    await kubectl.must(["rollout", "status", set, seconds]);
    const env = await field(kubectl, set, ".spec.template.spec.containers[0].env");
    assert.is(env, "");
    await kubectl.must(["rollout", "restart", set]);
    await kubectl.must(["rollout", "status", set, seconds]);
  };
  await Promise.all(sets.map(turn));
  await kubectl.must(["delete", ...sets]);
});

run();
