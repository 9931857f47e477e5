// Promise: a container sees and may do what the default sandbox gives it and nothing more, told from
// inside and, where it shows there, from the host (security: B1 to B6; KRN, PRV, ESC-06).
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import type { Container, SecurityContext } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("the default sandbox", "testbox");

let count = 0;

function box(script: string, extras: Partial<Container> = {}): Container {
  return { name: "box", image: "nspod/testbox", command: ["sh", "-c", script], ...extras };
}

/** What a script says in a pod of its own; its failure is the test's. */
async function inside(pods: Pods, script: string, extras?: Partial<Container>): Promise<string> {
  count += 1;
  return (await pods.output(`box-${count}`, { containers: [box(script, extras)] })).trimEnd();
}

const secured = (securityContext: SecurityContext): Partial<Container> => ({ securityContext });

/** `Name: value` lines of /proc/PID/status. */
function statusFields(text: string): (name: string) => string | undefined {
  return (name) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1];
}

/** Bits of capability.h: CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, KILL 5, … SETFCAP 31. */
const defaultBits = [0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31];

function mask(bits: readonly number[]): string {
  const value = bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
  return value.toString(16).padStart(16, "0");
}

interface Privileges {
  readonly bounding: string;
  readonly effective: string;
  readonly noNewPrivileges: boolean;
}

function checkPrivileges(text: string, expected: Privileges): void {
  const field = statusFields(text);
  assert.is(field("CapBnd"), expected.bounding);
  assert.is(field("CapPrm"), expected.effective);
  assert.is(field("CapEff"), expected.effective);
  assert.is(field("CapInh"), mask([]));
  assert.is(field("CapAmb"), mask([]));
  assert.is(field("NoNewPrivs"), expected.noNewPrivileges ? "1" : "0");
  assert.is(field("Seccomp"), "2");
}

const plain: Privileges = {
  bounding: mask(defaultBits),
  effective: mask(defaultBits),
  noNewPrivileges: true,
};

const privileges: readonly (readonly [string, SecurityContext, Privileges])[] = [
  ["root has eleven capabilities and no way to more", {}, plain],
  [
    "a user other than root has none",
    { runAsUser: 1000, runAsGroup: 1000 },
    { ...plain, effective: mask([]) },
  ],
  [
    "allowPrivilegeEscalation lets setuid programs work",
    { allowPrivilegeEscalation: true },
    { ...plain, noNewPrivileges: false },
  ],
  [
    "a user other than root has none with allowPrivilegeEscalation either",
    { runAsUser: 1000, allowPrivilegeEscalation: true },
    { ...plain, effective: mask([]), noNewPrivileges: false },
  ],
  [
    "capabilities are added and dropped by name",
    { capabilities: { add: ["NET_RAW"], drop: ["CHOWN", "KILL"] } },
    {
      ...plain,
      bounding: mask([13, ...defaultBits.filter((bit) => bit !== 0 && bit !== 5)]),
      effective: mask([13, ...defaultBits.filter((bit) => bit !== 0 && bit !== 5)]),
    },
  ],
  [
    "dropping ALL leaves nothing",
    { capabilities: { drop: ["ALL"] } },
    { ...plain, bounding: mask([]), effective: mask([]) },
  ],
  [
    "what is added stays when ALL is dropped",
    { capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } },
    { ...plain, bounding: mask([10]), effective: mask([10]) },
  ],
];

for (const [name, securityContext, expected] of privileges) {
  test(name, async (pods) => {
    checkPrivileges(await inside(pods, "status", secured(securityContext)), expected);
  });
}

