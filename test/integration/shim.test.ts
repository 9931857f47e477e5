// Promise: a shim starts, keeps and reports the processes of a pod, whatever happens to the daemon.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError, messageOf } from "../../src/base/errors.ts";
import { compileReaper } from "../../src/container/exec.ts";
import { readExitRecords } from "../../src/shim/client.ts";
import { launchShim, reaperFdInShim } from "../../src/shim/launch.ts";
import { K } from "../../src/sys/abi.ts";
import { Program, register } from "../../src/sys/program.ts";
import { eventually } from "../support/eventually.ts";
import { requires } from "../support/requires.ts";
import { busybox, canWrite, ShimPod, shell } from "../support/shim-pod.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "file:/bin/busybox");

const shim = suite("shim");
let pod: ShimPod;

shim.before.each(async () => {
  pod = await ShimPod.start();
});
shim.after.each(async () => {
  await pod.close();
});

shim(
  "reports exit statuses and signals, and has them on disk before",
  withDeadline(5000, async () => {
    await pod.run("zero", "exit 0");
    await pod.run("seven", "exit 7");
    await pod.run("killed", "kill -TERM $$");
    assert.is((await pod.exitOf("zero")).exitCode, 0);
    const seven = await pod.exitOf("seven");
    assert.equal([seven.exitCode, seven.signal, seven.oomKilled], [7, 0, false]);
    assert.ok(seven.startedAtMs <= seven.finishedAtMs && seven.finishedAtMs <= Date.now());
    const killed = await pod.exitOf("killed");
    assert.equal([killed.exitCode, killed.signal], [143, 15]);
    const records = readExitRecords(pod.folder).sort((a, b) => a.id.localeCompare(b.id));
    assert.equal(
      records.map(({ id, exitCode }) => [id, exitCode]),
      [
        ["killed", 143],
        ["seven", 7],
        ["zero", 0],
      ],
    );
    assert.equal(
      records.find(({ id }) => id === "seven"),
      seven,
    );
  }),
);

shim(
  "signals through a pidfd, and says when there is nobody to signal",
  withDeadline(5000, async () => {
    await pod.run("sleeper", "exec sleep 1000");
    await pod.client.signal("sleeper", K.SIGKILL);
    const exit = await pod.exitOf("sleeper");
    assert.equal([exit.exitCode, exit.signal, exit.oomKilled], [137, 9, false]);
    const again = await failure(pod.client.signal("sleeper", K.SIGKILL));
    assert.ok(isPodError(again, "NotFound"));
  }),
);

shim(
  "keeps an exit that nobody was there to hear, until it is forgotten",
  withDeadline(5000, async () => {
    const pid = await pod.run("quiet", "read x; exit 9", { stdin: true, stdinOnce: true });
    await pod.client[Symbol.asyncDispose]();
    process.kill(pid, "SIGUSR1");
    await eventually("the record", 2000, () => readExitRecords(pod.folder)[0]);
    await pod.reconnect();
    const [found] = await pod.client.list();
    assert.is(found?.exit?.signal, 10);
    assert.equal(found?.exit, readExitRecords(pod.folder)[0]);
    const busy = await failure(pod.run("quiet", "true"));
    assert.ok(isPodError(busy, "AlreadyExists"));
    await pod.client.forget("quiet");
    await pod.client.forget("quiet");
    assert.equal(await pod.client.list(), []);
    assert.equal(readdirSync(`${pod.folder}/exits`), []);
  }),
);

shim(
  "goes on when the daemon is gone, and takes it back",
  withDeadline(5000, async () => {
    const pid = await pod.run("long", "echo one; read x; exit 3", { stdin: true });
    await pod.reconnect();
    const [found] = await pod.client.list();
    assert.equal([found?.id, found?.pid, found?.exit], ["long", pid, undefined]);
    const session = await pod.attach("long", true);
    session.stdin.write("go\n");
    assert.equal(await session.exit, { exitCode: 3, signal: 0 });
    assert.is((await pod.exitOf("long")).exitCode, 3);
  }),
);

