// Promise: no byte of a container's output is lost, and nobody who listens can hold it up.
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type LogLine, readLogs } from "../../src/shim/logs.ts";
import { K } from "../../src/sys/abi.ts";
import { eventually } from "../support/eventually.ts";
import { cgroup2MountPoint, requires } from "../support/requires.ts";
import {
  busybox,
  execTerminalPrelude,
  ShimPod,
  shell,
  terminalPrelude,
} from "../support/shim-pod.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "file:/bin/busybox");

const streams = suite("shim streams");
let pod: ShimPod;

streams.before.each(async () => {
  pod = await ShimPod.start();
});
streams.after.each(async () => {
  await pod.close();
});

streams(
  "the log keeps every byte, long lines in parts, and an end without a newline",
  withDeadline(5000, async () => {
    const everyByte = Array.from(
      { length: 256 },
      (_, byte) => `\\${byte.toString(8).padStart(3, "0")}`,
    ).join("");
    const long = "x".repeat(100_000);
    await pod.run("bytes", `printf '${everyByte}'; printf '\\n\\n'; printf '%s\\nend' ${long}`);
    await pod.exitOf("bytes");
    const lines = await collect(readLogs(pod.logPath("bytes"), {}));
    const want = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      Buffer.from(`\n\n${long}\nend`),
    ]);
    assert.ok(want.equals(joined(lines)));
    assert.ok(lines.every(({ content }) => content.length <= 16 * 1024));
    assert.is(lines.at(-1)?.partial, true);
  }),
);

streams(
  "stdout and stderr keep their own order, also when their lines are in pieces",
  withDeadline(5000, async () => {
    const script =
      "for i in 1 2 3; do printf o$i; printf e$i >&2; printf 'O\\n'; printf 'E\\n' >&2; done";
    await pod.run("both", script);
    await pod.exitOf("both");
    const lines = await collect(readLogs(pod.logPath("both"), {}));
    const of = (stream: string): string =>
      joined(lines.filter((line) => line.stream === stream)).toString();
    assert.is(of("stdout"), "o1O\no2O\no3O\n");
    assert.is(of("stderr"), "e1E\ne2E\ne3E\n");
  }),
);

streams(
  "rotates 100 MB without losing a line, and a follower sees each once",
  withDeadline(30_000, async () => {
    const count = 2_000_000;
    const log = { path: pod.logPath("seq"), maxBytes: 16 << 20, maxFiles: 10 };
    const begin = performance.now();
    await pod.run("seq", busybox(["seq", "1", String(count)]), { log });
    await pod.exitOf("seq");
    process.stdout.write(`${count} lines: ${(performance.now() - begin).toFixed(0)} ms\n`);
    const names = readdirSync(pod.base).filter((name) => name.startsWith("seq.log"));
    const numbers = names.map((name) => Number(name.slice("seq.log.".length) || "0"));
    assert.equal(
      numbers.sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5],
    );
    let next = 1;
    for (const number of numbers.reverse()) {
      const path = number === 0 ? log.path : `${log.path}.${number}`;
      const content = readFileSync(path);
      assert.ok(content.length <= log.maxBytes);
      for (let at = 0; at < content.length; next++) {
        const end = content.indexOf(10, at);
        if (content.toString("latin1", at + 40, end) !== String(next))
          assert.unreachable(`line ${next}`);
        at = end + 1;
      }
    }
    assert.is(next, count + 1);
  }),
);

streams(
  "keeps at most maxFiles files",
  withDeadline(5000, async () => {
    const log = { path: pod.logPath("few"), maxBytes: 100_000, maxFiles: 3 };
    const done = followed(log.path);
    await pod.run("few", busybox(["seq", "1", "100000"]), { log });
    await pod.exitOf("few");
    const names = readdirSync(pod.base).filter((name) => name.startsWith("few.log"));
    assert.equal(names.sort(), ["few.log", "few.log.1", "few.log.2"]);
    const tail = await collect(readLogs(log.path, { tailLines: 3 }));
    assert.equal(
      tail.map(({ content }) => content.toString()),
      ["99998", "99999", "100000"],
    );
    done.stop();
    // It may have been too slow for a file that is gone by now, but it is never out of order.
    const seen = (await done.lines).map(({ content }) => Number(content.toString()));
    assert.is(seen.at(-1), 100_000);
    assert.ok(seen.every((number, index) => index === 0 || number > (seen[index - 1] ?? 0)));
  }),
);

streams(
  "a follower hears lines as they come, through rotations, until the container is finished",
  withDeadline(10_000, async () => {
    const log = { path: pod.logPath("talk"), maxBytes: 2000, maxFiles: 50 };
    const done = followed(log.path);
    await pod.run("talk", "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done", { log });
    await pod.exitOf("talk");
    done.stop();
    const seen = (await done.lines).map(({ content }) => Number(content.toString()));
    assert.equal(
      seen,
      Array.from({ length: 300 }, (_, number) => number),
    );
  }),
);

