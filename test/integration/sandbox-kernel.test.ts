// The sandbox as the kernel made it, seen from inside a container and from the host (security: B, ESC, KRN, PRV).

import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileContainer } from "../../src/container/compile.ts";
import { compileExec, compileReaper, planExec } from "../../src/container/exec.ts";
import { execFailure } from "../../src/container/execute.ts";
import { resolveUser } from "../../src/container/user.ts";
import type { PreparedVolume } from "../../src/spec/prepared-volume.ts";
import { attachDevicePolicy, attachedPolicies } from "../../src/sys/bpf.ts";
import { nativePath } from "../../src/sys/native-path.ts";
import { SyscallError } from "../../src/sys/syscall-error.ts";
import { eventually } from "../support/eventually.ts";
import { requires } from "../support/requires.ts";
import { type ContainerRequest, SandboxHost } from "../support/sandbox-host.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "kernel:5.15", "file:/bin/busybox");

let host: SandboxHost;
let hostMounts = "";

/** Without what tests beside this one mount in their own folders. */
const mountTable = (): string =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((row) => !/\/nspod-test-\d/.test(row))
    .join("\n");

const sandbox = suite("sandbox");

sandbox.before.each(() => {
  hostMounts = mountTable();
  host = new SandboxHost();
});

sandbox.after.each(async () => {
  await host.close();
  assert.is(mountTable(), hostMounts, "the host's mount table has changed");
});

function check(name: string, body: () => Promise<void> | void): void {
  sandbox(name, withDeadline(20_000, body));
}

const user = (uid: number): ContainerRequest => ({
  container: { securityContext: { runAsUser: uid } },
});

/** `Name: value` lines of /proc/PID/status. */
function statusFields(text: string): Map<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const colon = line.indexOf(":");
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()] as const];
    }),
  );
}

const eleven = "00000000800405fb";

check("root has eleven capabilities, no new privileges and a filter", async () => {
  const status = statusFields(await host.output("cat /proc/self/status"));
  for (const name of ["CapPrm", "CapEff", "CapBnd"]) assert.is(status.get(name), eleven);
  for (const name of ["CapInh", "CapAmb"]) assert.is(status.get(name), "0000000000000000");
  assert.is(status.get("NoNewPrivs"), "1");
  assert.is(status.get("Seccomp"), "2");
});

check("a user other than root has no capability, also without no_new_privs", async () => {
  for (const allowPrivilegeEscalation of [false, true]) {
    const container = { securityContext: { runAsUser: 1000, allowPrivilegeEscalation } };
    const status = statusFields(await host.output("cat /proc/self/status", { container }));
    for (const name of ["CapPrm", "CapEff", "CapInh", "CapAmb"]) {
      assert.is(status.get(name), "0000000000000000");
    }
    assert.is(status.get("CapBnd"), eleven);
    assert.is(status.get("NoNewPrivs"), allowPrivilegeEscalation ? "0" : "1");
    assert.is(status.get("Seccomp"), "2");
    assert.is(status.get("Uid"), "1000\t1000\t1000\t1000");
    assert.is(status.get("Gid"), "1001\t1001\t1001\t1001");
    assert.is(status.get("Groups"), "1001 2000");
  }
});

check("mounts are exactly those of the list", async () => {
  const text = await host.output("cat /proc/self/mountinfo");
  const rows = text
    .trim()
    .split("\n")
    .map((line) => {
      const [left = "", right = ""] = line.split(" - ");
      const [, , , , target = "", options = "", ...tags] = left.split(" ");
      return { target, options, tags, type: right.split(" ")[0] ?? "" };
    });
  assert.ok(
    rows.every(({ tags }) => tags.join("") === ""),
    "every mount is private",
  );
  const found = rows
    .filter(({ target }) => !/^\/(?:proc|sys)\/(?!fs\/cgroup)/.test(target))
    // How access times are kept comes from the file system below.
    .map(({ target, type, options }) => `${target} ${type} ${options.replace(/,\w+atime$/, "")}`)
    .sort();
  const files = "rw,nosuid,nodev,noexec";
  const disk = rows.find(({ target }) => target === "/etc/hosts")?.type ?? "";
  assert.equal(found, [
    "/ overlay rw,nodev",
    "/dev tmpfs rw,nosuid,noexec",
    "/dev/mqueue mqueue rw,nosuid,nodev,noexec",
    "/dev/pts devpts rw,nosuid,noexec",
    "/dev/shm tmpfs rw,nosuid,nodev,noexec",
    `/dev/termination-log ${disk} ${files}`,
    `/etc/hostname ${disk} ro,nosuid,nodev,noexec`,
    `/etc/hosts ${disk} ${files}`,
    `/etc/resolv.conf ${disk} ro,nosuid,nodev,noexec`,
    "/proc proc rw,nosuid,nodev,noexec",
    "/sys sysfs ro,nosuid,nodev,noexec",
    "/sys/fs/cgroup cgroup2 ro,nosuid,nodev,noexec",
  ]);
  assert.not(text.includes(host.layer), "no layer path leaks");
});

