import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exitMeaning, signalOf } from "../../../src/cli/exit-meaning.ts";
import { blockedCalls } from "../../../src/cli/seccomp-audit.ts";
import { syscalls } from "../../../src/sys/abi.ts";

const meaning = suite("exitMeaning()");

meaning("knows signals, also when a shell reports them", () => {
  assert.is(exitMeaning({ exitCode: 3 }), "exit code 3");
  assert.is(exitMeaning({ exitCode: 0 }), "exit code 0: success");
  assert.match(exitMeaning({ exitCode: 127 }), "a command was not found");
  assert.match(exitMeaning({ exitCode: 143 }), "143 = SIGTERM: it was asked to end, and did");
  assert.match(
    exitMeaning({ exitCode: 137, signal: 9 }),
    "137 = SIGKILL: it was killed from outside",
  );
  assert.is(exitMeaning({ exitCode: 170, signal: 42 }), "exit code 170 = signal 42");
  assert.is(exitMeaning({ exitCode: 255 }), "exit code 255");
});

meaning("signalOf() takes the word of the kernel first", () => {
  assert.equal(
    [signalOf({ exitCode: 1, signal: 9 }), signalOf({ exitCode: 139 }), signalOf({ exitCode: 1 })],
    [9, 11, 0],
  );
});

meaning.run();

const audit = suite("blockedCalls()");

audit("reads the records of seccomp and no others", () => {
  const line = (call: number): string =>
    `4,123,456,-;audit: type=1326 audit(1700000000.123:45): auid=4294967295 uid=0 gid=0 ses=1 pid=4242 comm="app" exe="/app" sig=31 arch=c000003e syscall=${call} compat=0 ip=0x7f code=0x80000000`;
  assert.equal(blockedCalls([line(syscalls.mount), "6,1,2,-;eth0: link up", line(99999)]), [
    { pid: 4242, command: "app", syscall: "mount" },
    { pid: 4242, command: "app", syscall: "number 99999" },
  ]);
  assert.equal(blockedCalls(["audit: type=1326 pid= syscall=x"]), []);
});

audit.run();
