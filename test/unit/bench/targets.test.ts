import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { RowId, Series } from "../../bench/rows.ts";
import { judge, targets } from "../../bench/targets.ts";

const verdicts = suite("judge() of the benchmark");

const one = (row: RowId, who: string, ...values: readonly number[]): Series => ({
  row,
  who,
  values,
});

verdicts("compares medians with a multiple of somebody else's", () => {
  const target = { row: "exec", of: { who: "podman" }, limit: 1 / 2 } as const;
  const podman = one("exec", "podman", 90, 100, 999);
  const good = judge(target, [podman, one("exec", "nspod", 1, 50, 51)]);
  assert.equal({ ...good, target: 0 }, { target: 0, value: 50, bound: 50, isMet: true });
  assert.is(judge(target, [podman, one("exec", "nspod", 50.1)]).isMet, false);
});

verdicts("adds to what it compares with", () => {
  const target = { row: "get", of: { who: "node" }, limit: 1, plus: 20 } as const;
  const { bound, isMet } = judge(target, [one("get", "node", 30), one("get", "nspod", 49)]);
  assert.is(bound, 50);
  assert.is(isMet, true);
});

verdicts("compares with nspod's own value in another row", () => {
  const target = { row: "start-at-1000", of: { row: "start-at-1" }, limit: 1.5 } as const;
  const series = [one("start-at-1", "nspod", 10), one("start-at-1000", "nspod", 16)];
  assert.is(judge(target, series).isMet, false);
});

verdicts("wants at least the bound where more is better", () => {
  const target = { row: "rate-1", limit: 100 } as const;
  assert.is(judge(target, [one("rate-1", "nspod", 101)]).isMet, true);
  assert.is(judge(target, [one("rate-1", "nspod", 99)]).isMet, false);
});

verdicts("says nothing when one of the two was not measured", () => {
  const target = { row: "exec", of: { who: "podman" }, limit: 1 / 2 } as const;
  assert.is(judge(target, [one("exec", "nspod", 1)]).isMet, undefined);
  assert.is(judge(target, [one("exec", "podman", 1)]).isMet, undefined);
});

verdicts("has each promise once", () => {
  const words = targets.map(({ row, of }) => JSON.stringify([row, of]));
  assert.is(new Set(words).size, targets.length);
});

verdicts.run();