check(
  "masked files are empty, masked directories empty and read-only, /proc/sys cannot be written",
  async () => {
    const text = await host.output(`
    for f in kcore keys timer_list interrupts sched_debug latency_stats; do
      [ -e /proc/$f ] && { printf "$f:"; head -c 10 /proc/$f | wc -c; }
    done
    for d in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/dev/block /sys/devices/virtual/powercap; do
      [ -d $d ] && { printf "$d:"; ls -A $d | wc -l; mkdir $d/x 2>&1; }
    done
    for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/domainname; do
      sh -c "echo x > $f" 2>&1
    done
    umount /proc/keys 2>&1; mount -o remount,rw /sys 2>&1; echo 1 > /sys/fs/cgroup/cgroup.procs 2>&1; true`);
    for (const line of text.trim().split("\n")) {
      assert.match(
        line,
        /:0$|Read-only file system|Operation not permitted|root\?|nonexistent directory$/,
      );
    }
    assert.ok((text.match(/Read-only file system/g)?.length ?? 0) >= 3);
  },
);

check(
  "/dev has the list, and a device that is not on it can be neither made nor opened",
  async () => {
    const plain = await host.output(`ls /dev; mknod /tmp-kmsg c 1 11 2>&1; true`);
    assert.equal(plain.trim().split("\n"), [
      ...["core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm"],
      ...["stderr", "stdin", "stdout", "termination-log", "tty", "urandom", "zero"],
      "mknod: /tmp-kmsg: Operation not permitted",
    ]);
    const container = { securityContext: { capabilities: { add: ["MKNOD"] } } };
    const made = await host.output(
      `mknod /kmsg c 1 11 && head -c1 /kmsg 2>&1; mknod /n c 1 3 && echo x > /n && echo fine; head -c 4 /dev/zero | wc -c`,
      { container },
    );
    assert.is(made, "head: /kmsg: Operation not permitted\nfine\n4\n");
  },
);

check(
  "seccomp stops namespaces and mounts, and lets an unknown call fail with ENOSYS",
  async () => {
    const text = await host.output(`
    unshare -m true 2>&1; unshare -U true 2>&1; mount -t tmpfs x /mnt 2>&1; chroot / echo chroot-works; true`);
    assert.match(text, /unshare\(0x20000\): Operation not permitted/);
    assert.match(text, /unshare\(0x10000000\): Operation not permitted/);
    assert.match(text, /mount: permission denied/);
    assert.match(text, /chroot-works/);
  },
);

check(
  "descriptors, limits, OOM score, host name and first process are the container's",
  async () => {
    const text = await host.output(`
    ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0; cat /proc/self/oom_score_adj; umask
    grep -E 'core|open files|locked' /proc/self/limits | tr -s ' '; echo $$$$; cat /proc/1/cgroup | grep ^0: ; ps -o pid | wc -l`);
    const [fds = "", score, mask, core, ...rest] = text.trim().split("\n");
    // 3 is the directory that ls reads.
    assert.match(fds, /^0 1 2 3 \/dev\/null$/);
    assert.is(score, "1000");
    assert.is(mask, "0022");
    assert.match(core ?? "", /^Max core file size 0 0 /);
    assert.match(rest[0] ?? "", /^Max open files 1024 /);
    assert.match(rest[1] ?? "", /^Max locked memory 8388608 8388608 /);
    assert.is(rest[2], "1");
    assert.is(rest[3], "0::/");
  },
);

