// Promise: `nspod exec` runs a command in a container as if it were here: its exit code, its
// streams, a terminal when asked for; with no more rights than the container has. `attach` joins the
// streams of the container itself.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { podsPath } from "../../src/cli/context.ts";
import { runRemoteSession } from "../../src/cli/remote-session.ts";
import type { Container, SecurityContext } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { NSPOD } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";

requires("root", "tool:script", "tool:stty");

const { test, run } = podSuite("exec and attach", "testbox");

const image = "nspod/testbox";

test("ends with the exit code of the command", async (pods) => {
  await pods.up("box", { containers: [sleeper("one", { image }), sleeper("two", { image })] });
  const codes: readonly (readonly [readonly string[], number])[] = [
    [["true"], 0],
    [["false"], 1],
    [["sh", "-c", "exit 42"], 42],
    [["sh", "-c", "kill -9 $$"], 137],
    [["sh", "-c", "kill $$"], 143],
    [["/etc/passwd"], 126],
    [["no-such-command"], 127],
    [["/no/such/command"], 127],
  ];
  for (const [command, code] of codes) {
    const result = await pods.instance.nspod(["exec", "box", "--", ...command]);
    assert.is(result.code, code, `${command.join(" ")}: ${result.stderr}`);
    if (code === 126 || code === 127) assert.match(result.stderr, `"${command[0]}"`);
  }
});

test("keeps stdout and stderr apart, and says which container it took", async (pods) => {
  const result = await pods.exec("box", "echo out; echo err >&2");
  assert.is(result.stdout, "out\n");
  assert.match(result.stderr, "err\n");
  assert.match(result.stderr, /Defaulted container "one" out of: one, two/);
});

test("reaches each container; an unknown one is refused with the names there are", async (pods) => {
  for (const container of ["one", "two"]) {
    await pods.ask("box", `echo ${container} > /tmp/name`, container);
  }
  for (const container of ["one", "two"]) {
    assert.is(await pods.ask("box", "cat /tmp/name", container), container);
  }
  const unknown = await pods.exec("box", "true", { container: "three" });
  assert.is(unknown.code, 1);
  assert.match(unknown.stderr, /three.*one.*two/);
});

test("passes 5 MB of any bytes through unchanged, both ways at once", async (pods) => {
  const bytes = randomBytes(5 * 1024 * 1024);
  const file = join(pods.instance.base, "bytes");
  await writeFile(file, bytes);
  const command = `"${NSPOD}" exec -i box -c one -- sh -c 'tee /tmp/copy' < "${file}" | sha256sum`;
  const { stdout } = await runCommand("sh", ["-c", command], { env: pods.instance.env });
  const sum = createHash("sha256").update(bytes).digest("hex");
  assert.is(stdout.split(" ")[0], sum);
  assert.is((await pods.ask("box", "sha256sum < /tmp/copy", "one")).split(" ")[0], sum);
});

test("without -i the command's input is empty", async (pods) => {
  const { stdout, code } = await pods.instance.nspod(["exec", "box", "--", "wc", "-c"], {
    input: "lost",
  });
  assert.is(stdout.trim(), "0");
  assert.is(code, 0);
});

test("fifty at once all give their own output and exit code", async (pods) => {
  const runs = Array.from({ length: 50 }, async (_, index) => {
    let output = "";
    const sink = {
      write: (chunk: Uint8Array) => {
        output += Buffer.from(chunk).toString();
        return true;
      },
      once: () => undefined,
    };
    const command = ["sh", "-c", `echo number ${index}; exit ${index}`];
    const query = { container: "one", command, stdout: true, stderr: true };
    const streams = { stdout: sink, stderr: sink };
    const path = podsPath("default", "box", "exec");
    const code = await runRemoteSession(pods.client, path, query, streams);
    return { code, output };
  });
  const expected = runs.map((_, index) => ({ code: index, output: `number ${index}\n` }));
  assert.equal(await Promise.all(runs), expected);
  assert.is((await pods.pids("box", "one")).length, 2, "nothing of them is left in the container");
}, 60_000);

