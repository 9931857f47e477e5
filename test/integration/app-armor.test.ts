// Promise: a container runs under the AppArmor profile that it names, in its exec sessions too; a profile that is not
// loaded keeps it waiting, and one that nspod does not have is refused, never left out.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import type { AppArmorProfile } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import { sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";

requires("root", "file:/sys/kernel/security/apparmor", "tool:apparmor_parser");

const profile = `nspod-test-${process.pid}`;
const rules = `
profile ${profile} flags=(attach_disconnected, mediate_deleted) {
  capability,
  network,
  signal,
  file,
  deny /denied/** w,
  deny /etc/hostname r,
}
`;

async function parser(action: "--replace" | "--remove"): Promise<void> {
  const { code, stderr } = await runCommand("apparmor_parser", [action], { input: rules });
  assert.is(code, 0, stderr);
}

// Also when a test has failed; a profile that is not there any more is fine.
process.on("exit", () => spawnSync("apparmor_parser", ["--remove"], { input: rules }));

const { test, run } = podSuite("AppArmor", "busybox");

const confined: AppArmorProfile = { type: "Localhost", localhostProfile: profile };
const current = "cat /proc/self/attr/current";

test("a container has the profile of its own field, of the pod's, or none", async (pods) => {
  await parser("--replace");
  const securityContext = { appArmorProfile: { type: "Unconfined" } } as const;
  await pods.up("confined", {
    securityContext: { appArmorProfile: confined },
    containers: [sleeper("main"), sleeper("free", { securityContext })],
  });
  const [pid] = await pods.pids("confined", "main");
  const label = readFileSync(`/proc/${pid}/attr/current`, "latin1");
  assert.is(label.trim(), `${profile} (enforce)`);
  assert.is(await pods.ask("confined", current, "free"), "unconfined");
  await pods.up("plain", { containers: [sleeper("main")] });
  assert.is(await pods.ask("plain", current), "unconfined");
}, 60_000);

test("what the profile denies is denied, also to exec", async (pods) => {
  assert.is(await pods.ask("confined", current, "main"), `${profile} (enforce)`);
  const script = "mkdir -p /denied; echo x >/denied/file; cat /etc/hostname";
  const denied = await pods.exec("confined", script, { container: "main" });
  assert.is(denied.stdout, "");
  assert.match(denied.stderr, "/denied/file: Permission denied");
  assert.match(denied.stderr, "'/etc/hostname': Permission denied");
  const free = await pods.exec("confined", script, { container: "free" });
  assert.equal([free.stdout, free.stderr], ["confined\n", ""]);
  await pods.delete("confined", "plain");
}, 60_000);

test("a profile that is not loaded keeps the container waiting until it is", async (pods) => {
  await parser("--remove");
  await pods.create("early", {
    containers: [sleeper("main", { securityContext: { appArmorProfile: confined } })],
  });
  const waiting = await pods.until("early", "the container to wait", (pod) =>
    statusOf(pod, "main").state?.waiting?.reason?.startsWith("CreateContainerE"),
  );
  assert.equal(statusOf(waiting, "main").state?.waiting, {
    reason: "CreateContainerError",
    message: `apparmor profile not found ${profile}`,
  });
  await parser("--replace");
  await pods.until("early", "it to run", (pod) => Boolean(statusOf(pod, "main").state?.running));
  assert.is(await pods.ask("early", current), `${profile} (enforce)`);
  await pods.delete("early");
}, 60_000);

test("nspod has no default profile and promises none", async (pods) => {
  const securityContext = { appArmorProfile: { type: "RuntimeDefault" } } as const;
  await pods.create("default", { securityContext, containers: [sleeper("main")] });
  const { status } = await pods.untilEnded("default");
  assert.equal([status?.phase, status?.reason], ["Failed", "AppArmor"]);
  assert.is(
    status?.message,
    'Pod was rejected: Cannot enforce AppArmor: nspod has no default profile of its own: load one and name it with type "Localhost"',
  );
  await pods.delete("default");
}, 60_000);

run();
