// Promise: an import that gets no more descriptors, at whatever it wants one for, says so and is the end of nothing but
// itself (security: C-13).
import { once } from "node:events";
import { closeSync, createReadStream, openSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasCode, isPodError, messageOf } from "../../src/base/errors.ts";
import { FailingStore } from "../support/failing-import.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:prlimit");

const imports = suite("an import from a stream");
let failing: FailingStore;

imports.before(() => {
  failing = new FailingStore();
});
imports.after(async () => await failing[Symbol.asyncDispose]());

imports(
  "that has too few descriptors, wherever they end, says so and leaves nothing to the next one",
  withDeadline(60_000, async () => {
    const limit = ["--pid", String(process.pid), "--nofile=256:"];
    assert.is((await runCommand("prlimit", limit)).code, 0);
    const taken: number[] = [];
    for (let free = 0; ; free++) {
      const stream = createReadStream(failing.archive);
      await once(stream, "ready");
      takeAll(taken);
      for (const fd of taken.splice(0, free)) closeSync(fd);
      const error = await failing.load("", { stream });
      for (const fd of taken.splice(0)) closeSync(fd);
      stream.destroy();
      if (error === undefined) break;
      assert.ok(isPodError(error), messageOf(error));
      assert.match(messageOf(error), /^Cannot import image from the stream: .*EMFILE.*$/);
    }
    await failing.assertLoaded("with enough of them");
  }),
);

imports.run();

/** Opens files until there are no descriptors left. */
function takeAll(taken: number[]): void {
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch (error) {
    if (!hasCode(error, "EMFILE")) throw error;
  }
}
