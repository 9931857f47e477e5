import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TrashCollector, trashFolder } from "../../../src/agent/trash-collector.ts";
import { createLogger } from "../../../src/base/log.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const collector = suite("TrashCollector");

collector("tries again after a minute what could not be removed", async () => {
  const root = mkdtempSync(join(tmpdir(), "nspod-collector-"));
  try {
    const clock = new FakeClock();
    const log = createLogger("silent");
    await using trash = new TrashCollector(clock, { root, run: join(root, "run") }, log);
    // No folder can be made in its place.
    writeFileSync(trashFolder(root), "");
    trash.collect();
    await eventually("its failure", 5_000, () => (clock.timers === 1 ? true : undefined));
    rmSync(trashFolder(root));
    mkdirSync(join(trashFolder(root), "left/behind"), { recursive: true });
    await clock.pass(59_000);
    assert.ok(existsSync(join(trashFolder(root), "left/behind")));
    await clock.pass(1_000);
    await eventually("an empty trash", 5_000, () =>
      readdirSync(trashFolder(root)).length === 0 ? true : undefined,
    );
    assert.is(clock.timers, 0);
  } finally {
    rmSync(root, { recursive: true });
  }
});

collector.run();
