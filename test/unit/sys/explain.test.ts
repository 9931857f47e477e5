import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ConstantName, K, syscalls } from "../../../src/sys/abi.ts";
import { explain } from "../../../src/sys/explain.ts";
import { Program, register } from "../../../src/sys/program.ts";
import { signatures } from "../../../src/sys/signatures.ts";

/** The listing of what `build` adds, without numbers and title. */
function lines(build: (program: Program) => void, preset = 0): string[] {
  const program = new Program("test", preset);
  build(program);
  const rows = explain(program).split("\n").slice(1, -1);
  return rows.map((row) => row.replace(/^\s+\d+ {2}/, ""));
}

const listing = suite("explain()");

listing("shows numbers, calls and where they come from, aligned", () => {
  const program = new Program('container "web"', 1);
  program.from("spec.containers[0].image");
  program.call("mount", [
    "overlay",
    "/var/lib/nspod/pods/1/root",
    "overlay",
    K.MS_NODEV | K.MS_NOSUID,
    "lowerdir=/a:/b",
  ]);
  const root = program.open("openat", [K.AT_FDCWD, "/root", K.O_PATH | K.O_CLOEXEC, 0]);
  program.from("spec.containers[0].volumeMounts[1]");
  program.call("mkdirat", [root, "data", 0o755], { tolerate: ["EEXIST", "EROFS"] });
  program.close(root);
  program.from("spec.containers[0].command");
  program.call("execve", ["/bin/sh", program.pointers(["sh", "-c", "true"]), 0]);
  assert.is(
    explain(program),
    `container "web"
   0  mount("overlay", "/var/lib/nspod/pods/1/root", "overlay", MS_NOSUID|MS_NODEV, "lowerdir=/a:/b")  spec.containers[0].image
   1  openat(AT_FDCWD, "/root", O_CLOEXEC|O_PATH) = r1                                                 spec.containers[0].image
   2  mkdirat(r1, "data", 0755) (or EEXIST, EROFS)                                                     spec.containers[0].volumeMounts[1]
   3  close(r1) (or EBADF) always                                                                      spec.containers[0].volumeMounts[1]
   7  execve("/bin/sh", ["sh", "-c", "true"], NULL)                                                    spec.containers[0].command
`,
  );
});

listing("an empty program is its title", () => {
  assert.is(explain(new Program("nothing")), "nothing\n");
});

listing("a long call does not move the origins of the others", () => {
  const program = new Program("test");
  program.from("short").call("fchdir", [3]);
  program.from("long").call("chdir", [`/${"x".repeat(60)}`]);
  program.call("mount", ["a".repeat(60), "b".repeat(60), "overlay", 0, 0]);
  const [, first, second, third] = explain(program).split("\n");
  assert.is(first?.indexOf("short"), second?.indexOf("long"));
  assert.match(third ?? "", /NULL\) {2}long$/);
});

listing("cuts long strings in the middle", () => {
  const [line = ""] = lines((program) => program.call("chdir", [`/${"x".repeat(500)}/end`]));
  assert.ok(line.length < 90, line);
  assert.match(line, /^chdir\("\/x+…x+\/end"\)$/);
});