// What confines a process, as /proc/PID/status says it.
const confinement = [
  "Umask",
  "Uid",
  "Gid",
  "Groups",
  "SigBlk",
  "SigIgn",
  "CapInh",
  "CapPrm",
  "CapEff",
  "CapBnd",
  "CapAmb",
  "NoNewPrivs",
  "Seccomp",
  "Seccomp_filters",
  "Cpus_allowed",
];

function confinementOf(status: string): readonly string[] {
  return status.split("\n").filter((row) => confinement.includes(row.split(":")[0] ?? ""));
}

/** No shell: that would change how its process treats signals. */
function still(name: string, securityContext: SecurityContext): Container {
  return { name, image, command: ["sleep", "1000"], securityContext };
}

test("has the sandbox of the container: user, rights, filters, namespaces, cgroup", async (pods) => {
  await pods.up("confined", {
    securityContext: { runAsUser: 1234, runAsGroup: 2345, supplementalGroups: [3456] },
    containers: [
      still("user", {}),
      still("root", { runAsUser: 0 }),
      still("privileged", { runAsUser: 0, privileged: true }),
    ],
  });
  for (const container of ["user", "root", "privileged"]) {
    await using live = new LiveCommand(
      NSPOD,
      ["exec", "-i", "confined", "-c", container, "--", "cat"],
      { env: pods.instance.env },
    );
    live.write("here\n");
    await live.says(/here/);
    const pids = await pods.pids("confined", container);
    const first = pids[0];
    const last = pids.find((pid) => readFileSync(`/proc/${pid}/comm`, "utf8") === "cat\n");
    const read = (file: string) =>
      [first, last].map((pid) => readFileSync(`/proc/${pid}/${file}`, "utf8"));
    const [init = "", exec = ""] = read("status");
    assert.is(confinementOf(init).length, confinement.length);
    assert.equal(confinementOf(exec), confinementOf(init), container);
    for (const file of ["cgroup", "limits", "oom_score_adj", "mountinfo", "loginuid"]) {
      const [ofInit, ofExec] = read(file);
      assert.is(ofExec, ofInit, file);
    }
    for (const kind of ["net", "ipc", "uts", "pid", "mnt", "cgroup", "user"]) {
      const [ofInit, ofExec] = [first, last].map((pid) => readlinkSync(`/proc/${pid}/ns/${kind}`));
      assert.is(ofExec, ofInit, kind);
    }
    live.end();
    assert.is(await live.exit(), 0);
  }
  await pods.delete("confined");
});

test("has the container's environment and working directory", async (pods) => {
  await pods.up("place", {
    containers: [
      sleeper("main", { image, workingDir: "/srv/work", env: [{ name: "WORD", value: "here" }] }),
    ],
  });
  assert.is(await pods.ask("place", "pwd; echo $WORD $HOSTNAME $TERM"), "/srv/work\nhere place");
  await pods.delete("place");
});

/** nspod under a terminal of its own, made by script(1), of 100 columns and 40 rows. */
function underTerminal(pods: Pods, words: string): LiveCommand {
  const inner = `tty; stty cols 100 rows 40; exec "${NSPOD}" ${words}`;
  return new LiveCommand("script", ["-qec", inner, "/dev/null"], { env: pods.instance.env });
}

test("-it gives the command a terminal of our size, which follows a resize", async (pods) => {
  await using live = underTerminal(pods, "exec -it box -c one -- testbox ttycheck watch");
  await live.says(/size=100x40/);
  for (const fact of [
    "fd0=/dev/pts/0",
    "fd1=/dev/pts/0",
    "fd2=/dev/pts/0",
    "controlling=yes",
    "session_leader=yes",
    "foreground=yes",
  ]) {
    assert.match(live.stdout, fact);
  }
  const terminal = /^\/dev\/pts\/\d+/.exec(live.stdout)?.[0] ?? "";
  await runCommand("stty", ["-F", terminal, "cols", "120", "rows", "50"]);
  await live.says(/size=120x50/);
  live.write("\x03");
  assert.is(await live.exit(), 130, "Ctrl-C goes to the command");
});

