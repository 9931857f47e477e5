// Promise: what a hostile program in a container does to the runtime, to other pods and to the machine
// comes to nothing, while commands join its container (security: ESC-01, ESC-03, ESC-05, ESC-08, ESC-22,
// NODE-07, PRV-01, PRV-08).
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import type { PodSpec } from "../../src/spec/pod.ts";
import { nativePath } from "../../src/sys/native-path.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods, shell } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("a hostile program", "testbox");

const image = "nspod/testbox";
const still = { image, command: ["sleep", "1000"] };

function attack(name: string, ...words: readonly string[]): ReturnType<typeof shell> {
  return { name, image, command: ["attack", ...words] };
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Processes of the instance that are ours, by a word of their command line. */
function ours(pods: Pods): { readonly pid: number; readonly text: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const text = readFileSync(`/proc/${name}/cmdline`, "latin1");
        const environment = readFileSync(`/proc/${name}/environ`, "latin1");
        const isOurs = `${text} ${environment}`.includes(`${pods.instance.base}/`);
        return isOurs ? [{ pid: Number(name), text }] : [];
      } catch {
        // ENOENT, ESRCH: it has ended.
        return [];
      }
    });
}

/** Daemon and shims, without commands that begin or end just now. */
function programsOf(pods: Pods): ReturnType<typeof ours> {
  return ours(pods).filter(({ text }) => /^nspod-shim\0|\/daemon\.cjs\0/.test(text));
}

/** Pods whose programs must not reach a process before it is theirs. */
const hunted: Readonly<Record<string, PodSpec>> = {
  plain: { containers: [{ name: "main", ...still }] },
  mapped: {
    hostUsers: false,
    containers: [
      { name: "main", ...still, securityContext: { capabilities: { add: ["SYS_PTRACE"] } } },
    ],
  },
};

test("traces and overwrites nothing but the programs of its container while commands join it", async (all) => {
  const programs = ["nspod-shim", "nspod-reaper", "nspod-copy", "libnspod.so"].map(nativePath);
  const before = programs.map(digest);
  const names = Object.keys(hunted);
  await Promise.all(Object.entries(hunted).map(([name, spec]) => all.up(name, spec)));
  const attackers = names.flatMap((name) =>
    ["trace", "exes"].map((kind) => all.exec(name, `exec attack ${kind} 5`)),
  );
  const end = performance.now() + 4500;
  while (performance.now() < end) {
    const codes = await Promise.all(
      [...names, ...names].map((name) => all.exec(name, "true", { container: "main" })),
    );
    assert.equal([...new Set(codes.map(({ code }) => code))], [0]);
  }
  const said = (await Promise.all(attackers)).map(({ stdout }) => stdout);
  for (const text of said) {
    assert.match(text, /^tried=[1-9]/m);
    assert.not.match(text, /^opened (?!\/bin\/)/m);
    // A process of the container may trace its neighbours, once they are programs of the container; what
    // ends has no program and, a moment later, no root.
    const traced = [...text.matchAll(/^traced (.*)$/gm)].map(([, words = ""]) => words);
    assert.equal(
      traced.filter((words) => !/^(?:\/bin\/\w+ | )\/?$/.test(words)),
      [],
    );
  }
  assert.equal(programs.map(digest), before);
  await all.delete(...names);
});

test("gets with CAP_SYS_PTRACE over the host what it will be anyway, and nothing of the runtime", async (pods) => {
  const word = `planted-${process.pid}`;
  const securityContext = { capabilities: { add: ["SYS_PTRACE"] } };
  await pods.up("tracer", {
    containers: [
      { name: "main", ...still, securityContext },
      { name: "neighbour", ...still, env: [{ name: "SECRET", value: word }] },
    ],
  });
  // What the shim has read of the neighbour lies in its memory.
  assert.is((await pods.exec("tracer", "true", { container: "neighbour" })).code, 0);
  const hijacked: string[] = [];
  for (let round = 0; round < 10 && hijacked.length === 0; round++) {
    const attacker = pods.exec("tracer", `exec attack hijack 2 ${word}`, { container: "main" });
    const end = performance.now() + 1500;
    while (performance.now() < end) {
      const joined = await Promise.all(
        ["exec true", "exec true", "exec true"].map((script) =>
          pods.exec("tracer", script, { container: "main" }),
        ),
      );
      // Broken ones end by a signal, the others well; the shim answers for each.
      for (const { code } of joined) assert.ok([0, 132, 139].includes(code), `exit code ${code}`);
    }
    hijacked.push(...((await attacker).stdout.match(/^hijacked .*$/gm) ?? []));
  }
  // A moment that is met by luck; without it nothing would have been tried.
  assert.ok(hijacked.length > 0);
  const own = await pods.ask(
    "tracer",
    "grep -E '^(Uid|CapPrm|NoNewPrivs|Seccomp):' /proc/self/status",
  );
  for (const line of hijacked) {
    const [, root, status, rest] = /root: (\S+) (.*) fds: (.*)$/.exec(line) ?? [];
    assert.is(root, "/");
    assert.is(status, own.trim().split("\n").join(" "));
    assert.is(rest, "0 1 2 words: 0 broken: yes");
  }
  // The shim's memory and the other container are as they were.
  assert.is((await pods.ask("tracer", "echo fine", "neighbour")).trim(), "fine");
  await pods.delete("tracer");
}, 90_000);