const cases: readonly (readonly [string, (program: Program) => void])[] = [
  [
    "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)",
    (p) => p.call("prctl", [K.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]),
  ],
  [
    "prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN)",
    (p) => p.call("prctl", [K.PR_CAPBSET_DROP, K.CAP_SYS_ADMIN]),
  ],
  [
    "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)",
    (p) => p.call("prctl", [K.PR_CAP_AMBIENT, K.PR_CAP_AMBIENT_CLEAR_ALL]),
  ],
  ["prctl(PR_SET_DUMPABLE, 0)", (p) => p.call("prctl", [K.PR_SET_DUMPABLE, 0])],
  ["prctl(PR_SET_PDEATHSIG, SIGKILL)", (p) => p.call("prctl", [K.PR_SET_PDEATHSIG, K.SIGKILL])],
  ["ioctl(3, TIOCSCTTY, NULL)", (p) => p.call("ioctl", [3, K.TIOCSCTTY, 0])],
  [
    "bpf(BPF_PROG_ATTACH, <4 bytes>, 4)",
    (p) => p.call("bpf", [K.BPF_PROG_ATTACH, p.bytes(Buffer.alloc(4)), 4]),
  ],
  [
    'fsconfig(4, FSCONFIG_SET_STRING, "mode", "0620", 0)',
    (p) => p.call("fsconfig", [4, K.FSCONFIG_SET_STRING, "mode", "0620", 0]),
  ],
  [
    "fsconfig(4, FSCONFIG_CMD_CREATE, NULL, NULL, 0)",
    (p) => p.call("fsconfig", [4, K.FSCONFIG_CMD_CREATE, 0, 0, 0]),
  ],
  [
    "seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, NULL)",
    (p) => p.call("seccomp", [K.SECCOMP_SET_MODE_FILTER, K.SECCOMP_FILTER_FLAG_LOG, 0]),
  ],
  [
    "setsockopt(5, SOL_NETLINK, NETLINK_EXT_ACK, NULL, 4)",
    (p) => p.call("setsockopt", [5, K.SOL_NETLINK, K.NETLINK_EXT_ACK, 0, 4]),
  ],
  [
    "setsockopt(5, SOL_SOCKET, SO_PASSCRED, NULL, 4)",
    (p) => p.call("setsockopt", [5, K.SOL_SOCKET, K.SO_PASSCRED, 0, 4]),
  ],
  [
    "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_NETFILTER)",
    (p) => p.call("socket", [K.AF_NETLINK, K.SOCK_RAW | K.SOCK_CLOEXEC, K.NETLINK_NETFILTER]),
  ],
  ["socket(AF_INET, SOCK_STREAM, 0)", (p) => p.call("socket", [K.AF_INET, K.SOCK_STREAM, 0])],
  [
    'mknodat(AT_FDCWD, "null", S_IFCHR|0666, 1:3)',
    (p) => p.call("mknodat", [K.AT_FDCWD, "null", K.S_IFCHR | 0o666, 0x103]),
  ],
  [
    'openat(AT_FDCWD, "f", O_WRONLY|O_CREAT|O_EXCL, 0600)',
    (p) => p.call("openat", [K.AT_FDCWD, "f", K.O_WRONLY | K.O_CREAT | K.O_EXCL, 0o600]),
  ],
  [
    'openat(AT_FDCWD, "d", O_RDWR|O_TMPFILE, 0600)',
    (p) => p.call("openat", [K.AT_FDCWD, "d", K.O_TMPFILE | K.O_RDWR, 0o600]),
  ],
  ['openat(7, "d", O_RDONLY)', (p) => p.call("openat", [7, "d", 0, 0])],
  ["close_range(3, ~0, 0)", (p) => p.call("close_range", [3, 0xffff_ffff, 0])],
  [
    'fchownat(3, "a", -1, 0, AT_SYMLINK_NOFOLLOW)',
    (p) => p.call("fchownat", [3, "a", 0xffff_ffff, 0, K.AT_SYMLINK_NOFOLLOW]),
  ],
  ["setns(r1, CLONE_NEWPID)", (p) => p.call("setns", [register(1), K.CLONE_NEWPID])],
  [
    "unshare(CLONE_NEWNS|CLONE_NEWCGROUP)",
    (p) => p.call("unshare", [K.CLONE_NEWNS | K.CLONE_NEWCGROUP]),
  ],
  ['umount2(".", MNT_DETACH)', (p) => p.call("umount2", [".", K.MNT_DETACH])],
  [
    'mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)',
    (p) => p.call("mount", [0, "/", 0, K.MS_REC | K.MS_PRIVATE, 0]),
  ],
  ["umask(000)", (p) => p.call("umask", [0])],
  [
    "fcntl(3, F_ADD_SEALS, F_SEAL_SEAL|F_SEAL_WRITE)",
    (p) => p.call("fcntl", [3, K.F_ADD_SEALS, K.F_SEAL_SEAL | K.F_SEAL_WRITE]),
  ],
  ["fcntl(3, F_SETFD, 0)", (p) => p.call("fcntl", [3, K.F_SETFD, 0])],
  ["dup3(r0, 1, 0)", (p) => p.call("dup3", [register(0), 1, 0])],
  ["kill(1, SIGTERM)", (p) => p.call("kill", [1, K.SIGTERM])],
  ["prlimit64(0, RLIMIT_CORE, NULL, NULL)", (p) => p.call("prlimit64", [0, K.RLIMIT_CORE, 0, 0])],
  [
    "mount(NULL, NULL, NULL, MS_RDONLY|0x40000000, NULL)",
    (p) => p.call("mount", [0, 0, 0, 0x4000_0001, 0]),
  ],
  ["sync()", (p) => p.call("sync", [])],
  ['write(1, "x", 1) whole', (p) => p.call("write", [1, "x", 1], { whole: true })],
];

for (const [expected, build] of cases) {
  listing(`prints ${expected}`, () => assert.equal(lines(build, 8), [expected]));
}

listing("pseudo-operations name the place in the pool", () => {
  const rows = lines((program) => {
    const filter = program.bytes(Buffer.alloc(8), "<filter>");
    const header = program.bytes(Buffer.alloc(16), "{sock_fprog}");
    program.relocate(header, 8, filter);
    const answer = program.bytes(Buffer.alloc(32), "<acknowledgement>");
    program.store(header, 4, register(5));
    program.load(answer, 20, register(6));
    program.expectZero(answer, 16, { tolerate: ["EEXIST"] });
    program.sync(4, -1).sync(-1, register(7)).divide();
    program.call("recvfrom", [3, answer, 32, K.MSG_DONTWAIT, 0, 0]);
    program.call("seccomp", [K.SECCOMP_SET_MODE_FILTER, 0, header]);
  }, 8);
  assert.equal(rows, [
    "{sock_fprog}+4 = r5",
    "r6 = <acknowledgement>+20",
    "expect 0 in <acknowledgement>+16 (or EEXIST)",
    "sync: write a byte to 4",
    "sync: wait for a byte from r7",
    "divide: the rest in a child of its own memory",
    "recvfrom(3, <acknowledgement>, 32, MSG_DONTWAIT, NULL, 0)",
    "seccomp(SECCOMP_SET_MODE_FILTER, 0, {sock_fprog})",
  ]);
});

listing("every signature is of a known system call and names known constants", () => {
  for (const [name, signature] of Object.entries(signatures)) {
    assert.ok(name in syscalls, name);
    const kinds = typeof signature === "function" ? signature([]) : signature;
    for (const kind of kinds) {
      if (typeof kind !== "object") continue;
      const names: readonly ConstantName[] = "one" in kind ? kind.one : kind.bits;
      assert.ok(names.length > 0, `${name} has an empty list of constants`);
      assert.ok(
        names.every((each) => K[each] !== undefined),
        name,
      );
    }
  }
});

listing.run();