shim(
  "names the origin of what failed, runs the postlude, and leaks no descriptor",
  withDeadline(5000, async () => {
    const before = descriptors();
    const bad = new Program("bad", 8).from("spec.workingDir").call("chdir", ["/no/such"]);
    const prelude = new Program("prelude", 8).from("prelude");
    prelude.call("openat", [K.AT_FDCWD, "/dev/null", K.O_CLOEXEC], { into: register(6) });
    const postlude = new Program("postlude", 8).from("postlude").call("close", [register(6)]);
    const error = await failure(pod.run("bad", bad, { prelude, postlude, stdin: true }));
    assert.match(messageOf(error), /^Cannot start "bad": spec\.workingDir: chdir "\/no\/such"/);
    const failing = new Program("prelude", 8).from("before").call("chdir", ["/no/such"]);
    const early = await failure(pod.run("bad", "true", { prelude: failing }));
    assert.match(messageOf(early), /^Cannot start "bad": before: chdir/);
    const late = new Program("postlude", 8).from("after").call("chdir", ["/no/such"]);
    const undone = await failure(pod.run("bad", "sleep 1000", { postlude: late }));
    assert.match(messageOf(undone), /^Cannot start "bad": after: chdir/);
    const empty = await failure(pod.run("bad", new Program("empty", 8)));
    assert.match(messageOf(empty), /without starting anything/);
    const gone = await failure(pod.run("bad", "true", { target: "nobody" }));
    assert.ok(isPodError(gone, "NotFound"));
    const log = { path: "/no/such/log", maxBytes: 0, maxFiles: 1 };
    assert.match(messageOf(await failure(pod.run("bad", "true", { log }))), /log file/);
    assert.equal(await pod.client.list(), []);
    assert.equal(descriptors(), before);
    await pod.run("good", "exit 5");
    assert.is((await pod.exitOf("good")).exitCode, 5);
    await pod.client.forget("good");
    assert.equal(descriptors(), before);
  }),
);

shim(
  "leaves nothing of a shim that could not be started",
  withDeadline(5000, async () => {
    const folder = `${pod.base}/failed`;
    mkdirSync(folder, { mode: 0o700 });
    const failure = (): Promise<string> =>
      launchShim({
        podUid: "failed",
        folder,
        cloneFlags: K.CLONE_NEWNS,
        prepare: (program) => program.from("spec.hostname").call("chdir", ["/no/such"]),
      }).then(() => "", String);
    assert.match(await failure(), /Cannot start the shim of pod failed: spec\.hostname: chdir/);
    assert.equal(readdirSync(folder), []);
    // Records that a former shim left there are not its own to remove.
    mkdirSync(`${folder}/exits`);
    writeFileSync(`${folder}/exits/web`, "");
    assert.match(await failure(), /spec\.hostname/);
    assert.equal(readdirSync(folder), ["exits"]);
  }),
);

shim(
  "gives a process clean signals, no extra descriptor, and the pod's host name",
  withDeadline(5000, async () => {
    await pod.run("look", "hostname; ls /proc/self/fd | wc -l");
    await pod.exitOf("look");
    // The fourth descriptor is the one with which ls reads the folder.
    assert.equal(output("look"), "shim-test\n4\n");
    // Without a shell, which changes some of its signals.
    await pod.run("signals", busybox(["grep", "-E", "Sig(Blk|Ign|Cgt)", "/proc/self/status"]));
    await pod.exitOf("signals");
    const none = "0".repeat(16);
    assert.is(output("signals"), `SigBlk:\t${none}\nSigIgn:\t${none}\nSigCgt:\t${none}\n`);
  }),
);

shim(
  "starts a thousand processes and gets every status right",
  withDeadline(30_000, async () => {
    const begin = performance.now();
    for (let i = 0; i < 1000; i += 20) {
      const batch = Array.from({ length: 20 }, (_, k) => i + k);
      await Promise.all(
        batch.map(async (number) => {
          const id = `p${number}`;
          await pod.run(id, exits(number % 256), {
            log: { path: "/dev/null", maxBytes: 0, maxFiles: 1 },
          });
          assert.is((await pod.exitOf(id)).exitCode, number % 256);
          await pod.client.forget(id);
        }),
      );
    }
    process.stdout.write(`1000 starts: ${(performance.now() - begin).toFixed(0)} ms\n`);
    assert.equal(await pod.client.list(), []);
  }),
);

shim(
  "lists more processes than fit into one answer",
  withDeadline(10_000, async () => {
    for (let number = 0; number < 70; number++) await pod.run(`p${number}`, exits(0));
    for (let number = 0; number < 70; number++) await pod.exitOf(`p${number}`);
    assert.is((await pod.client.list()).length, 70);
  }),
);

