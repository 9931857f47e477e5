// Promise: an import that fails at any of its writes says so in one sentence, leaves nothing, and does no harm to the
// next one (security: C-06).
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { FailpointName } from "../../src/base/failpoint-table.ts";
import { FailingStore } from "../support/failing-import.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const imports = suite("an import");
let failing: FailingStore;

imports.before.each(() => {
  failing = new FailingStore();
});
imports.after.each(async () => await failing[Symbol.asyncDispose]());

// Each load takes a second: `make torture` fails each of them each time with each of the errors.
const some: readonly (readonly [step: FailpointName, time: number, code: string])[] = [
  ["image/import-images.folder", 1, "ENOSPC"],
  // Of a layer, while the archive is read.
  ["image/import-images.folder", 3, "ENOSPC"],
  ["image/staged-members.open", 3, "EMFILE"],
  ["image/staged-members.write", 2, "ENOSPC"],
  ["image/sparse-writer.write", 2, "EIO"],
  ["image/layer-writer.batch", 1, "ENOSPC"],
  ["image/read-archive.sync", 1, "EIO"],
  ["image/import-images.layer", 2, "EIO"],
  ["base/atomic-write.write", 1, "ENOSPC"],
  ["base/atomic-write.folder", 1, "EIO"],
];

imports(
  "that fails at one of its writes says why and leaves nothing, and the next one succeeds",
  withDeadline(60_000, async () => {
    for (const [step, time, code] of some) {
      assert.ok(await failing.failAt(step, time, code), `${step} ${time}`);
    }
    assert.is(await failing.load(), undefined);
    await failing.assertLoaded("after all");
  }),
);

imports(
  "that cannot tidy up has succeeded all the same",
  withDeadline(60_000, async () => {
    const points = "image/import-images.clean=error(EIO);image/store.collect=error(EMFILE)";
    assert.is(await failing.load(points), undefined);
    const left = failing.content().filter((name) => name.includes("/tmp-"));
    assert.is(left.length, 2);
    assert.is(await failing.load(), undefined);
    await failing.assertLoaded("after another one");
  }),
);

imports.run();
