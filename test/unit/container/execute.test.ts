// execFailure(): the words of runc and Kubernetes for a command that cannot be executed.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { execFailure } from "../../../src/container/execute.ts";
import { type ErrnoName, errnos } from "../../../src/sys/abi.ts";
import { Program } from "../../../src/sys/program.ts";
import { syscallError } from "../../../src/sys/syscall-error.ts";

function failure(errno: ErrnoName, argv: readonly string[], name: "execve" | "mount" = "execve") {
  const program = new Program("test").call(name, ["/bin/x", 0, 0]);
  const error = syscallError("Cannot start", program, { failedOperation: 0, errno: errnos[errno] });
  return execFailure(error, argv);
}

const failures = suite("execFailure()");

const cases = [
  ["ENOENT", "foo", 127, 'exec: "foo": executable file not found in $PATH'],
  ["ENOTDIR", "foo", 127, 'exec: "foo": executable file not found in $PATH'],
  ["ENOENT", "/bin/foo", 127, 'exec: "/bin/foo": no such file or directory'],
  ["EACCES", "foo", 126, 'exec: "foo": permission denied'],
  ["ENOEXEC", "./foo", 126, 'exec: "./foo": exec format error'],
  ["E2BIG", "foo", 126, 'exec: "foo": argument list too long'],
  ["ETXTBSY", "foo", 126, 'exec: "foo": ETXTBSY'],
] as const;

for (const [errno, name, exitCode, message] of cases) {
  failures(`explains ${errno} of ${name}`, () => {
    assert.equal(failure(errno, [name]), { reason: "StartError", exitCode, message });
  });
}

failures("leaves other failures alone", () => {
  assert.is(failure("ENOENT", ["foo"], "mount"), undefined);
});

failures.run();