check("links of an image in place of /proc, /sys, /dev and /etc files lead nowhere", async () => {
  const canary = host.newFolder("canary");
  for (const name of ["ptmx", "hosts", "hostname", "resolv.conf", "mtab"]) {
    writeFileSync(join(canary, name), "untouched");
  }
  const facts = () =>
    execFileSync("find", [canary, "-printf", "%p %y %m %T@ %s\\n"], { encoding: "utf8" });
  const before = facts();
  for (const etc of [false, true]) {
    const layer = host.newFolder("hostile");
    const up = "../".repeat(10);
    symlinkSync(`${up}${canary}`, join(layer, "dev"));
    symlinkSync(`${up}${canary}`, join(layer, "proc"));
    symlinkSync(".", join(layer, "sys"));
    if (etc) {
      symlinkSync(canary, join(layer, "etc"));
    } else {
      mkdirSync(join(layer, "etc"));
      for (const name of ["hosts", "hostname", "resolv.conf", "mtab"]) {
        symlinkSync(`${up}${canary}/${name}`, join(layer, "etc", name));
      }
    }
    const text = await host.output(
      "cat /etc/hosts /etc/hostname; readlink /etc/mtab; ls -d /proc/self; ls /dev/null",
      { layers: [layer] },
    );
    assert.is(text, "127.0.0.1 localhost\npod\n/proc/mounts\n/proc/self\n/dev/null\n");
  }
  assert.is(facts(), before);
});

check("a working directory below /proc/self/fd is refused, a missing one is made", async () => {
  for (let fd = 3; fd < 24; fd++) {
    assert.throws(
      () => host.start("pwd", { image: { workingDir: `/proc/self/fd/${fd}` } }),
      /^Cannot start container "web": spec\.containers\[0\]\.workingDir: (?:openat2|mkdirat) "/,
    );
  }
  assert.is(await host.output("pwd", { image: { workingDir: "/new/place" } }), "/new/place\n");
  const link = host.newFolder("link");
  symlinkSync("../../../../new", join(link, "wd"));
  mkdirSync(join(link, "new"));
  const text = await host.output("pwd -P", { layers: [link], container: { workingDir: "/wd" } });
  assert.is(text, "/new\n");
});

function volume(name: string, changes: Partial<PreparedVolume> = {}): PreparedVolume {
  const source = host.newFolder(name);
  return { name, source, kind: "emptyDir", isFile: false, nosuidNodev: true, ...changes };
}

check("volumes are mounted below each other, read-only with what is mounted in them", async () => {
  const outer = volume("outer");
  const inner = volume("inner");
  writeFileSync(join(outer.source, "file"), "outer\n");
  writeFileSync(join(inner.source, "file"), "inner\n");
  const text = await host.output(
    "cat /deep/er/file /deep/er/in/file; touch /deep/er/x; touch /deep/er/in/x 2>&1; grep /deep/ /proc/self/mounts | cut -d' ' -f2,4; true",
    {
      volumes: [outer, inner],
      container: {
        volumeMounts: [
          { name: "inner", mountPath: "/deep/er/in", readOnly: true },
          { name: "outer", mountPath: "deep/er/" },
        ],
      },
    },
  );
  const lines = text.trim().split("\n");
  assert.equal(lines.slice(0, 3), [
    "outer",
    "inner",
    "touch: /deep/er/in/x: Read-only file system",
  ]);
  assert.match(lines[3] ?? "", /^\/deep\/er rw,nosuid,nodev/);
  assert.match(lines[4] ?? "", /^\/deep\/er\/in ro,nosuid,nodev/);
  assert.ok(existsSync(join(outer.source, "x")));
});

check("a subPath stays in its volume, whatever links are in it, and may be a file", async () => {
  const data = volume("data");
  writeFileSync(join(data.source, "file"), "a file\n");
  symlinkSync("/", join(data.source, "root"));
  symlinkSync("/../../../../nowhere", join(data.source, "etc"));
  const mount = (subPath: string, mountPath: string) => ({ name: "data", subPath, mountPath });
  const request = (volumeMounts: ReturnType<typeof mount>[]): ContainerRequest => ({
    volumes: [data],
    container: { volumeMounts },
  });
  const text = await host.output(
    "cat /f; ls /r; stat -c %a /n; touch /n/made",
    request([mount("file", "/f"), mount("root", "/r"), mount("new/deep", "/n")]),
  );
  assert.is(text, "a file\netc\nfile\nnew\nroot\n777\n");
  assert.ok(existsSync(join(data.source, "new/deep/made")));
  assert.throws(
    () => host.start("true", request([mount("etc", "/e")])),
    /subPath: openat2 "\/etc" failed with ENOENT/,
  );
  // The link leads to the root of the volume, so that is where the folders are made.
  await host.output("true", request([mount("root/proc/self/fd/1", "/e")]));
  assert.ok(existsSync(join(data.source, "proc/self/fd/1")));
});

