// Promise: the first command starts the daemon, there is never a second one, stopping it stops no
// pod, and nobody gets more of it than its socket (security: NODE-06, E "Directories", R7).
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { type Instance, NSPOD, testImage } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { daemonPid } from "../support/manifest.ts";
import { Pods, shell, sleeper, statusOf } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const life = suite("the life of the daemon");

/** A test with an instance of its own. (What a hook throws, uvu would hide.) */
function check(name: string, body: (instance: Instance, pods: Pods) => Promise<void>): void {
  life(
    name,
    withDeadline(100_000, async () => {
      const pods = await Pods.start();
      try {
        await body(pods.instance, pods);
      } finally {
        await pods.close();
      }
    }),
  );
}

const daemons = ({ run }: Instance): number[] => pidsWith("dist/daemon.", run);

async function untilGone(pid: number): Promise<void> {
  await eventually("the end of the daemon", 20_000, () =>
    existsSync(`/proc/${pid}`) ? undefined : true,
  );
}

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

check("the first command starts it, and the next ones use it", async (instance) => {
  assert.equal(daemons(instance), []);
  await instance.must(["get", "pods"]);
  const [pid, ...others] = daemons(instance);
  assert.equal(others, []);
  assert.is(await daemonPid(instance), pid);
  assert.is(await daemonPid(instance), pid);
});

check("commands that begin at once start one daemon", async (instance) => {
  const found = await Promise.all([1, 2, 3, 4].map(() => daemonPid(instance)));
  assert.is(new Set(found).size, 1);
  // Those that came second end by themselves.
  await eventually("one daemon", 20_000, () => (daemons(instance).length === 1 ? true : undefined));
  assert.equal(daemons(instance), found.slice(0, 1));
});

check("a second one in the foreground says who is there", async (instance) => {
  await using first = new LiveCommand(NSPOD, ["daemon"], { env: instance.env });
  await first.says(/Listening/, { on: "stderr" });
  assert.is(await daemonPid(instance), first.pid);
  const flags = readFileSync(`/proc/${first.pid}/cmdline`, "utf8");
  assert.match(flags, "--max-semi-space-size", "the flags of one that a command starts");
  const second = await instance.nspod(["daemon"]);
  assert.is(second.code, 1);
  const lines = second.stderr.trim().split("\n");
  assert.is(lines.length, 1);
  assert.match(lines[0] ?? "", `Another daemon (pid ${first.pid}) holds `);
  const elsewhere = await instance.nspod(["--run", join(instance.base, "other"), "daemon"]);
  assert.is(elsewhere.code, 1);
  assert.match(elsewhere.stderr, `Another daemon (pid ${first.pid}) holds `);
  assert.is(await daemonPid(instance), first.pid);
  first.signal("SIGINT");
  assert.is(await first.exit(), 0);
});

check("SIGTERM ends it and no pod, and the next one goes on with them", async (instance, pods) => {
  await instance.must(["image", "load", testImage("busybox")]);
  const counter = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done";
  await pods.up("kept", {
    containers: [
      sleeper("quiet"),
      shell("counter", counter),
      shell("short", "until [ -e /end ]; do sleep 0.05; done; exit 7"),
    ],
  });
  const before = await pods.get("kept");
  const pids = await pods.pids("kept", "quiet");
  const short = await pods.pids("kept", "short");
  const daemon = await daemonPid(instance);
  process.kill(daemon, "SIGTERM");
  await untilGone(daemon);
  for (const pid of pids) assert.ok(existsSync(`/proc/${pid}`), "the container runs on");
  // One ends while nobody looks: its shim keeps what it came to.
  await runCommand("nsenter", ["-t", String(short[0]), "-m", "-r", "/bin/touch", "/end"]);
  await eventually("the end of the container", 10_000, () =>
    existsSync(`/proc/${short[0]}`) ? undefined : true,
  );
  assert.equal(daemons(instance), []);
  await instance.must(["get", "pods"]);
  assert.is.not(await daemonPid(instance), daemon);
  const after = await pods.until(
    "kept",
    "the exit code",
    (pod) => statusOf(pod, "short").state?.terminated?.exitCode === 7,
  );
  assert.is(after.status?.podIP, before.status?.podIP);
  assert.equal(statusOf(after, "quiet"), statusOf(before, "quiet"));
  assert.equal(await pods.pids("kept", "quiet"), pids);
  const lines = (await pods.log("kept", "counter")).trim().split("\n");
  assert.equal(
    lines,
    lines.map((_, index) => `line ${index + 1}`),
  );
  assert.is(await pods.ask("kept", "echo here", "quiet"), "here");
  await pods.delete("kept");
});

