import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type LogEntry, mergeLogs, ReorderWindow, reorderMs } from "../../../src/cli/log-merge.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const merge = suite("mergeLogs()");

async function* log(source: string, times: readonly string[]): AsyncGenerator<LogEntry<string>> {
  for (const time of times) yield { source, time, line: `${source}${time}` };
}

merge("gives every line once, in order, and keeps the order of each log", async () => {
  const sorted = fc
    .array(fc.integer({ min: 10, max: 99 }).map(String))
    .map((times) => times.sort());
  await fc.assert(
    fc.asyncProperty(fc.array(sorted, { maxLength: 5 }), async (logs) => {
      const merged: LogEntry<string>[] = [];
      for await (const entry of mergeLogs(logs.map((times, index) => log(String(index), times))))
        merged.push(entry);
      assert.equal(
        merged.map(({ time }) => time),
        logs.flat().sort(),
      );
      for (const [index, times] of logs.entries()) {
        const own = merged.filter(({ source }) => source === String(index));
        assert.equal(
          own.map(({ time }) => time),
          times,
        );
      }
    }),
  );
});

merge.run();

const window = suite("ReorderWindow");

window(
  "puts a late line before an earlier arrival, and waits no longer than its time",
  async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const lines = new ReorderWindow<string>(clock, ({ line }) => seen.push(line));
    lines.push({ source: "a", time: "2", line: "second" });
    lines.push({ source: "b", time: "1", line: "first" });
    assert.equal(seen, []);
    await clock.pass(reorderMs);
    assert.equal(seen, ["first", "second"]);
    lines.push({ source: "a", time: "3", line: "third" });
    lines.flush();
    assert.equal(seen, ["first", "second", "third"]);
  },
);

window.run();
