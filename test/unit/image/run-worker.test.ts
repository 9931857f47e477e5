// A helper that cannot start says why.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { Worker } from "../../../src/image/run-worker.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const helper = suite("Worker");
const program = process.execPath;

helper.after.each(() => {
  process.execPath = program;
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

helper.run();
