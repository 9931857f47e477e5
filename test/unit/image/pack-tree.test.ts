import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { packTree } from "../../../src/image/pack-tree.ts";

const packing = suite("packTree()");
let folder = "";

packing.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-pack-"));
});

packing.after.each(() => {
  rmSync(folder, { recursive: true });
});

packing("ends with a sentence when a file becomes shorter while it is read", async () => {
  const path = join(folder, "shrinking");
  writeFileSync(path, Buffer.alloc(8 << 20));
  const errors: unknown[] = [];
  try {
    for await (const _ of packTree(path, () => undefined)) truncateSync(path);
  } catch (error) {
    errors.push(error);
  }
  assert.equal(errors.map(String), [`PodError: "${path}" has become shorter while it was read`]);
});

packing.run();
