import { suite } from "uvu";
import * as assert from "uvu/assert";
import { plotResults } from "../../bench/plot.ts";
import type { Results } from "../../bench/results.ts";

const plot = suite("plotResults()");

const results: Results = {
  date: "2026-01-31",
  machine: { cpus: 2, model: "A & B", memoryGib: 24, kernel: "6.1" },
  versions: {},
  series: [
    { row: "exec", who: "podman", values: [100, 110, 120] },
    { row: "exec", who: "nspod", values: [55] },
    { row: "idle-cpu", who: "nspod", values: [0.1] },
  ],
  absences: [],
};
const svg = plotResults(results);

plot("draws the best first, the longest bar whole and others in proportion", () => {
  const bars = [...svg.matchAll(/<rect x="\d+" y="(\d+)" width="([\d.]+)"/g)];
  const widths = bars.map((each) => Number(each[2]));
  assert.is(widths.length, 2);
  assert.is((widths[0] ?? 0) * 2, widths[1]);
  assert.ok(svg.indexOf(">nspod<") < svg.indexOf(">podman<"));
});

plot("leaves out what only nspod was measured in", () => {
  assert.not.match(svg, "idle pods");
});

plot("escapes what XML reads as its own", () => {
  assert.match(svg, "A &amp; B");
});

plot.run();
