import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { unifiedDiff } from "../../../src/cli/unified-diff.ts";
import { requiresFor } from "../../support/requires.ts";

const diff = suite<never>("unifiedDiff()");

diff("is empty for equal texts", () => assert.equal(unifiedDiff("a\nb\n", "a\nb\n"), []));

diff("shows three lines around a change", () => {
  const before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  assert.equal(unifiedDiff(before, before.replace("5", "five")), [
    ...["@@ -2,7 +2,7 @@", " 2", " 3", " 4", "-5", "+five", " 6", " 7", " 8"],
  ]);
});

diff("counts lines of texts that begin or end empty", () => {
  assert.equal(unifiedDiff("", "a\nb\n"), ["@@ -0,0 +1,2 @@", "+a", "+b"]);
  assert.equal(unifiedDiff("a\n", ""), ["@@ -1 +0,0 @@", "-a"]);
});

diff("joins hunks that touch and parts those that do not", () => {
  const lines = Array.from({ length: 30 }, (_, index) => `${index}`);
  const change = (...at: readonly number[]): string =>
    lines.map((line, index) => (at.includes(index) ? "x" : line)).join("\n");
  const headings = (text: string): number =>
    unifiedDiff(lines.join("\n"), text).filter((line) => line.startsWith("@@")).length;
  assert.is(headings(change(5, 11)), 1);
  assert.is(headings(change(5, 20)), 2);
});

const texts = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 });

/** What comes of applying a diff, as patch(1) would. */
function patched(before: readonly string[], lines: readonly string[]): readonly string[] {
  const result: string[] = [];
  let at = 0;
  for (const line of lines) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? /.exec(line);
    if (hunk !== null) {
      const start = Number(hunk[1]) - (hunk[2] === "0" ? 0 : 1);
      while (at < start) result.push(before[at++] ?? "");
    } else if (line.startsWith("+")) {
      result.push(line.slice(1));
    } else {
      assert.is(before[at], line.slice(1));
      if (line.startsWith(" ")) result.push(line.slice(1));
      at++;
    }
  }
  return [...result, ...before.slice(at)];
}

diff("makes the second text of the first", () => {
  const join = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      assert.equal(patched(before, unifiedDiff(join(before), join(after))), after);
    }),
  );
});

requiresFor(diff, "tool:diff")("has as few changed lines as diff(1) at its best", () => {
  const folder = mkdtempSync(join(tmpdir(), "nspod-diff-"));
  const changes = (lines: readonly string[]): number =>
    lines.filter((line) => /^[-+](?![-+]{2} )/.test(line)).length;
  try {
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        const [a, b] = [join(folder, "a"), join(folder, "b")];
        const text = (lines: readonly string[]): string =>
          lines.map((line) => `${line}\n`).join("");
        writeFileSync(a, text(before));
        writeFileSync(b, text(after));
        let theirs = "";
        try {
          execFileSync("diff", ["--minimal", "-u", a, b], { encoding: "utf8" });
        } catch (error) {
          theirs = (error as { stdout: string }).stdout;
        }
        assert.is(changes(unifiedDiff(text(before), text(after))), changes(theirs.split("\n")));
      }),
      { numRuns: 40 },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

diff.run();
