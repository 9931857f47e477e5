import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatBytes } from "../../../src/cli/byte-size.ts";
import { splitName } from "../../../src/cli/commands/image.ts";
import { progressLine } from "../../../src/cli/progress-bar.ts";
import { formatTable } from "../../../src/cli/table.ts";

const table = suite("formatTable()");

table("aligns as kubectl does", () => {
  assert.is(
    formatTable([
      ["NAME", "READY", "STATUS"],
      ["web-frontend", "1/1", "Running"],
      ["a", "0/1", "CrashLoopBackOff"],
    ]),
    [
      "NAME           READY   STATUS",
      "web-frontend   1/1     Running",
      "a              0/1     CrashLoopBackOff",
    ].join("\n"),
  );
  assert.is(
    formatTable([
      ["A", "B"],
      ["x", "y"],
    ]),
    "A     B\nx     y",
  );
});

table("keeps every row on one line and every column in its place", () => {
  const cell = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 6 }), (rows) => {
      const lines = formatTable(rows).split("\n");
      assert.is(lines.length, rows.length);
      const starts = rows.map((row, index) => {
        const tail = (row[2] ?? "").replaceAll("\n", " ");
        return [...(lines[index] ?? "")].length - [...tail].length;
      });
      assert.is(new Set(starts).size, 1);
    }),
  );
});

table.run();

const words = suite("formatBytes(), progressLine(), splitName()");

words("sizes have three digits, as docker's", () => {
  assert.is(formatBytes(0), "0B");
  assert.is(formatBytes(999), "999B");
  assert.is(formatBytes(4_261_550), "4.26MB");
  assert.is(formatBytes(999_700_000), "1GB");
  assert.is(formatBytes(72_800_000_000), "72.8GB");
});

words("a progress line never wraps", () => {
  const facts = {
    stage: "unpacking",
    doneBytes: 5e6,
    totalBytes: 1e7,
    doneLayers: 1,
    totalLayers: 3,
  } as const;
  assert.is(
    progressLine("app.tar", facts, 120),
    "app.tar: unpacking [===============               ] 5MB of 10MB, layer 2/3",
  );
  assert.is(progressLine("app.tar", facts, 20).length, 19);
  const { totalBytes: _, ...unknown } = facts;
  assert.is(progressLine("-", unknown, 80), "-: unpacking 5MB, layer 2/3");
});

words("names lose what Docker adds", () => {
  assert.equal(splitName("docker.io/library/busybox:latest"), ["busybox", "latest"]);
  assert.equal(splitName("docker.io/nspod/demo:1"), ["nspod/demo", "1"]);
  assert.equal(splitName("localhost:5000/x/y:2"), ["localhost:5000/x/y", "2"]);
  assert.equal(splitName("<none>:<none>"), ["<none>", "<none>"]);
});

words.run();