shim(
  "ends only when nothing runs",
  withDeadline(5000, async () => {
    await pod.run("sleeper", "exec sleep 1000");
    const error = await failure(pod.client.shutdown());
    assert.ok(isPodError(error, "FailedPrecondition"));
    process.kill(pod.pid, "SIGTERM");
    await pod.client.signal("sleeper", K.SIGKILL);
    // Told to end, it does so with the last process, after having reported it.
    await pod.untilClosed(1);
    assert.is(readExitRecords(pod.folder)[0]?.exitCode, 137);
    assert.not(existsSync(`${pod.folder}/shim.sock`));
  }),
);

shim(
  "tells by a closed connection that it was killed; the records stay",
  withDeadline(5000, async () => {
    await pod.run("done", "exit 4");
    await pod.exitOf("done");
    const orphan = await pod.run("orphan", "exec sleep 1000");
    process.kill(pod.pid, "SIGKILL");
    await pod.untilClosed(1);
    assert.equal(
      readExitRecords(pod.folder).map(({ exitCode }) => exitCode),
      [4],
    );
    assert.ok(isPodError(await failure(pod.client.list()), "Unavailable"));
    process.kill(orphan, "SIGKILL");
    // Process 1 collects it when it pleases; a zombie has no command line any more.
    await eventually("the orphan to end", 2000, () => commandLine(orphan) === "" || undefined);
  }),
);

shim(
  "collects orphans as subreaper",
  withDeadline(5000, async () => {
    await pod.run("parent", "(sleep 0.05; exit 11) & exit 6");
    assert.is((await pod.exitOf("parent")).exitCode, 6);
    await eventually("no child to be left", 3000, () =>
      readFileSync(`/proc/${pod.pid}/task/${pod.pid}/children`, "utf8") === "" ? true : undefined,
    );
  }),
);

shim(
  "shares a PID namespace whose first process is the reaper",
  withDeadline(5000, async () => {
    const { programs, cloneFlags } = compileReaper(reaperFdInShim);
    const request = { cgroup: "", tty: false, stdin: false, stdinOnce: false };
    await pod.client.start("Cannot start the reaper", {
      id: "reaper",
      programs,
      cloneFlags,
      ...request,
    });
    const prelude = new Program("join", 8).from("pid namespace");
    prelude.call("openat", [K.AT_FDCWD, "/proc/self/ns/pid", K.O_CLOEXEC], { into: register(6) });
    prelude.call("setns", [register(3), K.CLONE_NEWPID]);
    const postlude = new Program("leave", 8).from("pid namespace");
    postlude.call("setns", [register(6), K.CLONE_NEWPID], { always: true });
    postlude.call("close", [register(6)], { always: true });
    const script =
      "mount -t proc none /proc; cat /proc/1/comm; grep -E '^(Uid|CapBnd|CapEff|NoNewPrivs)' /proc/1/status; " +
      "ls /proc/1/root /proc/1/fd; (sleep 0.02 &); exit 8";
    await pod.run("member", script, {
      target: "reaper",
      cloneFlags: K.CLONE_NEWNS,
      prelude,
      postlude,
    });
    assert.is((await pod.exitOf("member")).exitCode, 8);
    const text = output("member");
    assert.match(text, /^nspod-reaper\nUid:\t65534\t65534\t65534\t65534\n/);
    assert.match(text, /CapEff:\t0{16}\nCapBnd:\t0{16}\nNoNewPrivs:\t1\n/);
    assert.match(text, /\/proc\/1\/fd:\n\n/);
    assert.match(text, /\/proc\/1\/root:\n$/m);
    assert.is((await pod.client.list()).find(({ id }) => id === "reaper")?.exit, undefined);
  }),
);

shim(
  "cannot be overwritten through /proc, and costs less than 1 MiB",
  withDeadline(5000, async () => {
    await pod.run("idle", "echo hello; exec sleep 1000");
    assert.not(canWrite(`/proc/${pod.pid}/exe`));
    process.stdout.write(
      `idle shim: PSS ${pod.memoryKb("Pss")} kB, Rss ${pod.memoryKb("Rss")} kB\n`,
    );
    assert.ok(pod.memoryKb("Pss") < 1024);
  }),
);

shim.run();

function exits(status: number): Program {
  return shell(`exit ${status}`);
}

/** What a process wrote, without the heads of the log's lines. */
function output(id: string): string {
  return readFileSync(pod.logPath(id), "utf8").replace(/^.{40}/gm, "");
}

function commandLine(pid: number): string {
  const path = `/proc/${pid}/cmdline`;
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function descriptors(): string[] {
  return readdirSync(`/proc/${pod.pid}/fd`).sort();
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("Expected a failure");
}
