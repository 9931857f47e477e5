// Promise: a daemon that has no descriptors left says so of what it cannot do and lives; what it had goes on, and when
// there are some again, everything does (security: C-13).
import { readdirSync, readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArmedPods } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:prlimit");

const few = suite("a daemon with few descriptors");
let armed: ArmedPods;

few.before(async () => {
  armed = await ArmedPods.start("busybox");
});

function open(): number {
  return readdirSync(`/proc/${armed.daemon.pid}/fd`).length;
}

function limits(): string {
  return readFileSync(`/proc/${armed.daemon.pid}/limits`, "utf8");
}

/** The soft limit. */
async function limit(count: number): Promise<void> {
  const words = ["--pid", String(armed.daemon.pid), `--nofile=${count}:`];
  const { code, stderr } = await runCommand("prlimit", words);
  assert.is(code, 0, stderr);
}

const names = Array.from({ length: 16 }, (_, index) => `pod-${index}`);

few(
  "says what it cannot do, lives, and goes on when there are some again",
  withDeadline(60_000, async () => {
    const { pods, daemon } = armed;
    const before = await pods.up("before", { containers: [sleeper("main")] });
    const usual = Number(/^Max open files +(\d+)/m.exec(limits())?.[1]);
    // A shim takes one of them for good: there are enough for some of the pods.
    await limit(open() + 8);
    const created = await Promise.allSettled(
      names.map((name) => pods.create(name, { containers: [sleeper("main")] })),
    );
    const stored = names.filter((_, index) => created[index]?.status === "fulfilled");
    await eventually("the end of them to be told", 20_000, () =>
      /EMFILE|too many open files/i.test(daemon.log) ? true : undefined,
    );
    await limit(usual);
    for (const name of stored) {
      const pod = await pods.until(
        name,
        "it to run",
        (each) => statusOf(each, "main").ready,
        40_000,
      );
      assert.is(statusOf(pod, "main").restartCount, 0);
    }
    const after = statusOf(await pods.get("before"), "main");
    assert.is(after.containerID, statusOf(before, "main").containerID);
    await pods.delete("before", ...stored);
    const census = await pods.instance.nspod(["system", "census"]);
    assert.is(census.code, 0, census.stdout);
  }),
);

few(
  "has as many open after fifty pods as before",
  withDeadline(60_000, async () => {
    const { pods } = armed;
    const round = async (): Promise<void> => {
      const some = names.slice(0, 10);
      await Promise.all(some.map((name) => pods.up(name, { containers: [sleeper("main")] })));
      await pods.delete(...some);
    };
    await round();
    const before = open();
    for (let count = 0; count < 5; count++) await round();
    // A connection of this test, and what is just being looked at.
    await eventually("them to be closed", 10_000, () => (open() <= before + 4 ? true : undefined));
  }),
);

few(
  "leaves nothing",
  withDeadline(60_000, async () => await armed.close()),
);

few.run();
