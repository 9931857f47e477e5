// Promise: the containers of a pod share one network, one set of IPC objects and one host name, and
// with shareProcessNamespace their processes; nobody else sees any of it unless the manifest says so.
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import * as assert from "uvu/assert";
import type { Container, PodSpec } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("namespaces of a pod", "testbox");

const kinds = ["net", "ipc", "uts", "pid", "mnt"] as const;
type Kind = (typeof kinds)[number];

const box = (name: string): Container => sleeper(name, { image: "nspod/testbox" });
const pair: PodSpec = { containers: [box("one"), box("two")] };

/** The namespaces of a container's first process, as the host sees them. */
async function namespaces(
  pods: Pods,
  pod: string,
  container: string,
): Promise<Readonly<Record<Kind, string>>> {
  const [pid] = await pods.pids(pod, container);
  return Object.fromEntries(
    kinds.map((kind) => [kind, readlinkSync(`/proc/${pid}/ns/${kind}`)]),
  ) as Record<Kind, string>;
}

/** PIDs of the first processes of containers in the output of `ps -o pid,args`. */
function sleepers(processes: string): readonly string[] {
  const rows = processes.split("\n").filter((row) => row.includes("sleep infinity & wait"));
  return rows.map((row) => row.trim().split(" ")[0] ?? "");
}

const own = (kind: Kind): string => readlinkSync(`/proc/self/ns/${kind}`);

test("two containers share network, IPC and host name, and not their processes", async (pods) => {
  await pods.up("pair", pair);
  const [one, two] = [await namespaces(pods, "pair", "one"), await namespaces(pods, "pair", "two")];
  for (const kind of ["net", "ipc", "uts"] as const) {
    assert.is(one[kind], two[kind], kind);
    assert.is.not(one[kind], own(kind), kind);
  }
  for (const kind of ["pid", "mnt"] as const) {
    assert.is.not(one[kind], two[kind], kind);
    assert.is.not(one[kind], own(kind), kind);
  }
  assert.is(sleepers(await pods.ask("pair", "ps -o pid,args", "one")).length, 1);
  assert.is(await pods.ask("pair", "hostname", "two"), "pair");
});

test("one address: what one container serves on localhost the other one fetches", async (pods) => {
  const { status } = await pods.get("pair");
  await pods.ask("pair", "echo served > /tmp/index.html; httpd -p 127.0.0.1:8080 -h /tmp", "one");
  assert.is(await pods.ask("pair", "wget -qO- http://localhost:8080/", "two"), "served");
  const addresses = await Promise.all(
    ["one", "two"].map((name) =>
      pods.ask("pair", "ip -4 -o addr show eth0 | awk '{print $4}'", name),
    ),
  );
  assert.equal(
    addresses.map((each) => each.replace(/\/\d+$/, "")),
    [status?.podIP, status?.podIP],
  );
});

const objects = [
  ["msg", "77"],
  ["sem", "78"],
  ["shm", "79"],
  ["posix-shm", "/nspod-test"],
  ["posix-mq", "/nspod-test"],
] as const;

test("System V and POSIX IPC objects reach the other container, no other pod and not the host", async (pods) => {
  await pods.up("stranger", { containers: [box("one")] });
  const hostBefore = readFileSync("/proc/sysvipc/msg", "utf8");
  for (const [kind, name] of objects) {
    await pods.ask("pair", `testbox ipc ${kind} put ${name} 42`, "one");
    const strange = await pods.exec("stranger", `testbox ipc ${kind} get ${name}`);
    assert.is(strange.stdout.trimEnd(), "error=ENOENT", `${kind} of another pod`);
    assert.is(await pods.ask("pair", `testbox ipc ${kind} get ${name}`, "two"), "42", kind);
  }
  assert.is(readFileSync("/proc/sysvipc/msg", "utf8"), hostBefore);
  await pods.delete("stranger", "pair");
});

