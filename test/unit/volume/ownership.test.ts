// The walk of fsGroup, with the group of this process: giving files to another one needs root, which
// test/integration/persistent-volumes.test.ts has.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../../src/base/clock.ts";
import { isPodError } from "../../../src/base/errors.ts";
import { applyOwnership, type Ownership } from "../../../src/volume/ownership.ts";
import { Places } from "../../../src/volume/places.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const walks = new Places(systemClock, 1);
const walk = suite<{ folder: string }>("applyOwnership()");

walk.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "nspod-ownership-"));
});
walk.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const own: Ownership = {
  group: process.getgid?.() ?? 0,
  isReadOnly: false,
  onlyOnMismatch: false,
};
const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

function fill(folder: string, name: string, bits: number): string {
  const path = join(folder, name);
  writeFileSync(path, "");
  chmodSync(path, bits);
  return path;
}

walk("opens files and folders to the group and keeps the other bits", async ({ folder }) => {
  mkdirSync(join(folder, "a/b"), { recursive: true });
  chmodSync(join(folder, "a/b"), 0o701);
  const plain = fill(folder, "a/b/plain", 0o604);
  const suid = fill(folder, "suid", 0o4711);
  await applyOwnership(walks, folder, own);
  assert.equal([plain, suid, join(folder, "a/b"), folder].map(mode), [
    "664",
    "4771",
    "2771",
    "2770",
  ]);
});

walk("a read-only volume gets no write bits", async ({ folder }) => {
  const file = fill(folder, "file", 0o600);
  await applyOwnership(walks, folder, { ...own, isReadOnly: true });
  assert.equal([file, folder].map(mode), ["640", "2750"]);
});

walk(
  "OnRootMismatch leaves the tree alone when its root is right, and mends it when not",
  async ({ folder }) => {
    const file = fill(folder, "file", 0o600);
    chmodSync(folder, 0o2770);
    await applyOwnership(walks, folder, { ...own, onlyOnMismatch: true });
    assert.is(mode(file), "600");
    chmodSync(folder, 0o770);
    await applyOwnership(walks, folder, { ...own, onlyOnMismatch: true });
    assert.equal([file, folder].map(mode), ["660", "2770"]);
  },
);

walk("follows no link", async ({ folder }) => {
  const outside = mkdtempSync(join(tmpdir(), "nspod-outside-"));
  try {
    const canary = fill(outside, "canary", 0o600);
    chmodSync(outside, 0o700);
    symlinkSync(outside, join(folder, "folder"));
    symlinkSync(canary, join(folder, "file"));
    symlinkSync("nowhere", join(folder, "dangling"));
    await applyOwnership(walks, folder, own);
    assert.equal([canary, outside].map(mode), ["600", "700"]);
  } finally {
    rmSync(outside, { recursive: true });
  }
});

walk("reaches every entry of a large folder", async ({ folder }) => {
  const files = Array.from({ length: 2000 }, (_, index) => fill(folder, `file-${index}`, 0o600));
  await applyOwnership(walks, folder, own);
  assert.equal(new Set(files.map(mode)), new Set(["660"]));
});

walk(
  "refuses a tree that is deeper than it has descriptors for",
  withDeadline(20_000, async () => {
    const folder = mkdtempSync(join(tmpdir(), "nspod-deep-"));
    try {
      mkdirSync(join(folder, ...Array.from({ length: 600 }, () => "d")), { recursive: true });
      await applyOwnership(walks, folder, own);
      assert.unreachable();
    } catch (error) {
      assert.ok(isPodError(error, "FailedPrecondition"), String(error));
      assert.match(error.message, "nested deeper than 500 levels");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }),
);

walk.run();
