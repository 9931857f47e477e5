import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Results } from "../../bench/results.ts";
import { rows } from "../../bench/rows.ts";
import { describeTarget, formatResults, formatValue } from "../../bench/table.ts";

const table = suite("formatResults()");

const results: Results = {
  date: "2026-01-31",
  machine: { cpus: 2, model: "CPU", memoryGib: 24, kernel: "6.1" },
  versions: { podman: "4.3.1" },
  series: [
    { row: "exec", who: "nspod", values: [30] },
    { row: "exec", who: "podman", values: [120, 100] },
    { row: "exec", who: "crun", values: [12] },
    { row: "rate-1", who: "nspod", values: [120] },
    { row: "rate-1", who: "kernel", values: [160] },
    { row: "rate-1", who: "podman", values: [3] },
    { row: "rate-1", who: "crun", values: [80] },
  ],
  absences: [{ row: "exec", who: "docker", reason: "no | such\ncommand" }],
};

table("has a line for each row that was measured: floor, best other and the rest", () => {
  const lines = formatResults(results).split("\n");
  assert.ok(
    lines.includes(
      "| command: exec of true, ms | **30.0** |  |  | crun 12.0 | 2.50 | podman 110 |",
    ),
  );
  assert.ok(
    lines.includes(
      "| pods one by one, pods/s | **120** | kernel 160 | 0.75 | crun 80.0 | 1.50 | podman 3.00 |",
    ),
  );
  assert.not(lines.some((line) => line.startsWith(`| ${rows.up.title},`)));
});

table("says of each promise whether it was kept", () => {
  const text = formatResults(results);
  assert.match(
    text,
    "| command: exec of true: at most 1/2 of podman | 55.0 ms | 30.0 ms | met: 0.55 of it |",
  );
  assert.match(text, "| command: pod up: at most 1/4 of podman |  |  | not measured |");
});

table("names who is missing, and keeps the reason on one line", () => {
  assert.match(
    formatResults(results),
    '- docker is missing in "command: exec of true": no \\| such command',
  );
});

table("describeTarget() is a sentence with the unit", () => {
  assert.is(
    describeTarget({ row: "down-socket", limit: 15 }),
    "pod down, until nothing is left: at most 15 ms",
  );
  assert.is(
    describeTarget({ row: "get", of: { who: "node" }, limit: 1, plus: 20 }),
    "command: list pods: at most node + 20 ms",
  );
});

table("formatValue() keeps three digits", () => {
  assert.is(formatValue(1.234), "1.23");
  assert.is(formatValue(12.34), "12.3");
  assert.is(formatValue(12345.6), "12,346");
});

table.run();
