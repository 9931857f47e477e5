// defaultSeccomp(): the answer to every system call by every entry, against the table (security: KRN-05, KRN-07, KRN-11).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultCapabilities } from "../../../src/container/capabilities.ts";
import { defaultSeccomp } from "../../../src/container/seccomp.ts";
import { K } from "../../../src/sys/abi.ts";
import { differencesOf, nativeOutcomes } from "../../support/seccomp-outcomes.ts";
import { judgeCall } from "../sys/classic-bpf.ts";

const profile = suite("defaultSeccomp() by the table");
const folder = mkdtempSync(join(tmpdir(), "nspod-seccomp-"));

profile.after(() => rmSync(folder, { recursive: true, force: true }));

// The table has the numbers of x86-64.
if (process.arch === "x64") {
  profile("answers as the table says: native, i386 and x32, known and unknown numbers", () => {
    const outcomes = nativeOutcomes();
    assert.ok(outcomes.length > 370, `${outcomes.length} calls`);
    assert.is(new Set(outcomes.map(({ number }) => number)).size, outcomes.length);
    assert.is(new Set(outcomes.map(({ name }) => name)).size, outcomes.length);
    assert.equal(differencesOf(defaultSeccomp(defaultCapabilities, folder)), []);
  });

  profile("allows more only with a capability, and then only what belongs to it", () => {
    const opened = (capability: Parameters<typeof defaultSeccomp>[0][number]): string[] => {
      const filter = defaultSeccomp([...defaultCapabilities, capability], folder);
      return nativeOutcomes()
        .filter(({ verdict }) => verdict !== "allow")
        .filter(
          ({ number }) => judgeCall(filter, { arch: K.AUDIT_ARCH_X86_64, number }) === "allow",
        )
        .map(({ name }) => name);
    };
    assert.equal(opened("NET_RAW"), []);
    assert.equal(opened("MKNOD"), []);
    assert.equal(opened("SYS_TIME"), ["settimeofday", "clock_settime"]);
    assert.equal(opened("SYS_PTRACE"), ["kcmp", "pidfd_getfd", "process_madvise"]);
    assert.equal(opened("SYS_MODULE"), ["init_module", "delete_module", "finit_module"]);
    assert.equal(opened("DAC_READ_SEARCH"), ["open_by_handle_at"]);
    const admin = opened("SYS_ADMIN");
    assert.is(admin.length, 24, admin.join(" "));
    for (const name of ["keyctl", "kexec_load", "io_uring_setup", "userfaultfd", "reboot"]) {
      assert.not.ok(admin.includes(name), name);
    }
  });
}

profile.run();
