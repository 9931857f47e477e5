import { lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  ensureSkeleton,
  skeletonFolder,
  skeletonsFolder,
} from "../../../src/container/skeleton.ts";

const test = suite<{ root: string }>("ensureSkeleton", { root: "" });

test.before.each((context) => {
  context.root = mkdtempSync(join(tmpdir(), "nspod-skeleton-"));
});
test.after.each(({ root }) => {
  rmSync(root, { recursive: true });
});

const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

test("makes the places of mounts with their modes, whatever the umask", ({ root }) => {
  const umask = process.umask(0o077);
  try {
    ensureSkeleton(root);
  } finally {
    process.umask(umask);
  }
  const folder = skeletonFolder(root);
  assert.equal(
    ["dev", "proc", "sys", "etc", "etc/hosts", "etc/resolv.conf"].map((name) =>
      mode(join(folder, name)),
    ),
    ["755", "555", "555", "755", "644", "644"],
  );
  assert.equal(readdirSync(join(folder, "etc")).sort(), [
    "hostname",
    "hosts",
    "mtab",
    "resolv.conf",
  ]);
  assert.is(readlinkSync(join(folder, "etc/mtab")), "/proc/mounts");
});

test("leaves one that is there alone, and takes the half of one away", ({ root }) => {
  ensureSkeleton(root);
  const marked = join(skeletonFolder(root), "etc/hosts");
  writeFileSync(marked, "mounted somewhere");
  const { ino } = lstatSync(marked);
  ensureSkeleton(root);
  assert.is(lstatSync(marked).ino, ino);
  rmSync(join(skeletonFolder(root)), { recursive: true });
  writeFileSync(`${skeletonFolder(root)}.tmp`, "half");
  ensureSkeleton(root);
  assert.equal(readdirSync(skeletonsFolder(root)), ["1"]);
});

test.run();