test("comes to its own root by a second chroot, and opens nothing by handle", async (pods) => {
  const root = "ls / | sort | tr '\\n' ' '";
  const script = `${root}; attack chroot | sort | tr '\\n' ' '; attack handle`;
  const text = await pods.output("chroot", {
    containers: [{ name: "main", image, command: ["sh", "-c", script] }],
  });
  const names = text
    .slice(0, text.length / 2)
    .split(" ")
    .filter(Boolean);
  assert.ok(names.includes("proc"));
  const all = text.split(/\s+/).filter((word) => word !== "");
  const handle = all.splice(-2);
  assert.equal(handle, ["open_by_handle_at", "EPERM"]);
  assert.equal(all.slice(all.length / 2), all.slice(0, all.length / 2));
});

test("gains no user by a set-user-id program, unless the pod allows it", async (pods) => {
  // As root: a program that would make root of whoever runs it; then as somebody else.
  const script = `cp /bin/testbox /tmp/attack && chmod 4755 /tmp/attack
    exec su app -c '/tmp/attack users'`;
  const container = (name: string, allowPrivilegeEscalation: boolean) => ({
    ...{ name, image, command: ["sh", "-c", script] },
    securityContext: { allowPrivilegeEscalation },
  });
  await pods.ended("setuid", { containers: [container("no", false), container("yes", true)] });
  assert.is(await pods.log("setuid", "no"), "users 1000 1000 1000\n");
  assert.is(await pods.log("setuid", "yes"), "users 1000 0 0\n");
});

test("sees no process of another pod, and none of the host", async (pods) => {
  await pods.up("victim", { containers: [{ name: "main", ...still }] });
  const [victim = 0] = await pods.pids("victim", "main");
  const [shim] = programsOf(pods).filter(({ text }) => text.startsWith("nspod-shim"));
  assert.ok(shim, "there is a shim");
  const text = await pods.output("neighbour", {
    containers: [attack("main", "seize", String(victim), String(shim?.pid))],
  });
  assert.equal(text.trim().split("\n"), [`${victim} ESRCH ENOENT`, `${shim?.pid} ESRCH ENOENT`]);
  await pods.delete("victim");
});

test("in the host's namespaces traces nothing of ours, and finds no secret and no socket", async (pods) => {
  const secret = `planted-${process.pid}-secret`;
  await pods.createObject({
    ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "planted" } },
    ...{ stringData: { key: secret } },
  } as { kind: string });
  const env = [
    { name: "PLAIN", value: secret },
    { name: "KEY", valueFrom: { secretKeyRef: { name: "planted", key: "key" } } },
  ];
  await pods.up("victim", { containers: [{ name: "main", ...still, env }] });
  await pods.ask("victim", "true");
  const own = programsOf(pods);
  assert.ok(own.length >= 2, "a daemon and a shim");
  const pids = own.map(({ pid }) => String(pid));
  const script = `attack seize ${pids.join(" ")}
    cat ${pids.map((pid) => `/proc/${pid}/cmdline`).join(" ")} | tr '\\0' ' '; echo
    echo sockets; cat /proc/net/unix`;
  const text = await pods.output("guest", {
    hostPID: true,
    hostNetwork: true,
    containers: [{ name: "main", image, command: ["sh", "-c", script] }],
  });
  for (const pid of pids) assert.match(text, new RegExp(`^${pid} EPERM (EACCES|EPERM)$`, "m"));
  assert.not.match(text, secret);
  // Abstract sockets of the network namespace; those of the test's own slots are no part of nspod.
  const names = text.slice(text.indexOf("sockets")).match(/@\S*nspod\S*/g) ?? [];
  assert.equal(
    names.filter((name) => !name.startsWith("@nspod-test-slot")),
    [],
  );
  await pods.delete("victim");
});

test("finds no core file of daemon or shim, which may hold secrets", async (pods) => {
  await pods.up("cores", { containers: [{ name: "main", ...still }] });
  const own = programsOf(pods);
  assert.ok(own.length >= 2, "a daemon and a shim");
  for (const { pid, text } of own) {
    assert.match(readFileSync(`/proc/${pid}/limits`, "utf8"), /^Max core file size +0 /m, text);
  }
  await pods.delete("cores");
});

run();
