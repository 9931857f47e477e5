import { suite } from "uvu";
import * as assert from "uvu/assert";
import { errnos, K } from "../../../src/sys/abi.ts";
import { compileRequest } from "../../../src/sys/netlink.ts";
import { Program } from "../../../src/sys/program.ts";
import { errnoMeaning, syscallError } from "../../../src/sys/syscall-error.ts";

const error = suite("syscallError()");

function sample(): Program {
  const program = new Program("test");
  program.from("spec.volumes[0]").call("mount", ["/srv/db", "data", 0, K.MS_BIND, 0]);
  program.from("").call("fchdir", [3]);
  return program;
}

error("names action, field, call, path, errno and its meaning", () => {
  const result = { failedOperation: 0, errno: errnos.ENOENT };
  const made = syscallError('Cannot start container "web"', sample(), result);
  assert.is(
    made.message,
    'Cannot start container "web": spec.volumes[0]: mount "/srv/db" → "data" failed with ENOENT (no such file or directory)',
  );
  assert.equal(
    [made.kind, made.syscall, made.errno, made.operation, made.origin],
    ["NotFound", "mount", "ENOENT", 0, "spec.volumes[0]"],
  );
});

error("a refused acknowledgement names the request that it answers", () => {
  const program = new Program("test").from("network");
  for (const text of ["first", "second"]) {
    const message = {
      type: K.RTM_NEWLINK,
      flags: 0,
      header: Buffer.alloc(16),
      attributes: [],
      text,
    };
    compileRequest(program, 3, message);
  }
  const failedOperation = program.operations.findLastIndex(({ name }) => name === "EXPECT0");
  const made = syscallError("Cannot start", program, { failedOperation, errno: errnos.EBUSY });
  assert.is(
    made.message,
    "Cannot start: network: the kernel refused second with EBUSY (it is in use)",
  );
  assert.is(made.syscall, "EXPECT0");
});

error("leaves out what it does not know", () => {
  const made = syscallError("Cannot enter", sample(), { failedOperation: 1, errno: 4095 });
  assert.is(made.message, "Cannot enter: fchdir failed with errno 4095");
  assert.is(made.kind, "Internal");
});

error("is about clone3 when no operation ran", () => {
  const made = syscallError("Cannot start", sample(), {
    failedOperation: -1,
    errno: errnos.EAGAIN,
  });
  assert.match(made.message, /^Cannot start: clone3 failed with EAGAIN/);
  assert.is(made.kind, "ResourceExhausted");
});

error("the facts survive JSON", () => {
  const made = syscallError("Cannot start", sample(), { failedOperation: 0, errno: errnos.EPERM });
  assert.equal(JSON.parse(JSON.stringify(made.data)), made.data);
});

error("unknown errno names have no meaning", () => {
  assert.is(errnoMeaning("EWHAT"), "");
  assert.is(errnoMeaning("EBUSY"), "it is in use");
});

error.run();
