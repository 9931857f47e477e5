// A helper that cannot start says why.
import { ChildProcess } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { Worker } from "../../../src/image/run-worker.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const helper = suite("Worker");
const program = process.execPath;
const { kill } = ChildProcess.prototype;

helper.after.each(() => {
  process.execPath = program;
  ChildProcess.prototype.kill = kill;
});

helper(
  "that cannot be started fails with a reason, and is gone",
  withDeadline(10_000, async () => {
    process.execPath = "/nowhere/node";
    const worker = new Worker();
    await worker.exited;
    const error: unknown = await worker.done.catch((reason: unknown) => reason);
    assert.ok(isPodError(error, "Internal"));
    assert.is(error.message, "cannot start the image helper: ENOENT (no such file or directory)");
  }),
);

helper(
  "that cannot be started is stopped without a signal, which would go to nobody knows whom",
  withDeadline(10_000, async () => {
    process.execPath = "/nowhere/node";
    let signals = 0;
    ChildProcess.prototype.kill = () => {
      signals++;
      return false;
    };
    const worker = new Worker();
    await worker.stop();
    await worker.stop();
    assert.is(signals, 0);
  }),
);

helper.run();