/** A process of its own: exchanges two names without end, as a container does that hopes for the right moment. */
const exchangeLoop = `
  import { K } from "${import.meta.dirname}/../../src/sys/abi.ts";
  import { run } from "${import.meta.dirname}/../../src/sys/ffi.ts";
  import { Program } from "${import.meta.dirname}/../../src/sys/program.ts";
  const [a, b] = process.argv.slice(1);
  const program = new Program("exchange");
  for (let count = 0; count < 1000; count++) {
    program.call("renameat2", [K.AT_FDCWD, a, K.AT_FDCWD, b, K.RENAME_EXCHANGE]);
  }
  process.stdout.write("ready");
  for (;;) run("Cannot exchange names", program);
`;

check(
  "names that are exchanged in a shared volume meanwhile lead no mount out of the container",
  async () => {
    const shared = volume("shared");
    const inner = volume("inner");
    const canary = host.newFolder("canary");
    mkdirSync(join(shared.source, "a"));
    symlinkSync(`${"../".repeat(12)}${canary}`, join(shared.source, "b"));
    const names = [join(shared.source, "a"), join(shared.source, "b")];
    const loop = spawn(process.execPath, ["--input-type=module", "--eval", exchangeLoop, ...names]);
    const ended = new Promise((resolve) => loop.on("exit", resolve));
    try {
      await new Promise((resolve) => loop.stdout.once("data", resolve));
      let started = 0;
      for (let round = 0; round < 60; round++) {
        try {
          await host.output("true", {
            volumes: [shared, inner],
            container: {
              volumeMounts: [
                { name: "shared", mountPath: "/v" },
                { name: "inner", mountPath: "/v/a/deep" },
                { name: "shared", mountPath: "/w", subPath: "a/sub" },
              ],
            },
          });
          started++;
        } catch (error) {
          // Noticed in time: the link is a dangling one inside the volume, or the kernel asks to look again.
          assert.match(error instanceof Error ? error.message : "", /: openat2 "|: mkdirat "/);
        }
      }
      assert.ok(started > 0);
    } finally {
      loop.kill("SIGKILL");
      await ended;
    }
    assert.equal(readdirSync(canary), []);
  },
);

check("a mount target that is a link of the image stays in the container", async () => {
  const data = volume("data");
  writeFileSync(join(data.source, "here"), "");
  const layer = host.newFolder("links");
  symlinkSync("../../../../../../../../srv/target", join(layer, "mnt"));
  mkdirSync(join(layer, "srv/target"), { recursive: true });
  const text = await host.output("ls /srv/target", {
    layers: [layer],
    volumes: [data],
    container: { volumeMounts: [{ name: "data", mountPath: "/mnt" }] },
  });
  assert.is(text, "here\n");
});

