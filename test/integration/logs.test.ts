// Promise: `nspod logs` gives back every byte that a container wrote, of this attempt or the one
// before, from the beginning, the end, a time on, or as it comes.
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { NSPOD } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";

requires("root");

const { test, run } = podSuite("logs", "busybox");

const logs = (pods: Pods, ...args: readonly string[]): Promise<string> =>
  pods.instance.must(["logs", ...args]);

/** SHA-256 of what `nspod logs` writes, which may be no text. */
async function sumOfLogs(pods: Pods, words: string): Promise<string> {
  const { env } = pods.instance;
  const { stdout } = await runCommand("sh", ["-c", `"${NSPOD}" logs ${words} | sha256sum`], {
    env,
  });
  return stdout.split(" ")[0] ?? "";
}

const sumOf = (content: Uint8Array | string): string =>
  createHash("sha256").update(content).digest("hex");

test("--tail counts lines from the end, --limit-bytes bytes from the beginning", async (pods) => {
  await pods.ended("counted", {
    containers: [shell("main", "for i in 1 2 3 4 5; do echo $i; done")],
  });
  assert.is(await logs(pods, "counted"), "1\n2\n3\n4\n5\n");
  assert.is(await logs(pods, "counted", "--tail", "2"), "4\n5\n");
  assert.is(await logs(pods, "counted", "--tail", "0"), "");
  assert.is(await logs(pods, "counted", "--tail", "-1"), "1\n2\n3\n4\n5\n");
  assert.is(await logs(pods, "counted", "--limit-bytes", "3"), "1\n2");
});

test("--timestamps begins each line with its time; --since-time and --since go by it", async (pods) => {
  await pods.up("timed", {
    containers: [shell("main", "echo old; sleep 0.2; echo new; exec sleep infinity")],
  });
  await pods.untilLogged("timed", "main", "new");
  const rows = (await logs(pods, "timed", "--timestamps")).trimEnd().split("\n");
  const times = rows.map(
    (row) => /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (old|new)$/.exec(row)?.[1],
  );
  const [first = "", second = ""] = times;
  assert.ok(first < second, rows.join("\n"));
  assert.is(await logs(pods, "timed", "--since-time", second), "new\n");
  assert.is(await logs(pods, "timed", "--since", "1h"), "old\nnew\n");
  await eventually("the lines to be older than a second", 10_000, async () =>
    (await logs(pods, "timed", "--since", "1s")) === "" ? true : undefined,
  );
  await pods.delete("timed");
});

test("-f shows lines as they come and ends with the container", async (pods) => {
  const script = 'echo begin; while read word; do echo "$word"; [ "$word" = end ] && exit; done';
  await pods.createFrom(
    podOf("followed", { containers: [shell("main", script, { stdin: true })] }),
  );
  await pods.untilLogged("followed", "main", "begin");
  const { env } = pods.instance;
  await using follow = new LiveCommand(NSPOD, ["logs", "-f", "followed"], { env });
  await follow.says(/^begin\n$/);
  await using tail = new LiveCommand(NSPOD, ["logs", "-f", "--tail", "0", "followed"], { env });
  await using attach = new LiveCommand(NSPOD, ["attach", "-i", "followed"], { env });
  attach.write("one\n");
  await follow.says(/^begin\none\n$/);
  attach.write("end\n");
  assert.is(await follow.exit(), 0);
  assert.is(await tail.exit(), 0);
  assert.is(follow.stdout, "begin\none\nend\n");
  assert.ok(follow.stdout.endsWith(tail.stdout), "only what came after it began");
});

test("--previous is the attempt before; without one that is said", async (pods) => {
  const script =
    'n=$(cat /n/n 2>/dev/null); echo attempt $n; echo second > /n/n; [ -n "$n" ] && exec sleep infinity; exit 1';
  await pods.create("again", {
    restartPolicy: "Always",
    volumes: [{ name: "n", emptyDir: {} }],
    containers: [shell("main", script, { volumeMounts: [{ name: "n", mountPath: "/n" }] })],
  });
  await pods.until("again", "the restart", (pod) => {
    const { restartCount, state } = statusOf(pod, "main");
    return restartCount === 1 && !!state?.running;
  });
  await pods.untilLogged("again", "main", "attempt second");
  assert.is(await logs(pods, "again"), "attempt second\n");
  assert.is(await logs(pods, "again", "--previous"), "attempt\n");
  await pods.delete("again");
  await pods.up("fresh", { containers: [sleeper("main")] });
  const none = await pods.instance.nspod(["logs", "fresh", "-p"]);
  assert.is(none.code, 1);
  assert.match(none.stderr, 'previous terminated container "main" in pod "fresh" not found');
  await pods.delete("fresh");
});

