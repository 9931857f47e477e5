import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SparseRange } from "../../../src/image/pax-records.ts";
import { SparseWriter } from "../../../src/image/sparse-writer.ts";
import { padded } from "../../support/image-archive.ts";

const sparse = suite("SparseWriter");
let folder = "";

sparse.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-sparse-"));
});

sparse.after.each(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(
  size: number,
  ranges: readonly SparseRange[] | undefined,
  content: Buffer,
  chunk: number,
): string {
  const path = join(folder, "file");
  rmSync(path, { force: true });
  const fd = openSync(path, "w");
  try {
    const writer = new SparseWriter(fd, size, ranges);
    for (let at = 0; at < content.length; at += chunk)
      writer.write(content.subarray(at, at + chunk));
    writer.finish();
  } finally {
    closeSync(fd);
  }
  return readFileSync(path, "latin1");
}

sparse("spreads content over its ranges, the map first in format 1.0", () => {
  const ranges = [
    { offset: 2, length: 3 },
    { offset: 7, length: 0 },
    { offset: 9, length: 1 },
  ];
  const inBand = Buffer.concat([padded(Buffer.from("3\n2\n3\n7\n0\n9\n1\n")), Buffer.from("abcd")]);
  for (const chunk of [1, 3, 511, 10_000]) {
    assert.is(write(10, ranges, Buffer.from("abcd"), chunk), "\0\0abc\0\0\0\0d");
    assert.is(write(10, undefined, inBand, chunk), "\0\0abc\0\0\0\0d");
  }
});

sparse("refuses maps that do not fit the content", () => {
  const ranges = [{ offset: 0, length: 4 }];
  assert.throws(() => write(10, ranges, Buffer.from("abcde"), 99), /shorter than its content/);
  assert.throws(() => write(10, ranges, Buffer.from("abc"), 99), /longer than its content/);
  for (const map of ["x\n", "\n", "9999999\n", "1\n0\n11\n", "2\n5\n1\n0\n1\n", "1".repeat(600)]) {
    assert.throws(
      () => write(10, undefined, padded(Buffer.from(map)), 99),
      /sparse map is malformed/,
      map,
    );
  }
  assert.throws(() => write(10, undefined, Buffer.from("1\n"), 99), /longer than its content/);
});

sparse.run();