streams(
  "a full disk costs lines of the log, never the container",
  withDeadline(10_000, async () => {
    await pod.run("full", "seq 1 100000; exit 3", {
      log: { path: "/dev/full", maxBytes: 0, maxFiles: 1 },
    });
    assert.is((await pod.exitOf("full")).exitCode, 3);
    const [found] = await pod.client.list();
    assert.ok((found?.logDroppedBytes ?? 0) > 588_895);
  }),
);

streams(
  "exec carries 10 MB both ways",
  withDeadline(20_000, async () => {
    const session = await pod.exec("cat", "cat; echo done >&2; exit 12", { stdin: true });
    const content = randomBytes(10 << 20);
    const begin = performance.now();
    session.stdin.end(content);
    const [stdout, stderr] = await Promise.all([buffer(session.stdout), text(session.stderr)]);
    process.stdout.write(`10 MB both ways: ${(performance.now() - begin).toFixed(0)} ms\n`);
    assert.is(digest(stdout), digest(content));
    assert.is(stderr, "done\n");
    assert.equal(await session.exit, { exitCode: 12, signal: 0 });
  }),
);

streams(
  "a slow reader of an exec holds the process back, and the shim's memory stays small",
  withDeadline(10_000, async () => {
    const session = await pod.exec("yes", "exec yes");
    session.stderr.resume();
    await once(session.stdout, "readable");
    const [pid] = pod.children();
    const written = await eventually("the process to block", 3000, async () => {
      const before = bytesWritten(pid);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return before > 0 && bytesWritten(pid) === before ? before : undefined;
    });
    assert.ok(written < 4 << 20);
    assert.ok(pod.memoryKb("Rss") < 2048);
    session.close();
    // Its output is thrown away now, so that it can go on.
    await eventually(
      "the process to go on",
      3000,
      () => bytesWritten(pid) > written + (1 << 20) || undefined,
    );
    await pod.client.signal("yes", K.SIGKILL);
    await eventually("the process to end", 3000, () => pod.children().length === 0 || undefined);
  }),
);

streams(
  "exec without stdin reads nothing; a client that goes closes stdin",
  withDeadline(5000, async () => {
    const empty = await pod.exec("empty", "wc -c");
    assert.is(await text(empty.stdout), "0\n");
    const session = await pod.exec("left", `cat >/dev/null; echo gone > ${pod.base}/left`, {
      stdin: true,
    });
    session.stdin.write("x");
    session.close();
    const read = (): string => readFileSync(join(pod.base, "left"), "utf8");
    assert.is(await eventually("the end of stdin", 3000, () => read() || undefined), "gone\n");
    let isRejected = false;
    await session.exit.catch(() => {
      isRejected = true;
    });
    assert.ok(isRejected);
  }),
);

streams(
  "an exec ends with its process, even when a descendant keeps its output open",
  withDeadline(5000, async () => {
    const session = await pod.exec("parent", "sleep 1000 & echo $!; exit 2");
    const child = Number(await text(session.stdout));
    assert.equal(await session.exit, { exitCode: 2, signal: 0 });
    process.kill(child, "SIGKILL");
    await eventually(
      "the child to be collected",
      3000,
      () => pod.children().length === 0 || undefined,
    );
  }),
);

streams(
  "attach hears the output from now on, and stdinOnce ends stdin with the first client",
  withDeadline(5000, async () => {
    await pod.run("cat", "echo early; cat; exit 4", { stdin: true, stdinOnce: true });
    await eventually(
      "the first line",
      3000,
      () => readFileSync(pod.logPath("cat"), "utf8") || undefined,
    );
    const watcher = await pod.attach("cat");
    const typist = await pod.attach("cat", true);
    typist.stdin.end("typed\n");
    assert.is(await text(watcher.stdout), "typed\n");
    assert.equal(await watcher.exit, { exitCode: 4, signal: 0 });
    assert.equal(await typist.exit, { exitCode: 4, signal: 0 });
    assert.match(readFileSync(pod.logPath("cat"), "utf8"), /F early\n.*F typed\n$/);
  }),
);

streams(
  "stdin without stdinOnce stays open when a client goes",
  withDeadline(5000, async () => {
    await pod.run("cat", "read a; read b; echo $a$b", { stdin: true });
    const first = await pod.attach("cat", true);
    first.stdin.end("one\n");
    await new Promise((resolve) => first.stdin.once("finish", resolve));
    const second = await pod.attach("cat", true);
    second.stdin.end("two\n");
    assert.is(await text(second.stdout), "onetwo\n");
  }),
);