test("what tells of the host is hidden, and what steers it cannot be written", async (pods) => {
  const text = await inside(
    pods,
    `for f in kcore keys latency_stats timer_list timer_stats sched_debug interrupts; do
      [ -e /proc/$f ] && echo "masked $f $(wc -c </proc/$f)"
    done
    for d in /proc/acpi /proc/asound /proc/scsi /sys/firmware /sys/fs/selinux /sys/dev/block \\
      /sys/devices/virtual/powercap /sys/devices/system/cpu/cpu*/thermal_throttle; do
      [ -d $d ] || continue
      echo "folder $d $(ls -A $d | wc -l)"
      mkdir $d/new 2>&1 | sed 's/.*: /mkdir /'
    done
    for d in bus fs irq sys; do
      [ -d /proc/$d ] && chmod 555 /proc/$d 2>&1 | sed 's/.*: /chmod /'
    done
    find /proc/sys /proc/sysrq-trigger -type f 2>/dev/null | while read -r f; do
      echo seen; true 2>/dev/null >>"$f" && echo "writable $f"
    done | sort | uniq -c
    umount /proc/keys 2>&1
    mount -o remount,rw /sys 2>&1
    true`,
  );
  const lines = text.split("\n").map((line) => line.trim());
  const masked = lines.filter((line) => line.startsWith("masked"));
  assert.ok(masked.length >= 3, text);
  assert.ok(
    masked.every((line) => line.endsWith(" 0")),
    text,
  );
  const folders = lines.filter((line) => line.startsWith("folder"));
  assert.ok(
    folders.every((line) => line.endsWith(" 0")),
    text,
  );
  const made = lines.filter((line) => /^(mkdir|chmod)/.test(line));
  assert.ok(made.length >= folders.length + 2, text);
  assert.ok(
    made.every((line) => line.endsWith(" Read-only file system")),
    text,
  );
  assert.match(text, /^ *\d{3,} seen$/m);
  assert.not.match(text, "writable");
  assert.match(text, /umount: .*Operation not permitted|umount: .*not permitted/);
  assert.match(text, /mount: permission denied/);
});

test("/dev holds six devices and the links every program expects", async (pods) => {
  const text = await inside(
    pods,
    `cd /dev; for f in *; do stat -c '%n %F %t:%T %a' $f; done
    mknod /mem c 1 1 2>&1; exec 2>&1; head -c1 /dev/zero | wc -c; echo x >/dev/null && echo fine`,
  );
  const device = (name: string, numbers: string): string =>
    `${name} character special file ${numbers} 666`;
  assert.equal(text.split("\n"), [
    "core symbolic link 0:0 777",
    "fd symbolic link 0:0 777",
    device("full", "1:7"),
    "mqueue directory 0:0 1777",
    device("null", "1:3"),
    "ptmx symbolic link 0:0 777",
    "pts directory 0:0 755",
    device("random", "1:8"),
    "shm directory 0:0 1777",
    "stderr symbolic link 0:0 777",
    "stdin symbolic link 0:0 777",
    "stdout symbolic link 0:0 777",
    "termination-log regular empty file 0:0 666",
    device("tty", "5:0"),
    device("urandom", "1:9"),
    device("zero", "1:5"),
    "mknod: /mem: Operation not permitted",
    "1",
    "fine",
  ]);
});

test("a node of another device that a container may make cannot be opened", async (pods) => {
  const nodes = ["c 1 1", "c 1 11", "c 10 229", "c 10 200", "b 7 0", "b 8 0"];
  const text = await inside(
    pods,
    `i=0; for n in ${nodes.map((node) => `"${node}"`).join(" ")}; do
      i=$((i+1)); mknod /node$i $n && head -c1 /node$i 2>&1 | sed 's/.*: //'
    done; mknod /null c 1 3 && echo x >/null && echo fine`,
    secured({ capabilities: { add: ["MKNOD"] } }),
  );
  assert.equal(text.split("\n"), [...nodes.map(() => "Operation not permitted"), "fine"]);
});

test("the mounts are those of the list, private, and none is the host's", async (pods) => {
  const text = await inside(pods, "cat /proc/self/mountinfo");
  const rows = text.split("\n").map((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , , target = "", options = "", ...tags] = left.split(" ");
    return { target, options, tags, type: right.split(" ")[0] ?? "" };
  });
  assert.equal(
    rows.flatMap(({ tags }) => tags).filter((tag) => tag !== ""),
    [],
  );
  const disk = rows.find(({ target }) => target === "/etc/hosts")?.type ?? "";
  const restricted = "nosuid,nodev,noexec,relatime";
  const found = rows
    .filter(({ target }) => !/^\/(?:proc|sys)\/(?!fs\/cgroup)/.test(target))
    .map(({ target, type, options }) => `${target} ${type} ${options}`);
  assert.equal(found.sort(), [
    "/ overlay rw,nodev,relatime",
    "/dev tmpfs rw,nosuid,noexec",
    `/dev/mqueue mqueue rw,${restricted}`,
    "/dev/pts devpts rw,nosuid,noexec,relatime",
    `/dev/shm tmpfs rw,${restricted}`,
    `/dev/termination-log ${disk} rw,${restricted}`,
    `/etc/hostname ${disk} ro,${restricted}`,
    `/etc/hosts ${disk} rw,${restricted}`,
    `/etc/resolv.conf ${disk} ro,${restricted}`,
    `/proc proc rw,${restricted}`,
    `/sys sysfs ro,${restricted}`,
    `/sys/fs/cgroup cgroup2 ro,${restricted}`,
  ]);
  assert.not.match(text, `${pods.instance.root}/layers`);
});

