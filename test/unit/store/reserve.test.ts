import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Reserve } from "../../../src/store/reserve.ts";

const reserves = suite("Reserve");
let folder = "";
let path = "";

reserves.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-reserve-"));
  path = join(folder, "reserve");
});
reserves.after.each(() => rmSync(folder, { recursive: true }));

const whole = 4 << 20;

reserves("takes its room on the disk, and keeps it to root", () => {
  const reserve = new Reserve(path);
  assert.is(reserve.release(), false);
  reserve.refill();
  const { size, blocks, mode } = statSync(path);
  assert.is(size, whole);
  assert.ok(blocks * 512 >= whole, "no holes");
  assert.is(mode & 0o777, 0o600);
});

reserves("gives it back in parts, the last with the file, and is made whole again", () => {
  const reserve = new Reserve(path);
  reserve.refill();
  assert.is(reserve.release(), true);
  assert.is(statSync(path).size, (whole * 15) / 16);
  reserve.refill();
  assert.is(statSync(path).size, whole);
  for (let part = 0; part < 16; part++) assert.is(reserve.release(), true);
  assert.is(existsSync(path), false);
  assert.is(reserve.release(), false);
});

reserves("goes on with what an earlier daemon has left", () => {
  writeFileSync(path, Buffer.alloc(3 << 20));
  const reserve = new Reserve(path);
  reserve.refill();
  assert.is(statSync(path).size, whole);
});

reserves("is no matter where it cannot be", () => {
  const reserve = new Reserve(join(folder, "missing", "reserve"));
  reserve.refill();
  assert.is(reserve.release(), false);
});

reserves.run();
