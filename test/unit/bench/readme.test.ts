import { suite } from "uvu";
import * as assert from "uvu/assert";
import { replaceSection } from "../../bench/readme.ts";
import type { Results } from "../../bench/results.ts";

const section = suite("replaceSection()");

const results: Results = {
  date: "2026-01-31",
  machine: { cpus: 2, model: "CPU", memoryGib: 24, kernel: "6.1" },
  versions: {},
  series: [{ row: "exec", who: "nspod", values: [30] }],
  absences: [],
};
const [begin, end] = ["<!-- bench: written by make bench -->", "<!-- bench: end -->"];

section("replaces what is between the markers and nothing else", () => {
  const text = replaceSection(`# A\n${begin}\nold\n${end}\nafter\n`, results);
  assert.ok(text.startsWith(`# A\n${begin}\n`));
  assert.ok(text.endsWith(`\n${end}\nafter\n`));
  assert.match(text, "2026-01-31: 2 × CPU");
  assert.not.match(text, "old");
});

section("gives the same again for its own text", () => {
  const once = replaceSection(`${begin}${end}`, results);
  assert.is(replaceSection(once, results), once);
});

section("refuses a text without the markers, with two, or the wrong way round", () => {
  for (const text of ["nothing", begin, `${end}${begin}`, `${begin}${end}${begin}${end}`]) {
    assert.throws(() => replaceSection(text, results), /README.md must have/);
  }
});

section.run();