test("-it passes keys raw: Ctrl-C is the command's, and its exit code is ours", async (pods) => {
  const script = `trap "echo interrupted; exit 9" INT; echo up; read line; echo "line $line"; read more`;
  await using live = underTerminal(pods, `exec -it box -c one -- sh -c '${script}'`);
  await live.says(/up/);
  live.write("typed\r");
  await live.says(/line typed/);
  live.write("\x03");
  assert.is(await live.exit(), 9);
  assert.match(live.stdout, "interrupted");
});

test("-t without a terminal says so and goes on without", async (pods) => {
  const result = await pods.instance.nspod([
    "exec",
    "-it",
    "box",
    "-c",
    "one",
    "--",
    "testbox",
    "ttycheck",
  ]);
  assert.is(result.code, 0);
  assert.match(result.stderr, "Unable to use a TTY");
  assert.match(result.stdout, "fd0=none");
});

test("a command ends when the client goes away", async (pods) => {
  const before = (await pods.pids("box", "one")).length;
  const live = new LiveCommand(NSPOD, ["exec", "-i", "box", "-c", "one", "--", "cat"], {
    env: pods.instance.env,
  });
  live.write("here\n");
  await live.says(/here/);
  assert.is((await pods.pids("box", "one")).length, before + 1);
  await live[Symbol.asyncDispose]();
  await eventually("the command to end", 10_000, async () =>
    (await pods.pids("box", "one")).length === before ? true : undefined,
  );
});

test("attach sends input and shows output; its exit code is the container's", async (pods) => {
  const script = 'while read word; do echo "got $word"; [ "$word" = quit ] && exit 4; done';
  await pods.createFrom(
    podOf("talk", { containers: [shell("main", script, { image, stdin: true })] }),
  );
  await pods.until("talk", "the container", (pod) => !!statusOf(pod, "main").state?.running);
  await using live = new LiveCommand(NSPOD, ["attach", "-i", "talk"], { env: pods.instance.env });
  live.write("one\n");
  await live.says(/got one/);
  await using watcher = new LiveCommand(NSPOD, ["attach", "talk"], { env: pods.instance.env });
  live.write("quit\n");
  assert.is(await live.exit(), 4);
  assert.is(await pods.log("talk"), "got one\ngot quit\n");
  assert.ok([1, 4].includes(await watcher.exit()), "it came just before the end or too late");
});

test("attach -it to a container with a terminal; Ctrl-P Ctrl-Q leaves it running", async (pods) => {
  const script = 'while read word; do echo "got $word"; done';
  await pods.up("term", { containers: [shell("main", script, { image, stdin: true, tty: true })] });
  await using live = underTerminal(pods, "attach -it term");
  await live.says(/Ctrl-P Ctrl-Q detaches/);
  live.write("word\r");
  await live.says(/got word/);
  live.write("\x10\x11");
  assert.is(await live.exit(), 0);
  assert.ok(statusOf(await pods.get("term"), "main").state?.running);
  await pods.delete("term");
});

test("attach -i to a container without stdin is refused", async (pods) => {
  const refused = await pods.instance.nspod(["attach", "-i", "box", "-c", "one"]);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, "takes no input");
});

test("exec into what does not run is refused", async (pods) => {
  await pods.ended("over", { containers: [shell("main", "true", { image })] });
  const over = await pods.exec("over", "true");
  assert.is(over.code, 1);
  assert.match(over.stderr, 'container "main" in pod "over" is not running');
  const missing = await pods.exec("nobody", "true");
  assert.is(missing.code, 1);
  assert.match(missing.stderr, 'pods "nobody" not found');
});

run();