test("shareProcessNamespace: one view of all processes, and PID 1 reaps orphans", async (pods) => {
  await pods.up("shared", { ...pair, shareProcessNamespace: true });
  const [one, two] = [
    await namespaces(pods, "shared", "one"),
    await namespaces(pods, "shared", "two"),
  ];
  assert.is(one.pid, two.pid);
  assert.is.not(one.mnt, two.mnt);
  const processes = await pods.ask("shared", "ps -o pid,args", "one");
  assert.is(sleepers(processes).length, 2);
  const init = await pods.ask("shared", "tr '\\0' ' ' < /proc/1/cmdline", "one");
  assert.not.match(init, "sleep", "PID 1 is no container");
  // The door to the host's files that a privileged PID 1 would be.
  const root = await pods.exec("shared", "ls -A /proc/1/root/ 2>&1");
  assert.not.match(root.stdout, /etc|usr/);
  // An orphan is adopted by PID 1; when it has ended nobody may be left as a zombie.
  const orphan = await pods.ask("shared", "(sleep 0.2 >/dev/null 2>&1 & echo $!)", "two");
  await eventually("the orphan to be reaped", 10_000, async () => {
    const { code } = await pods.exec("shared", `test -e /proc/${orphan}`);
    return code === 1 ? true : undefined;
  });
  const zombies = await pods.ask("shared", "grep -l '^State:.Z' /proc/[0-9]*/status || true");
  assert.is(zombies, "");
  // A signal across containers is what sidecars use it for.
  await pods.ask("shared", `kill -TERM ${sleepers(processes)[0]}`, "two");
  await pods.until("shared", "one container to end", (pod) =>
    ["one", "two"].some((name) => statusOf(pod, name).state?.terminated?.exitCode === 0),
  );
  await pods.delete("shared");
}, 60_000);

test("shareProcessNamespace with SYS_PTRACE: /proc is the pod's for containers and commands", async (pods) => {
  const securityContext = { capabilities: { add: ["SYS_PTRACE"] } };
  const containers = pair.containers.map((each) => ({ ...each, securityContext }));
  await pods.up("traced", { ...pair, containers, shareProcessNamespace: true });
  for (const name of ["one", "two"]) {
    // Three of the containers and this one.
    const seen = await pods.ask("traced", "ls -d /proc/[0-9]* | wc -l", name);
    assert.ok(Number(seen) < 10, `${seen} processes`);
    assert.is(await pods.ask("traced", "test -e /proc/$$/exe && echo own", name), "own");
  }
  await pods.delete("traced");
});

test("hostNetwork, hostPID and hostIPC are the host's, and only what is asked for", async (pods) => {
  const ask: Readonly<Record<string, PodSpec>> = {
    net: { ...pair, hostNetwork: true },
    pid: { ...pair, hostPID: true },
    ipc: { ...pair, hostIPC: true },
  };
  for (const [kind, spec] of Object.entries(ask)) {
    const name = `host-${kind}`;
    const pod = await pods.up(name, spec);
    const seen = await namespaces(pods, name, "one");
    for (const each of ["net", "pid", "ipc"] as const) {
      if (each === kind) assert.is(seen[each], own(each), `${name} has the host's ${each}`);
      else assert.is.not(seen[each], own(each), `${name} has its own ${each}`);
    }
    assert.is.not(seen.mnt, own("mnt"));
    if (kind === "net") {
      assert.is(pod.status?.podIP, pod.status?.hostIP);
      assert.is(
        await pods.ask(name, "hostname"),
        hostname(),
        "the host's name goes with its network",
      );
    }
    if (kind === "pid") {
      assert.is(
        await pods.ask(name, `cat /proc/${process.pid}/comm`),
        readFileSync("/proc/self/comm", "utf8").trimEnd(),
      );
    }
    await pods.delete(name);
  }
});

test("hostIPC: System V objects of the host are there", async (pods) => {
  await pods.up("host-objects", { ...pair, hostIPC: true });
  const made = execFileSync("ipcmk", ["-Q"], { encoding: "utf8" });
  const id = /: (\d+)/.exec(made)?.[1] ?? "";
  try {
    const rows = await pods.ask("host-objects", "awk '{print $2}' /proc/sysvipc/msg");
    assert.ok(rows.split("\n").includes(id));
  } finally {
    execFileSync("ipcrm", ["-q", id]);
  }
  await pods.delete("host-objects");
});

run();