test("--all-containers takes init containers too, --prefix names each line's source", async (pods) => {
  await pods.ended("several", {
    initContainers: [shell("first", "echo prepared")],
    containers: [shell("one", "echo from one"), shell("two", "echo from two")],
  });
  assert.is(await logs(pods, "several", "--all-containers"), "prepared\nfrom one\nfrom two\n");
  assert.is(
    await logs(pods, "several", "--all-containers", "--prefix"),
    "[pod/several/first] prepared\n[pod/several/one] from one\n[pod/several/two] from two\n",
  );
  assert.is(await logs(pods, "several", "-c", "two"), "from two\n");
  assert.is(await logs(pods, "several", "two"), "from two\n");
  const unnamed = await pods.instance.nspod(["logs", "several"]);
  assert.is(unnamed.stdout, "from one\n");
  assert.match(unnamed.stderr, 'Defaulted container "one" out of: one, two, first (init)');
  const unknown = await pods.instance.nspod(["logs", "several", "-c", "three"]);
  assert.is(unknown.code, 1);
  assert.match(unknown.stderr, /three/);
});

test("long lines, lines without an end and bytes that are no text come back as they were", async (pods) => {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const octal = [...everyByte].map((byte) => `\\0${byte.toString(8).padStart(3, "0")}`).join("");
  await pods.ended("bytes", {
    containers: [
      shell("long", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo next"),
      shell("open", "echo line; printf 'no end'"),
      shell("binary", `printf '%b' '${octal}'; echo`),
      shell("empty", "true"),
    ],
  });
  const long = await logs(pods, "bytes", "-c", "long");
  assert.is(long, `${"x".repeat(100_000)}\nnext\n`);
  const stamped = await logs(pods, "bytes", "-c", "long", "--timestamps");
  assert.is(stamped.split("\n").length, 3, "one time for a line in pieces");
  assert.is(await logs(pods, "bytes", "-c", "long", "--tail", "1"), "next\n");
  assert.is(await logs(pods, "bytes", "-c", "open"), "line\nno end");
  assert.is(
    await sumOfLogs(pods, "bytes -c binary"),
    sumOf(Buffer.concat([everyByte, Buffer.from("\n")])),
  );
  assert.is(await logs(pods, "bytes", "-c", "empty"), "");
});

test("a slow reader of a pipe gets everything", async (pods) => {
  const { env } = pods.instance;
  const command = `"${NSPOD}" logs bytes -c long | { sleep 0.5; wc -c; }`;
  const { stdout } = await runCommand("sh", ["-c", command], { env });
  assert.is(stdout.trim(), "100006");
});

test("stdout and stderr are both there", async (pods) => {
  await pods.ended("streams", { containers: [shell("main", "echo out; sleep 0.1; echo err >&2")] });
  assert.is(await logs(pods, "streams"), "out\nerr\n");
});

test("a log of more than 10 MiB is rotated and comes back whole, also to those who follow", async (pods) => {
  const lines = 14_000;
  const line = "x".repeat(999);
  const script = `read go; yes ${line} | head -n ${lines}; echo end`;
  const pod = await pods.up("rotated", { containers: [shell("main", script, { stdin: true })] });
  const { env } = pods.instance;
  const follow = runCommand("sh", ["-c", `"${NSPOD}" logs -f rotated | sha256sum`], {
    env,
    timeoutMs: 60_000,
  });
  await using attach = new LiveCommand(NSPOD, ["attach", "-i", "rotated"], { env });
  attach.write("go\n");
  await pods.untilEnded("rotated", 60_000);
  const expected = sumOf(`${`${line}\n`.repeat(lines)}end\n`);
  assert.is(await sumOfLogs(pods, "rotated"), expected, "afterwards");
  assert.is((await follow).stdout.split(" ")[0], expected, "followed");
  const folder = join(pods.instance.root, "pods", pod.metadata.uid);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  assert.ok(files.filter((name) => /\.log(\.\d+)?$/.test(name)).length >= 2, files.join(" "));
  assert.is(await logs(pods, "rotated", "--tail", "1"), "end\n");
}, 90_000);

test("what has not started has no log yet, and says what it waits for", async (pods) => {
  await pods.create("unstarted", { containers: [{ name: "main", image: "no-such-image" }] });
  await pods.until(
    "unstarted",
    "the reason",
    (pod) => !!statusOf(pod, "main").state?.waiting?.message,
  );
  const early = await pods.instance.nspod(["logs", "unstarted"]);
  assert.is(early.code, 1);
  assert.match(
    early.stderr,
    /container "main" in pod "unstarted" is waiting to start: ErrImagePull/,
  );
  await pods.delete("unstarted");
});

run();
