// Promise: the filter that the kernel holds for a process of a container, its first one, one of exec and
// one of a probe, answers every system call as the table says (security: KRN-05, KRN-07, KRN-08, ESC-06).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { K } from "../../src/sys/abi.ts";
import { run as runProgram } from "../../src/sys/ffi.ts";
import { Program } from "../../src/sys/program.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { shell } from "../support/pods.ts";
import { cgroup2MountPoint, requires } from "../support/requires.ts";
import { differencesOf } from "../support/seccomp-outcomes.ts";
import { judgeCall } from "../unit/sys/classic-bpf.ts";

// ptrace(2): the kernel keeps the program as it was installed.
requires("root", "arch:x64");

const { test, run } = podSuite("the filter that the kernel holds", "busybox");

// ptrace.h
const seize = 0x4206;
const interrupt = 0x4207;
const getFilter = 0x420c;
const detach = 17;
const wall = 0x4000_0000;

/** The only filter of a process, by ptrace; the process goes on afterwards. */
function filterOf(pid: number): Buffer {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  assert.match(status, /^Seccomp:\t2$/m);
  assert.match(status, /^Seccomp_filters:\t1$/m);
  const program = new Program("filter of a process");
  const length = program.allocate();
  const filter = program.buffer(8 * 4096);
  program.call("ptrace", [seize, pid, 0, 0]).call("ptrace", [interrupt, pid, 0, 0]);
  program.call("wait4", [pid, 0, wall, 0]);
  program.call("ptrace", [getFilter, pid, 0, filter], { into: length });
  program.call("ptrace", [detach, pid, 0, 0]);
  const done = runProgram("Cannot read a filter", program);
  const count = Number(done.registers[length.number]);
  return Buffer.from(program.bytesOf(done.encoded, filter)).subarray(0, 8 * count);
}

/** The pid on the host of a process of a container, by a word of its command line. */
async function pidOf(cgroup: string, word: string): Promise<number> {
  return await eventually(`"${word}" to run`, 10_000, () => {
    // Hooks and probes have cgroups of their own below that of the container.
    const folders = ["", ...readdirSync(cgroup).filter((name) => name.startsWith("command-"))];
    const lists = folders.map((name) => readFileSync(join(cgroup, name, "cgroup.procs"), "utf8"));
    const pids = lists.join("").split("\n").filter(Boolean).map(Number);
    return pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word));
  });
}

test("answers as the table says, for the first process, an exec and a probe", async (pods) => {
  const probe = { exec: { command: ["sleep", "1001"] }, periodSeconds: 1, timeoutSeconds: 60 };
  const { metadata } = await pods.up("filters", {
    containers: [
      shell("root", "exec sleep 1000", { readinessProbe: probe }),
      shell("user", "exec sleep 1000", {
        securityContext: { runAsUser: 1000, allowPrivilegeEscalation: true },
      }),
    ],
  });
  const exec = pods.exec("filters", "exec sleep 1002", { container: "root" });
  const cgroup = `${cgroup2MountPoint()}${pods.instance.cgroup}/pod${metadata.uid}`;
  const words = [
    ["root", "1000"],
    ["user", "1000"],
    ["root", "1001"],
    ["root", "1002"],
  ] as const;
  for (const [container, word] of words) {
    const filter = filterOf(await pidOf(join(cgroup, container), word));
    assert.equal(differencesOf(filter), [], `${container} ${word}`);
    for (const family of [38n, 40n, (1n << 32n) | 38n]) {
      const call = { arch: K.AUDIT_ARCH_X86_64, number: 41, arguments: [family] };
      assert.is(judgeCall(filter, call), "errno 1", `socket(${family})`);
    }
  }
  await pods.delete("filters");
  await exec;
});

run();
