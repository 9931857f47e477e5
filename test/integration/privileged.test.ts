// Promise: privileged changes the lines of security: B7 and none of the others. Every line is
// asked both ways: the same script runs in a plain and in a privileged container of one pod.
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import * as assert from "uvu/assert";
import type { Container } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("privileged containers", "testbox");

const kinds = ["plain", "privileged"] as const;
type Kind = (typeof kinds)[number];

function box(kind: Kind, script: string, extras: Container["securityContext"] = {}): Container {
  const securityContext = { ...extras, privileged: kind === "privileged" };
  return {
    name: kind,
    image: "nspod/testbox",
    command: ["sh", "-c", script],
    securityContext,
  };
}

let count = 0;

/** What a script says in a plain and in a privileged container. */
async function both(
  pods: Pods,
  script: string,
  extras?: Container["securityContext"],
): Promise<Readonly<Record<Kind, string>>> {
  count += 1;
  const name = `both-${count}`;
  const containers = kinds.map((kind) => box(kind, `exec 2>&1; ${script}; true`, extras));
  await pods.ended(name, { containers });
  const said = async (kind: Kind): Promise<string> => (await pods.log(name, kind)).trimEnd();
  return { plain: await said("plain"), privileged: await said("privileged") };
}

function hostStatus(field: string): string {
  const text = readFileSync("/proc/self/status", "utf8");
  return new RegExp(`^${field}:\\s*(.*)$`, "m").exec(text)?.[1] ?? "";
}

const refused = "Operation not permitted";
const readOnly = "Read-only file system";

/** What changes: a script, what it says plain, and what it says privileged. */
const changes: readonly (readonly [string, string, RegExp, RegExp])[] = [
  ["masked files show their content", "head -c 4 /proc/timer_list | wc -c", /^0$/, /^4$/],
  [
    "paths of /proc that are read-only can be written",
    `f=/proc/sys/net/ipv4/conf/lo/forwarding; echo 1 >$f && cat $f`,
    new RegExp(readOnly),
    /^1$/,
  ],
  [
    "/sys can be written",
    `grep ' /sys ' /proc/self/mounts | cut -d' ' -f4 | cut -d, -f1`,
    /^ro$/,
    /^rw$/,
  ],
  [
    "the container's own cgroup can be written",
    "mkdir /sys/fs/cgroup/inner && rmdir /sys/fs/cgroup/inner && echo made",
    new RegExp(readOnly),
    /^made$/,
  ],
  ["no seccomp filter", "status | sed -n 's/^Seccomp:.//p'", /^2$/, /^0$/],
  ["no no_new_privs", "status | sed -n 's/^NoNewPrivs:.//p'", /^1$/, /^0$/],
  [
    "file systems can be mounted",
    "mkdir /place; mount -t tmpfs none /place && echo mounted",
    /permission denied/,
    /^mounted$/,
  ],
  ["namespaces can be made", "unshare -m echo made", new RegExp(refused), /^made$/],
  [
    "any device can be made and opened",
    "mknod /loop b 7 0 && dd if=/loop of=/dev/null count=0 2>/dev/null && echo opened",
    new RegExp(refused),
    /^opened$/,
  ],
];

for (const [what, script, plain, privileged] of changes) {
  test(what, async (pods) => {
    const said = await both(pods, script);
    assert.match(said.plain, plain);
    assert.match(said.privileged, privileged);
  });
}

test("it has all capabilities that nspod has", async (pods) => {
  const said = await both(pods, "status | grep -E '^Cap(Prm|Eff|Bnd|Inh|Amb)'");
  const own = hostStatus("CapPrm");
  for (const name of ["CapPrm", "CapEff", "CapBnd"]) {
    assert.match(said.plain, `${name}:\t00000000800405fb`);
    assert.match(said.privileged, `${name}:\t${own}`);
  }
  for (const name of ["CapInh", "CapAmb"]) {
    assert.match(said.privileged, `${name}:\t0000000000000000`);
  }
});