check("a read-only root keeps volumes of the image and /dev/shm writable", async () => {
  const layer = host.newFolder("image");
  mkdirSync(join(layer, "data"));
  writeFileSync(join(layer, "data/seed"), "seed\n");
  const text = await host
    .output(
      "touch /x 2>&1; echo y > /etc/hosts; touch /data/y /dev/shm/y /vol/y && cat /data/seed",
      {
        layers: [layer],
        image: { volumes: ["/data", "/vol"] },
        container: { securityContext: { readOnlyRootFilesystem: true } },
      },
    )
    .catch((error: Error) => error.message);
  assert.match(text, /touch: \/x: Read-only file system/);
  assert.match(text, /can't create \/etc\/hosts: Read-only file system/);
  assert.match(text, /seed\n$/);
});

check("an image of 120 layers with long paths starts", async () => {
  const layers = Array.from({ length: 119 }, (_, index) => {
    const folder = host.newFolder(`layer-${"x".repeat(80)}`);
    writeFileSync(join(folder, `file-${index}`), `${index}\n`);
    writeFileSync(join(folder, "top"), `${index}\n`);
    return folder;
  });
  assert.is(await host.output("ls / | grep -c ^file-; cat /top", { layers }), "119\n118\n");
});

check("privileged changes what it must and nothing else", async () => {
  const container = { securityContext: { privileged: true } };
  const text = await host.output(
    `cat /proc/self/status; mount -t tmpfs x /mnt 2>/dev/null || { mkdir -p /mnt; mount -t tmpfs x /mnt; } && echo mounted
     [ -w /proc/sys/kernel/domainname ] && echo sysctl-writable
     grep -E ' /sys(/fs/cgroup)? ' /proc/self/mounts | cut -d' ' -f2,4 | cut -d, -f1
     ls /dev | wc -l; readlink /proc/self/ns/pid`,
    { container },
  );
  const status = statusFields(text);
  const own = statusFields(readFileSync("/proc/self/status", "utf8"));
  for (const name of ["CapPrm", "CapEff", "CapBnd"]) assert.is(status.get(name), own.get("CapPrm"));
  assert.is(status.get("NoNewPrivs"), "0");
  assert.is(status.get("Seccomp"), "0");
  assert.match(text, /\nmounted\n/);
  assert.match(text, /\nsysctl-writable\n/);
  assert.match(text, /\n\/sys rw\n\/sys\/fs\/cgroup rw\n/);
  assert.ok(Number(/^(\d+)$/m.exec(text.slice(text.indexOf("/sys/fs")))?.[1]) > 20);
  assert.not(text.includes(String(execFileSync("readlink", ["/proc/self/ns/pid"])).trim()));
});

check("a command that cannot be executed is told in runc's words", () => {
  const failure = (command: string[]): string | undefined => {
    try {
      host.start("", { container: { command } });
    } catch (error) {
      if (error instanceof SyscallError) return execFailure(error, command)?.message;
      throw error;
    }
    return undefined;
  };
  assert.is(failure(["foo"]), 'exec: "foo": executable file not found in $PATH');
  assert.is(failure(["/etc/passwd"]), 'exec: "/etc/passwd": permission denied');
  assert.is(failure(["/no/such"]), 'exec: "/no/such": no such file or directory');
});

check("an exec has the sandbox of the first process, in its namespaces", async () => {
  for (const request of [
    {},
    user(1000),
    { container: { securityContext: { privileged: true } } },
    { container: { securityContext: { allowPrivilegeEscalation: true } } },
    { container: { securityContext: { capabilities: { drop: ["ALL"] } } } },
  ] satisfies ContainerRequest[]) {
    const facts = `grep -E 'Cap|NoNew|Seccomp|Uid|Gid|Groups' /proc/self/status; cat /proc/self/limits /proc/self/oom_score_adj
      for n in mnt pid cgroup ipc uts net user; do readlink /proc/self/ns/$n; done; grep ^0: /proc/self/cgroup; umask; pwd; ls /proc/self/fd`;
    const first = host.start(`${facts}; echo end; exec sleep 1000`, request);
    await eventually("the container's output", 5000, () =>
      first.output.includes("end\n") ? true : undefined,
    );
    const pidNamespace = execFileSync("readlink", ["/proc/self/ns/pid_for_children"]);
    const process = planExec(first.plan, {
      command: ["/bin/sh", "-c", `${facts}; echo end`],
      tty: false,
      stdin: false,
    });
    const second = host.launch(
      first.plan,
      compileExec(process),
      host.pidfd(first.pid),
      first.devpts,
    );
    assert.is(await host.wait(second), 0);
    assert.is(second.output, first.output);
    assert.equal(execFileSync("readlink", ["/proc/self/ns/pid_for_children"]), pidNamespace);
  }
});

/** Reads a terminal until a text has come. */
async function readTerminal(master: number, until: string): Promise<string> {
  let text = "";
  const chunk = Buffer.alloc(4096);
  return eventually(`"${until}" on the terminal`, 5000, () => {
    text += chunk.toString("utf8", 0, readSync(master, chunk));
    return text.includes(until) ? text : undefined;
  });
}

check(
  "a terminal is the container's own, also for an exec and a user other than root",
  async () => {
    const facts =
      "tty; stat -c '%t:%T' /dev/console; echo x > /dev/stdout && echo x > /dev/tty; ls -1 /dev/pts";
    const first = host.start(`${facts}; echo end; exec sleep 1000`, {
      container: { tty: true, stdin: true, securityContext: { runAsUser: 1000 } },
    });
    const text = await readTerminal(first.master, "end\r\n");
    assert.is(text, "/dev/pts/0\r\n88:0\r\nx\r\nx\r\n0\r\nptmx\r\nend\r\n");
    const exec = planExec(first.plan, {
      command: ["/bin/sh", "-c", "tty; echo end"],
      tty: true,
      stdin: true,
    });
    const second = host.launch(first.plan, compileExec(exec), host.pidfd(first.pid), first.devpts);
    assert.is(await readTerminal(second.master, "end\r\n"), "/dev/pts/1\r\nend\r\n");
    assert.is(await host.wait(second), 0);
  },
);

check("the reaper of a shared PID namespace shows containers nothing of the host", async () => {
  const binary = openSync(nativePath("nspod-reaper"), "r");
  const reaper = host.launch(host.plan("true"), compileReaper(binary), -1, -1);
  closeSync(binary);
  const spec = { shareProcessNamespace: true };
  const text = await host.output(
    "cat /proc/1/comm; grep Cap /proc/1/status | sort -u -k2 | wc -l; ls /proc/1/root/ 2>&1; ls /proc/1/fd 2>&1; kill -9 1; echo $$$$; sleep 0 & wait; cat /proc/1/comm",
    { spec, target: host.pidfd(reaper.pid) },
  );
  const lines = text.trim().split("\n");
  assert.is(lines[0], "nspod-reaper");
  assert.is(lines[1], "1", "all its sets are empty");
  assert.not(/bin|etc|home/.test(text.slice(text.indexOf("\n"))));
  assert.is(lines.at(-1), "nspod-reaper");
  const container = host.plan("true", { spec });
  assert.is(compileContainer(container).cloneFlags & 0x2000_0000, 0);
});

check(
  "user files of an image are read in the image, and only when they are plain and small",
  () => {
    const resolve = (layer: string, name = "x") => resolveUser([host.layer, layer], name, {});
    const layer = (fill: (etc: string) => void): string => {
      const folder = host.newFolder("users");
      mkdirSync(join(folder, "etc"));
      mkdirSync(join(folder, "usr"));
      fill(join(folder, "etc"));
      return folder;
    };
    const inside = layer((etc) => {
      symlinkSync("/usr/passwd", join(etc, "passwd"));
      writeFileSync(join(etc, "../usr/passwd"), "x:x:77:78::/x:\n");
    });
    assert.is(resolve(inside).uid, 77);
    assert.is(resolveUser([inside], "x", {}).uid, 77);
    const large = layer((etc) => {
      writeFileSync(join(etc, "passwd"), `${"#".repeat(99)}\n`.repeat(2000) + "x:x:77:78::/x:\n");
    });
    assert.is(resolve(large).gid, 78);
    const outside = layer((etc) =>
      symlinkSync("../../../../../../etc/passwd", join(etc, "passwd")),
    );
    assert.throws(() => resolve(outside, "daemon"), /ELOOP|Cannot find user "daemon"/);
    const pipe = layer((etc) => execFileSync("mkfifo", [join(etc, "passwd")]));
    assert.throws(() => resolve(pipe), /"\/etc\/passwd" of the image is no regular file/);
    const folder = layer((etc) => mkdirSync(join(etc, "passwd")));
    assert.throws(() => resolve(folder), /"\/etc\/passwd" of the image is no regular file/);
    const device = layer((etc) => execFileSync("mknod", [join(etc, "passwd"), "c", "1", "5"]));
    assert.throws(() => resolve(device), /failed with EACCES/);
    const huge = layer((etc) => {
      writeFileSync(join(etc, "passwd"), "");
      truncateSync(join(etc, "passwd"), 5 * 2 ** 30);
    });
    assert.throws(() => resolve(huge), /has 5368709120 bytes: at most 10485760 are read/);
  },
);

check("a device policy replaces the one before, and the kernel's verifier takes long ones", () => {
  assert.equal(attachedPolicies(host.cgroup), []);
  attachDevicePolicy(host.cgroup, [{ type: "a", access: "rwm" }]);
  const [first] = attachedPolicies(host.cgroup);
  const rules = Array.from({ length: 300 }, (_, minor) => ({
    type: "b" as const,
    major: 8,
    minor,
    access: "r",
  }));
  attachDevicePolicy(host.cgroup, rules);
  const [second, ...others] = attachedPolicies(host.cgroup);
  assert.is.not(second, first);
  assert.equal(others, []);
});

check("nothing of a container is left in its folders but what it wrote", async () => {
  const running = host.start("echo data > /written; mkdir /own", {});
  await host.wait(running);
  const { upper, mountPoint } = running.plan.rootFilesystem;
  assert.equal(readdirSync(mountPoint), []);
  assert.equal(readdirSync(upper).sort(), ["own", "written"]);
});

sandbox.run();