streams(
  "a client of attach that does not read is dropped; the container goes on",
  withDeadline(20_000, async () => {
    const log = { path: pod.logPath("loud"), maxBytes: 1 << 20, maxFiles: 2 };
    await pod.run("loud", "read x; seq 1 1000000; exit 5", { stdin: true, log });
    const slow = await pod.attach("loud", true);
    slow.stdin.write("go\n");
    assert.is((await pod.exitOf("loud")).exitCode, 5);
    slow.stdout.resume();
    slow.stderr.resume();
    await slow.exit.then(
      () => assert.unreachable("it was not dropped"),
      () => undefined,
    );
  }),
);

streams(
  "a terminal has a size, is the log, and is shared with an exec",
  withDeadline(5000, async () => {
    const script = "trap 'stty size; exit 7' WINCH; tty; read line; while :; do sleep 0.02; done";
    const tty = { tty: true, stdin: true, prelude: terminalPrelude() };
    await pod.run("term", shell(script, { tty: true }), tty);
    const exec = await pod.exec("inner", "", {
      tty: true,
      stdin: true,
      target: "term",
      programs: {
        prelude: execTerminalPrelude(),
        program: shell("read size; stty size; cat", { tty: true }),
      },
    });
    exec.resize(132, 43);
    exec.stdin.end("now\n");
    assert.match(await text(exec.stdout), /now\r\n43 132\r\n/);
    assert.equal(await exec.exit, { exitCode: 0, signal: 0 });
    const session = await pod.attach("term", true);
    session.stdin.write("start\n");
    await once(session.stdout, "readable");
    session.resize(101, 41);
    assert.match(await text(session.stdout), /41 101\r\n$/);
    assert.equal(await session.exit, { exitCode: 7, signal: 0 });
    assert.match(readFileSync(pod.logPath("term"), "utf8"), /stdout F 41 101\r\n$/);
  }),
);

streams(
  "the terminal of an exec is hung up when its client goes",
  withDeadline(5000, async () => {
    await pod.run("term", shell("sleep 1000", { tty: true }), {
      tty: true,
      prelude: terminalPrelude(),
    });
    const script = `trap 'echo hup > ${pod.base}/hup; exit' HUP; while :; do sleep 0.02; done`;
    const session = await pod.exec("inner", "", {
      tty: true,
      stdin: true,
      target: "term",
      programs: { prelude: execTerminalPrelude(), program: shell(script, { tty: true }) },
    });
    // The shell has set its trap when it echoes nothing more and sleeps for the first time.
    const inner = pod.children()[1] ?? 0;
    const path = `/proc/${inner}/task/${inner}/children`;
    await eventually("the loop", 3000, () => readFileSync(path, "utf8") || undefined);
    session.close();
    const read = (): string => readFileSync(join(pod.base, "hup"), "utf8");
    assert.is(await eventually("the hang-up", 3000, () => read() || undefined), "hup\n");
  }),
);

streams(
  "starts a process in its cgroup",
  withDeadline(5000, async () => {
    const mountPoint = cgroup2MountPoint();
    if (mountPoint === undefined) throw new Error("No cgroup2 is mounted");
    const cgroup = join(mountPoint, `nspod-shim-${process.pid}`);
    mkdirSync(cgroup);
    try {
      await pod.run("in", busybox(["cat", "/proc/self/cgroup"]), { cgroup });
      await pod.exitOf("in");
      assert.match(readFileSync(pod.logPath("in"), "utf8"), `F 0::/nspod-shim-${process.pid}\n`);
    } finally {
      rmdirSync(cgroup);
    }
  }),
);

streams(
  "an exec that ended while we still wrote to it gives its output and exit code",
  withDeadline(5000, async () => {
    const session = await pod.exec("late", "echo said; exit 7", { stdin: true });
    const [output, exit] = [text(session.stdout), session.exit];
    // The event loop stands still until the shim has sent everything.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    session.stdin.end("too late");
    assert.equal(await exit, { exitCode: 7, signal: 0 });
    assert.is(await output, "said\n");
  }),
);

streams.run();

async function collect(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

function joined(lines: readonly LogLine[]): Buffer {
  const newline = Buffer.from("\n");
  return Buffer.concat(
    lines.flatMap((line) => (line.partial ? [line.content] : [line.content, newline])),
  );
}

/** Follows a log from its beginning; `stop` says that its container is finished. */
function followed(path: string): { lines: Promise<LogLine[]>; stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { lines: collect(readLogs(path, { follow: true, until: promise })), stop: resolve };
}

function digest(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

async function once(stream: Readable, event: string): Promise<void> {
  await new Promise<void>((resolve) => stream.once(event, () => resolve()));
}

function bytesWritten(pid: number | undefined): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}
