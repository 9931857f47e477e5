// watchChanges(): changes are told with a watch of the kernel and without one.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { watchChanges } from "../../../src/base/watch-changes.ts";
import { waitUntilEmpty } from "../../../src/cgroup/wait-until-empty.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const changes = suite("watchChanges()");
let folder = "";

changes.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-watch-"));
});
changes.after.each(() => rmSync(folder, { recursive: true, force: true }));

function exhausted(code: string): () => never {
  return () => {
    throw Object.assign(new Error(`watch: ${code}`), { code });
  };
}

changes(
  "tells the name of what changed in a folder",
  withDeadline(5000, async () => {
    const { promise, resolve } = Promise.withResolvers<string | null>();
    const watching = watchChanges(folder, resolve);
    writeFileSync(join(folder, "new"), "");
    assert.is(await promise, "new");
    watching.close();
  }),
);

changes(
  "looks from time to time when the kernel has no instance or watch left",
  withDeadline(5000, async () => {
    for (const code of ["EMFILE", "ENOSPC"]) {
      const { promise, resolve } = Promise.withResolvers<string | null>();
      const watching = watchChanges(folder, resolve, { watchPath: exhausted(code), periodMs: 1 });
      assert.is(await promise, null);
      watching.close();
    }
  }),
);

changes("passes on that there is nothing to watch", () => {
  assert.throws(() => watchChanges(join(folder, "none"), () => undefined), /ENOENT/);
});

changes(
  "lets waitUntilEmpty() see the end of a cgroup without a watch",
  withDeadline(5000, async () => {
    const file = join(folder, "cgroup.events");
    writeFileSync(file, "populated 1\nfrozen 0\n");
    const watchPath = exhausted("EMFILE");
    const empty = waitUntilEmpty(folder, 4000, { watchPath, periodMs: 1 });
    writeFileSync(file, "populated 0\nfrozen 0\n");
    assert.is(await empty, true);
  }),
);

changes.run();
