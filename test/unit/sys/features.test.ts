import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { gatherFacts, judgeMachine, type MachineFacts } from "../../../src/sys/features.ts";
import { parseMountinfo } from "../../../src/sys/mountinfo.ts";

const unified =
  "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:2 / /sys/fs/cgroup rw - cgroup2 none rw\n";
const hybrid = [
  "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
  "2 1 0:2 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
  "3 1 0:3 / /sys/fs/cgroup/unified rw - cgroup2 none rw",
].join("\n");

const works = {
  namespaces: undefined,
  overlay: undefined,
  links: undefined,
  nftables: undefined,
  seccomp: undefined,
  devicePolicy: undefined,
};

const healthy: MachineFacts = {
  kernel: "6.12.5-amd64",
  mounts: parseMountinfo(unified),
  controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids"],
  effectiveCapabilities: (1n << 41n) - 1n,
  seccompActions: ["kill", "errno", "allow"],
  inotifyInstances: 128,
  inotifyWatches: 65_536,
  forwardsIpv4: true,
  maxUserNamespaces: 15_000,
  securityModules: ["apparmor"],
  enforcesSelinux: false,
  stateFolder: "/var/lib",
  freeBytes: 50e9,
  freeFiles: 1e6,
  totalFiles: 2e6,
  hasIsal: true,
  nativeProblem: undefined,
  probes: works,
};

const judge = suite("judgeMachine()");

function wrong(change: Partial<MachineFacts>): readonly string[] {
  return judgeMachine({ ...healthy, ...change })
    .filter(({ state }) => state !== "good")
    .map(({ name, state, finding, remedy }) => `${state} ${name}: ${finding}: ${remedy ?? ""}`);
}

judge("finds nothing wrong with a healthy machine", () => {
  assert.equal(wrong({}), []);
});

judge("says what unpacks gzip, and that both will do", () => {
  const gzip = (hasIsal: boolean): string | undefined =>
    judgeMachine({ ...healthy, hasIsal }).find(({ name }) => name === "gzip")?.finding;
  assert.is(gzip(true), "unpacked by ISA-L");
  assert.match(gzip(false) ?? "", /unpacked by zlib; with libisal-dev/);
  assert.equal(wrong({ hasIsal: false }), []);
});

judge("names the boot option where cgroup v1 holds the controllers", () => {
  const [line = "", ...others] = wrong({
    mounts: parseMountinfo(hybrid),
    controllers: ["hugetlb"],
  });
  assert.equal(others, []);
  assert.match(line, /^weak Cgroup controllers: cpu, memory, pids not available/);
  assert.match(line, "systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all");
});

judge("refuses an old kernel, a missing cgroup v2 and one that is read-only", () => {
  assert.match(wrong({ kernel: "5.14.9" })[0] ?? "", /^missing Kernel/);
  const [weak, ...others] = wrong({ kernel: "5.15.0-generic" });
  assert.match(
    weak ?? "",
    /^weak User namespaces: Linux 5\.15\.0-generic cannot run pods with hostUsers/,
  );
  assert.equal(others, []);
  assert.match(wrong({ mounts: [] })[0] ?? "", /^missing Cgroup v2: not mounted/);
  const readOnly = parseMountinfo(unified.replace("/sys/fs/cgroup rw", "/sys/fs/cgroup ro"));
  assert.match(wrong({ mounts: readOnly })[0] ?? "", "remount,rw /sys/fs/cgroup");
});

judge("says when the kernel makes no user namespaces", () => {
  assert.equal(wrong({ maxUserNamespaces: 0 }), [
    'weak User namespaces: the kernel makes none: pods with hostUsers: false cannot start: "sysctl user.max_user_namespaces=15000"',
  ]);
});

judge("names missing capabilities; without CAP_SYS_RESOURCE pods still run", () => {
  assert.match(
    wrong({ effectiveCapabilities: 0n })[0] ?? "",
    /^missing .*CAP_SYS_ADMIN, CAP_NET_ADMIN/,
  );
  assert.match(
    wrong({ effectiveCapabilities: healthy.effectiveCapabilities ^ (1n << 24n) })[0] ?? "",
    /^weak /,
  );
});

judge("passes on why a probe failed, with the remedy", () => {
  const probes = { ...works, nftables: 'Cannot load "libnftables.so.1"', seccomp: "not there" };
  const lines = wrong({ probes });
  assert.match(
    lines[0] ?? "",
    'missing nftables: Cannot load "libnftables.so.1": "apt install libnftables1"',
  );
  assert.match(lines[1] ?? "", "apt install libseccomp2");
});

judge("tells a missing C core from a missing kernel feature", () => {
  const lines = wrong({ nativeProblem: 'run "make"', probes: undefined });
  assert.match(lines[0] ?? "", 'C core: run "make"');
  assert.ok(lines.slice(1).every((line) => line.includes("not tried")));
});

judge("warns of few watches, a full disk and SELinux", () => {
  assert.match(wrong({ inotifyWatches: 100 })[0] ?? "", /^weak inotify/);
  assert.match(wrong({ freeBytes: 1e6 })[0] ?? "", /^weak Disk space/);
  assert.match(wrong({ freeFiles: 10 })[0] ?? "", /^weak Disk space/);
  assert.equal(wrong({ freeFiles: 0, totalFiles: 0 }), []);
  assert.match(wrong({ enforcesSelinux: true })[0] ?? "", /^weak Security modules/);
});

judge.run();

const gather = suite("gatherFacts()");

gather("reads this machine without leaving anything behind", () => {
  const folder = mkdtempSync(join(tmpdir(), "nspod-facts-"));
  try {
    const facts = gatherFacts({ root: join(folder, "not/yet/there") });
    assert.is(facts.stateFolder, folder);
    assert.ok(facts.freeBytes > 0);
    assert.ok(facts.mounts.length > 0);
    assert.equal(readdirSync(folder), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

gather.run();