check("SIGUSR1 opens no debugger, SIGHUP ends nothing", async (instance) => {
  const pid = await daemonPid(instance);
  const sockets = (): string[] =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)].filter((link) => link.startsWith("socket:"));
      } catch {
        // ENOENT: closed meanwhile.
        return [];
      }
    });
  // Inodes of TCP sockets that listen (state 0A) where debuggers do, on port 9229; the daemon's own
  // listener answers for the names of the cluster.
  const listening = (): string[] =>
    ["tcp", "tcp6"].flatMap((name) => {
      const path = `/proc/${pid}/net/${name}`;
      const rows = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").slice(1) : [];
      const words = rows.map((row) => row.trim().split(/\s+/));
      const isDebugger = (word: readonly string[]): boolean =>
        word[3] === "0A" && word[1]?.endsWith(":240D") === true;
      return words.filter(isDebugger).map((word) => `socket:[${word[9]}]`);
    });
  for (const signal of ["SIGUSR1", "SIGHUP", "SIGUSR1"] as const) {
    process.kill(pid, signal);
    // The next answer comes after the signal was handled.
    assert.is(await daemonPid(instance), pid);
  }
  assert.equal(
    sockets().filter((socket) => listening().includes(socket)),
    [],
  );
  assert.not.match(readFileSync(join(instance.run, "daemon.log"), "utf8"), /Debugger listening/);
});

check(
  "its folders and its socket are root's, also when they were wider",
  async (instance, pods) => {
    mkdirSync(instance.root, { mode: 0o755 });
    mkdirSync(instance.run, { mode: 0o777 });
    chmodSync(instance.run, 0o777);
    await instance.must(["image", "load", testImage("busybox")]);
    const { metadata } = await pods.up("web", { containers: [sleeper("web")] });
    const expected: Readonly<Record<string, string>> = {
      [instance.root]: "700",
      [instance.run]: "711",
      [join(instance.run, "nspod.sock")]: "600",
      [join(instance.run, "pods", metadata.uid)]: "700",
      [join(instance.run, "pods", metadata.uid, "shim.sock")]: "600",
      [join(instance.root, "nspod.db")]: "600",
      [join(instance.root, "pods", metadata.uid)]: "700",
    };
    const found = Object.fromEntries(Object.keys(expected).map((path) => [path, modeOf(path)]));
    assert.equal(found, expected);
    const other = await runCommand("setpriv", [
      ...["--reuid=65534", "--regid=65534", "--clear-groups"],
      ...["ls", instance.root, join(instance.run, "pods", metadata.uid)],
    ]);
    assert.is.not(other.code, 0);
    assert.is(other.stdout, "");
    await pods.delete("web");
  },
);

check("no thread of it ever leaves the host's namespaces", async (instance, pods) => {
  await instance.must(["image", "load", testImage("busybox")]);
  const containers = [sleeper("a"), sleeper("b")];
  await pods.up("own", { containers });
  await pods.up("shared", { shareProcessNamespace: true, containers });
  await pods.ask("own", "true");
  await pods.ask("shared", "true");
  const pid = await daemonPid(instance);
  const threads = readdirSync(`/proc/${pid}/task`);
  assert.ok(threads.length > 1);
  for (const name of readdirSync("/proc/self/ns")) {
    const host = readlinkSync(`/proc/self/ns/${name}`);
    for (const thread of threads) {
      assert.is(readlinkSync(`/proc/${pid}/task/${thread}/ns/${name}`), host, name);
    }
  }
  await pods.delete("own", "shared");
});

life.run();