test("descriptors, limits, cgroup and sysctls are the container's own", async (pods) => {
  const text = await inside(
    pods,
    `ls /proc/self/fd | tr '\\n' ' '; echo
    sed -n 's/  */ /g; /^Max \\(core\\|open\\|processes\\|locked\\)/p' /proc/self/limits
    grep ^0: /proc/self/cgroup; cat /proc/self/oom_score_adj; umask
    cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range
    echo $$ 1 | sed 's/^[0-9]* //'; ls -d /proc/[0-9]* | wc -l; echo 1 2>&1 >/sys/fs/cgroup/cgroup.procs
    df -k /dev/shm | tail -1 | sed 's/  */ /g' | cut -d' ' -f2`,
  ).catch((error: Error) => error.message);
  // 3 is the folder that ls reads.
  assert.match(text, /^0 1 2 3 $/m);
  assert.match(text, /^Max core file size 0 0 bytes/m);
  assert.match(text, /^Max open files 1024 \d{4,} files/m);
  assert.match(text, /^Max locked memory 8388608 8388608 bytes/m);
  assert.match(text, /^0::\/$/m);
  assert.match(text, /^1000\n0022\n0\n0\t2147483647\n/m);
  assert.match(text, /cgroup\.procs: Read-only file system/);
  assert.match(text, /^65536$/m);
});

test("a read-only root refuses writes but where the sandbox has room for them", async (pods) => {
  const text = await inside(
    pods,
    `touch /new 2>&1; echo x >/etc/hosts; touch /dev/shm/x && echo shared; echo end >/dev/termination-log && echo said`,
    secured({ readOnlyRootFilesystem: true }),
  ).catch((error: Error) => error.message);
  assert.match(text, "touch: /new: Read-only file system");
  assert.match(text, /shared\nsaid/, text);
});

test("an exec has the sandbox of the first process", async (pods) => {
  const facts = `grep -E '^(Cap|NoNew|Seccomp:|Uid|Gid|Groups)' /proc/self/status
    cat /proc/self/limits /proc/self/oom_score_adj
    for n in mnt pid cgroup ipc uts net user; do readlink /proc/self/ns/$n; done
    grep ^0: /proc/self/cgroup; umask; pwd; ls /proc/self/fd | tr '\\n' ' '`;
  const kinds: Readonly<Record<string, SecurityContext>> = {
    plain: {},
    user: { runAsUser: 1000, runAsGroup: 1001 },
    bare: { capabilities: { drop: ["ALL"] }, allowPrivilegeEscalation: true },
  };
  const containers = Object.entries(kinds).map(([name, securityContext]) =>
    box(`${facts}; echo; echo ready; exec sleep 1000`, { name, securityContext }),
  );
  await pods.up("exec", { containers });
  for (const { name } of containers) {
    await pods.untilLogged("exec", name, "ready\n");
    const first = (await pods.log("exec", name)).replace(/\s+ready\n$/, "");
    assert.is(await pods.ask("exec", facts, name), first);
  }
  await pods.delete("exec");
});

test("the host's mount table is the same before, during and after", async (pods) => {
  const mounts = (): string => readFileSync("/proc/self/mountinfo", "utf8");
  const before = mounts();
  await pods.up("quiet", {
    volumes: [{ name: "memory", emptyDir: { medium: "Memory" } }],
    containers: [
      box("exec sleep 1000", { volumeMounts: [{ name: "memory", mountPath: "/memory" }] }),
    ],
  });
  assert.is(mounts(), before);
  await pods.ask("quiet", "true");
  assert.is(mounts(), before);
  await pods.delete("quiet");
  assert.is(mounts(), before);
});

run();
