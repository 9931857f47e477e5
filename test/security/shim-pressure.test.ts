// Promise: a shim that gets no memory any more, while its pod's containers end and no daemon is there, has the exits for
// the next one: it is charged to no pod, and is the last that the kernel would end (security: C-28).
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArmedPods } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { shell, statusOf } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:prlimit");

const pressure = suite("a shim without memory");
let armed: ArmedPods;

pressure.before(async () => {
  armed = await ArmedPods.start("busybox");
});

const codes = [0, 7, 42, 255];

pressure(
  "keeps the exits of its containers for the next daemon",
  withDeadline(60_000, async () => {
    const { pods } = armed;
    // What it says in the end has no newline, which the shim would have to keep in memory.
    const ends = (code: number): string =>
      `trap 'printf %09999d 0; sleep 0.1; exit ${code}' TERM; echo ready; sleep infinity & wait`;
    const containers = codes.map((code) => shell(`c${code}`, ends(code)));
    const { metadata } = await pods.up("ending", { containers });
    for (const { name } of containers) await pods.untilLogged("ending", name, "ready");
    const shim = pidsWith("nspod-shim", metadata.uid)[0] ?? 0;
    const processes = await Promise.all(containers.map(({ name }) => pods.pids("ending", name)));
    const cgroup = readFileSync(`/proc/${shim}/cgroup`, "utf8");
    assert.match(cgroup, `0::${pods.instance.cgroup}/shims/${metadata.uid}\n`);
    // Not every machine lets root do it.
    const lowered = await runCommand("sh", ["-c", "echo -998 >/proc/self/oom_score_adj"]);
    const score = readFileSync(`/proc/${shim}/oom_score_adj`, "utf8");
    assert.is(score, lowered.code === 0 ? "-998\n" : "0\n");

    await armed.daemon.kill();
    const { code } = await runCommand("prlimit", ["--pid", String(shim), "--as=4096:"]);
    assert.is(code, 0);
    for (const [first = 0] of processes) process.kill(first, "SIGTERM");
    await eventually("the containers to end", 10_000, () =>
      processes.flat().every(hasEnded) ? true : undefined,
    );
    await armed.next();
    const pod = await pods.untilEnded("ending");
    const told = containers.map(({ name }) => statusOf(pod, name).state?.terminated?.exitCode);
    assert.equal(told, codes);
    await pods.delete("ending");
  }),
);

pressure(
  "leaves nothing",
  withDeadline(60_000, async () => await armed.close()),
);

pressure.run();

function hasEnded(pid: number): boolean {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    // ENOENT, ESRCH.
    return true;
  }
}
