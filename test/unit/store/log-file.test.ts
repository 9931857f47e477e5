// The fsync beside the main thread: it covers what was committed, and lets go of its file.
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { LogFile } from "../../../src/store/log-file.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const flush = suite("flush()");
let folder = "";
let path = "";

flush.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-store-"));
  path = join(folder, "nspod.db");
});

flush.after.each(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Descriptors that this process has of a file; SQLite itself holds one of the log. */
function descriptorsOf(file: string): number {
  const targets = readdirSync("/proc/self/fd").map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return ""; // The descriptor of this very listing.
    }
  });
  return targets.filter((target) => target === file).length;
}

flush(
  "comes by itself a second after a write that is not durable, once for all of them",
  async () => {
    const clock = new FakeClock();
    using store = Store.open(path, { clock });
    const before = descriptorsOf(`${path}-wal`);
    const table = store.table<number>("t");
    table.put("a", 1);
    table.put("b", 2);
    assert.is(clock.timers, 1);
    assert.is(descriptorsOf(`${path}-wal`), before);
    await clock.pass(1000);
    assert.is(clock.timers, 0);
    assert.is(descriptorsOf(`${path}-wal`), before + 1, "the log was opened to be synced");
    table.put("c", 3);
    assert.is(clock.timers, 1);
  },
);

flush("resolves for every caller, and holds one descriptor for all of them", async () => {
  using store = Store.open(path);
  const before = descriptorsOf(`${path}-wal`);
  const table = store.table<number>("t");
  const flushes: Promise<void>[] = [];
  for (let i = 0; i < 50; i++) {
    table.put("k", i);
    flushes.push(store.flush());
  }
  await Promise.all(flushes);
  await store.flush();
  assert.is(descriptorsOf(`${path}-wal`), before + 1);
});

flush("joins callers that come while one sync runs, and begins anew for them", async () => {
  using store = Store.open(path);
  store.table<number>("t").put("k", 1);
  const file = new LogFile(path);
  const order: string[] = [];
  const first = file.flush().then(() => order.push("first"));
  const [second, third] = [file.flush(), file.flush()];
  assert.is(second, third);
  await Promise.all([first, second.then(() => order.push("second"))]);
  assert.equal(order, ["first", "second"]);
  file.close();
});

flush("ends although the store is closed meanwhile, and leaves no descriptor", async () => {
  const store = Store.open(path);
  const table = store.table<number>("t");
  table.put("k", 1);
  const running = store.flush();
  table.put("k", 2);
  const waiting = store.flush();
  store.close();
  await Promise.all([running, waiting]);
  const left = readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith(`${path}-wal`);
    } catch {
      return false; // The descriptor of this very listing.
    }
  });
  assert.equal(left, []);
  using again = Store.open(path);
  assert.is(again.table<number>("t").get("k"), 2);
});

flush("is refused after close()", async () => {
  const store = Store.open(path);
  store.close();
  const error: unknown = await store.flush().catch((reason: unknown) => reason);
  assert.ok(isPodError(error, "Unavailable"));
});

flush("reports what the disk said", async () => {
  const file = new LogFile(join(folder, "nowhere.db"));
  const error: unknown = await file.flush().catch((reason: unknown) => reason);
  assert.match(String(error), /ENOENT/);
});

flush.run();
