// Promise: a machine that loses power, or is rebooted, has its pods again: by their restart policy,
// with their volumes and restart counts, and with nothing of the life before left over.
//
//   first boot    makes the pods, then resets the machine without a word (sysrq b): a power cut
//   second boot   looks at them, then reboots after a sync
//   third boot    looks at them again, sets the clock a day back and forth, and removes everything
//
// The command of the guest runs at every boot; a file on its disk says which one it is.
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Pod } from "../../src/spec/pod.ts";
import { NSPOD, testImage } from "../support/instance.ts";
import { patient } from "../support/patience.ts";
import { podOf, shell, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";

requires("root", "guest");

const bootFile = "/var/lib/nspod/reboot-test";
const boot = existsSync(bootFile) ? readFileSync(bootFile, "utf8").length + 1 : 1;

async function nspod(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(NSPOD, args, { timeoutMs: patient(60_000) });
  if (code !== 0) throw new Error(`"nspod ${args.join(" ")}" ended with ${code}: ${stderr}`);
  return stdout;
}

async function create(manifest: object): Promise<void> {
  const input = JSON.stringify(manifest);
  const { code, stderr } = await runCommand(NSPOD, ["apply", "-f", "-"], { input });
  if (code !== 0) throw new Error(stderr);
}

async function pod(name: string): Promise<Pod> {
  return JSON.parse(await nspod("get", "pod", name, "-o", "json")) as Pod;
}

async function until(name: string, check: (pod: Pod) => boolean): Promise<Pod> {
  const deadline = Date.now() + patient(30_000);
  for (;;) {
    const now = await pod(name);
    if (check(now)) return now;
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${JSON.stringify(now.status)}`);
    await sleep(500);
  }
}

const isRunning = (container: string) => (each: Pod) =>
  statusOf(each, container).state?.running !== undefined;

/** The next boot finds one mark more; the mark is on the disk before the machine goes down. */
function reset(how: "power cut" | "reboot"): never {
  appendFileSync(bootFile, "x");
  const file = openSync(bootFile, "r");
  fsyncSync(file);
  if (how === "reboot") execFileSync("sync");
  writeFileSync("/proc/sysrq-trigger", "b");
  // The machine is gone before this returns.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
  throw new Error("The machine was not reset");
}

const volumes = [{ name: "data", emptyDir: {} }];
const volumeMounts = [{ name: "data", mountPath: "/data" }];

async function firstBoot(): Promise<void> {
  await nspod("image", "load", testImage("busybox"));
  // Ends with an error the first time it runs and stays the second time.
  const script =
    "echo start >>/data/starts; [ $(wc -l </data/starts) -gt 1 ] || exit 1; sync; exec sleep 100000";
  const always = { volumes, containers: [shell("c", script, { volumeMounts })] };
  await create(podOf("always", { ...always, restartPolicy: "Always" }));
  await create(podOf("never", { containers: [shell("c", "exec sleep 100000")] }));
  await create(podOf("done", { volumes, containers: [shell("c", "echo once", { volumeMounts })] }));
  await until("done", ({ status }) => status?.phase === "Succeeded");
  await until("never", isRunning("c"));
  await until("always", isRunning("c"));
  // What happened a second ago is kept; of the last second nothing is promised (decision 0208).
  await sleep(3000);
  console.log("first boot: the pods run; power goes");
  reset("power cut");
}

/** What a pod is after `boots` boots. */
async function look(boots: number): Promise<void> {
  // Until the daemon has looked, the status is that of the boot before.
  const always = await until(
    "always",
    (each) => isRunning("c")(each) && statusOf(each, "c").restartCount >= boots,
  );
  assert.is(statusOf(always, "c").restartCount, boots, "one failure, one restart for each boot");
  const starts = await nspod("exec", "always", "--", "cat", "/data/starts");
  assert.is(starts, "start\n".repeat(boots + 1), "the volume is the same");
  const done = await pod("done");
  assert.is(done.status?.phase, "Succeeded");
  assert.is(statusOf(done, "c").restartCount, 0);
  assert.is(await nspod("logs", "done"), "once\n");
  const never = await until("never", ({ status }) => status?.phase === "Failed");
  assert.is(statusOf(never, "c").restartCount, 0);
  assert.match(await nspod("describe", "pod", "always"), /Rebooted/);
  // Nothing of the boot before: one shim, for the one pod that runs.
  const shims = execFileSync("sh", ["-c", "pgrep -c nspod-shim || true"], { encoding: "utf8" });
  assert.is(shims.trim(), "1");
  const address = always.status?.podIP ?? "";
  execFileSync("busybox", ["ping", "-c1", "-W5", address]);
}

async function setClock(offsetSeconds: number): Promise<void> {
  const seconds = Math.floor(Date.now() / 1000) + offsetSeconds;
  execFileSync("date", ["-s", `@${seconds}`]);
}

/** A container that fails twice is restarted in time, whatever the clock says meanwhile. */
async function clockJumps(): Promise<void> {
  const day = 86_400;
  for (const offset of [-day, day]) {
    const name = offset < 0 ? "back" : "forth";
    const script = "echo x >>/data/n; [ $(wc -l </data/n) -gt 2 ] || exit 1; exec sleep 100000";
    const spec = { volumes, containers: [shell("c", script, { volumeMounts })] };
    await create(podOf(name, { ...spec, restartPolicy: "Always" }));
    await until(name, (each) => statusOf(each, "c").restartCount > 0);
    await setClock(offset);
    await until(name, (each) => isRunning("c")(each) && statusOf(each, "c").restartCount === 2);
    await nspod("delete", "pod", name);
  }
}

const survives = suite("a machine that goes down");

survives(`boot ${boot} of 3`, async () => {
  if (boot === 1) return firstBoot();
  await look(boot);
  if (boot === 2) {
    console.log("second boot: the pods are as they should be; reboot");
    reset("reboot");
  }
  await clockJumps();
  await nspod("delete", "pod", "always", "never", "done");
  await nspod("system", "reset", "--yes");
  assert.not(existsSync(join("/sys/fs/cgroup/nspod")));
});

survives.run();
