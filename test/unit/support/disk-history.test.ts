// The disk of a power cut: what was flushed is there, of what came later what survives.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DiskHistory } from "../../support/disk-history.ts";

const sector = 512;
const cuts = suite("DiskHistory.cut()");
let folder = "";

cuts.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-history-"));
  for (const name of ["disk", "past"]) writeFileSync(join(folder, name), Buffer.alloc(4 * sector));
});
cuts.after.each(() => rmSync(folder, { recursive: true }));

function historyOf(): DiskHistory {
  const [disk = "", log = "", past = ""] = ["disk", "log", "past"].map((each) =>
    join(folder, each),
  );
  const history = new DiskHistory({ disk, log, past });
  history.write(0, Buffer.alloc(2 * sector, "a"));
  history.flush();
  history.write(sector, Buffer.alloc(2 * sector, "b"));
  history.write(3 * sector, Buffer.alloc(sector, "c"));
  history.flush();
  return history;
}

/** One letter for each sector, "." for one that was never written. */
function content(): string {
  const bytes = readFileSync(join(folder, "cut"));
  return [0, 1, 2, 3]
    .map((number) => bytes.toString("latin1")[number * sector])
    .join("")
    .replaceAll("\0", ".");
}

cuts("keeps what was flushed and of the rest what survives", async () => {
  using history = historyOf();
  const target = join(folder, "cut");
  assert.equal(await history.cut(1, () => false, target), { open: 2, lost: 2 });
  assert.is(content(), "....");
  assert.equal(await history.cut(4, () => false, target), { open: 3, lost: 3 });
  assert.is(content(), "aa..");
  assert.equal(await history.cut(4, () => true, target), { open: 3, lost: 0 });
  assert.is(content(), "abbc");
  let asked = 0;
  assert.equal(await history.cut(4, () => asked++ > 0, target), { open: 3, lost: 1 });
  assert.is(content(), "aabc");
  assert.equal(await history.cut(5, () => false, target), { open: 0, lost: 0 });
  assert.is(content(), "abbc");
});

cuts("comes behind each of the writes between two steps", () => {
  using history = historyOf();
  assert.equal(history.writesBetween(0, 5), [1, 3, 4]);
  assert.equal(history.writesBetween(1, 3), [3]);
});

cuts.run();