test("it sees the host's devices, with their numbers and owners", async (pods) => {
  // The container has its own of these.
  const own = ["pts", "shm", "mqueue", "hugepages", "console", "ptmx", "fd"];
  const list = `find . \\( ${own.map((name) => `-path ./${name}`).join(" -o ")} \\) -prune -o \\( -type c -o -type b \\) -exec stat -c '%n %F %t:%T %u:%g' {} +`;
  const lines = (text: string): string[] => text.trim().split("\n").sort();
  const said = await both(pods, `cd /dev && ${list}`);
  const host = lines(execFileSync("sh", ["-c", `cd /dev && ${list}`], { encoding: "utf8" }));
  assert.equal(lines(said.privileged), host);
  assert.is(lines(said.plain).length, 6);
});

test("its namespaces, cgroup, user and descriptors are those of any container", async (pods) => {
  const kindsOf = ["net", "pid", "ipc", "uts", "mnt", "cgroup", "user"];
  const script = `for n in ${kindsOf.join(" ")}; do readlink /proc/self/ns/$n; done
    grep ^0: /proc/self/cgroup; id -u; ls /proc/self/fd | tr '\\n' ' '; hostname; cat /proc/self/oom_score_adj
    echo end; exec sleep 1000`;
  // Both stay until both have spoken: the kernel gives the number of a namespace that is gone to a new one.
  const containers = kinds.map((kind) => box(kind, script));
  await pods.up("together", { containers });
  for (const kind of kinds) await pods.untilLogged("together", kind, "end\n");
  const [plain, privileged] = await Promise.all(
    kinds.map(async (kind) => (await pods.log("together", kind)).split("\n")),
  );
  await pods.delete("together");
  for (const [index, name] of kindsOf.entries()) {
    const host = readlinkSync(`/proc/self/ns/${name}`);
    const isHost = name === "user";
    assert.is(privileged?.[index] === host, isHost, name);
    assert.is(plain?.[index] === host, isHost, name);
    const isShared = ["net", "ipc", "uts", "user"].includes(name);
    assert.is(plain?.[index] === privileged?.[index], isShared, name);
  }
  assert.equal(privileged?.slice(kindsOf.length), plain?.slice(kindsOf.length));
  assert.is(privileged?.[kindsOf.length], "0::/");
});

test("a read-only root stays read-only", async (pods) => {
  const said = await both(pods, "touch /new", { readOnlyRootFilesystem: true });
  assert.is(said.plain, `touch: /new: ${readOnly}`);
  assert.is(said.privileged, said.plain);
});

test("a user other than root stays without capabilities in effect", async (pods) => {
  const said = await both(pods, "id -u; status | grep -E '^Cap(Prm|Eff)'", { runAsUser: 1000 });
  assert.is(said.privileged, "1000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000");
  assert.is(said.plain, said.privileged);
});

test("it is in the pod's cgroup, and an exec is as privileged as it", async (pods) => {
  const containers = kinds.map((kind) => box(kind, "exec sleep 1000"));
  const { metadata } = await pods.up("running", { containers });
  for (const kind of kinds) {
    const [pid] = await pods.pids("running", kind);
    const cgroup = readFileSync(`/proc/${pid}/cgroup`, "utf8");
    assert.match(cgroup, `0::${pods.instance.cgroup}/pod${metadata.uid}/${kind}\n`);
    const status = await pods.ask("running", "status | grep -E '^(CapEff|Seccomp):'", kind);
    const expected =
      kind === "plain"
        ? "CapEff:\t00000000800405fb\nSeccomp:\t2"
        : `CapEff:\t${hostStatus("CapEff")}\nSeccomp:\t0`;
    assert.is(status, expected);
  }
  await pods.delete("running");
});

test("it cannot be combined with allowPrivilegeEscalation: false", async (pods) => {
  const container = box("privileged", "true", { allowPrivilegeEscalation: false });
  const text = JSON.stringify(podOf("both-ways", { containers: [container] }));
  const { code, stderr } = await pods.instance.nspod(["run", "-"], { input: text });
  assert.is(code, 1);
  assert.match(stderr, /securityContext.*allowPrivilegeEscalation.*privileged/);
});

run();
