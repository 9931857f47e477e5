// Promise: the seccomp profile of a container lets through what programs need and stops what only
// hosts need, by every entry that the kernel has (security: B5; KRN-05, KRN-07, KRN-08, KRN-11).
import * as assert from "uvu/assert";
import type { Container, SecurityContext } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "arch:x64");

const { test, run } = podSuite("the default seccomp profile", "testbox");

let count = 0;

const secured = (securityContext: SecurityContext): Partial<Container> => ({ securityContext });

/** x86-64 numbers with arguments, and what they must come to. */
const calls: Readonly<Record<string, readonly string[]>> = {
  // unshare(NEWUSER), unshare(NEWNS), clone(NEWUSER|SIGCHLD), setns, mount, umount2, pivot_root
  // fsopen, open_tree, move_mount, mount_setattr; bpf, keyctl, add_key, request_key
  // io_uring_setup, _enter, _register; userfaultfd, perf_event_open, kexec_load, init_module
  // open_by_handle_at, syslog, reboot, swapon, acct, clock_settime, iopl, kcmp, pidfd_getfd
  // vmsplice, move_pages, sethostname, quotactl, personality(ADDR_NO_RANDOMIZE), fanotify_init
  EPERM: [
    ...["272:0x10000000", "272:0x20000", "56:0x10000011", "308:0,0", "165:0,0,0,0,0", "166:0,0"],
    ...["155:0,0", "430:0,0", "428:0,0,0", "429:0,0,0,0,0", "442:0,0,0,0,0", "321:0,0,0"],
    ...["250:0,0", "248:0,0,0,0,0", "249:0,0,0,0", "425:1,0", "426:0", "427:0", "323:0"],
    ...["298:0", "246:0", "175:0", "304:0", "103:3,0,0", "169:0", "167:0", "163:0", "227:0,0"],
    ...["172:3", "312:0", "438:0", "278:0", "279:0", "170:0,0", "179:0", "135:0x40000", "300:0"],
    // socket: AF_ALG, AF_VSOCK, AF_ALG with bits that the kernel cuts off, AF_PACKET (NET_RAW)
    ...["41:38,5,0", "41:40,1,0", "41:0x100000026,5,0", "41:17,3,0"],
  ],
  // clone3, and numbers that no kernel of today has
  ENOSYS: ["435:0,0", "1000:0", "470:0"],
  // chroot(NULL), which the filter allows with CAP_SYS_CHROOT
  EFAULT: ["161:0"],
  "0": ["135:0xffffffff", "101:0"],
};

async function outcomes(
  pods: Pods,
  words: readonly string[],
  extras?: Partial<Container>,
): Promise<string[]> {
  count += 1;
  const container = { name: "probe", image: "nspod/testbox", command: ["sysprobe", ...words] };
  const text = await pods.output(`probe-${count}`, { containers: [{ ...container, ...extras }] });
  return text.trimEnd().split("\n");
}

for (const user of [0, 1000]) {
  test(`the filter stops what only hosts need, for user ${user}`, async (pods) => {
    const rows = Object.entries(calls).flatMap(([outcome, words]) =>
      words.map((word) => ({ word, text: `${word} ${outcome}` })),
    );
    const found = await outcomes(
      pods,
      ["native", ...rows.map(({ word }) => word)],
      secured({ runAsUser: user }),
    );
    assert.equal(
      found,
      rows.map(({ text }) => text),
    );
  });
}

test("sockets of the usual families open", async (pods) => {
  const found = await outcomes(pods, ["native", "41:1,1,0", "41:2,1,0", "41:10,1,0", "41:16,3,0"]);
  assert.ok(
    found.every((line) => / (\d|EAFNOSUPPORT)$/.test(line)),
    found.join("\n"),
  );
  assert.match(found[1] ?? "", / 3$/);
});

test("other ways into the kernel are closed", async (pods) => {
  // getpid: harmless, so only the way in can be the reason.
  assert.equal(await outcomes(pods, ["x32", "39"]), ["39 EPERM"]);
  const [i386 = ""] = await outcomes(pods, ["i386", "20"]);
  // SEGV: a kernel without the 32-bit entry.
  assert.match(i386, /^20 (EPERM|ENOSYS|SIGSYS|SIGSEGV)$/);
});

test("a capability opens the calls that belong to it", async (pods) => {
  const add = (capability: string): Partial<Container> =>
    secured({ capabilities: { add: [capability] } });
  assert.equal(await outcomes(pods, ["native", "272:0x20000"], add("SYS_ADMIN")), [
    "272:0x20000 0",
  ]);
  assert.match((await outcomes(pods, ["native", "41:17,3,0"], add("NET_RAW")))[0] ?? "", / 3$/);
});

run();
