import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { median, quantile, slope } from "../../bench/statistics.ts";

const statistics = suite("statistics of the benchmark");

statistics("median() is the middle, or between the two in the middle", () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 2, 3]), 2.5);
});

statistics("quantile() lies between the least and the most and grows with its part", () => {
  const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(values, part, part, (list, a, b) => {
      const [low, high] = [quantile(list, Math.min(a, b)), quantile(list, Math.max(a, b))];
      assert.ok(low <= high + 1e-6);
      assert.is(quantile(list, 0), Math.min(...list));
      assert.is(quantile(list, 1), Math.max(...list));
    }),
  );
});

statistics("quantile() of nothing is an error", () => {
  assert.throws(() => quantile([], 0.5), /No values/);
});

statistics("slope() finds the line that points lie on", () => {
  assert.is(
    slope([
      [1, 5],
      [2, 8],
      [3, 11],
    ]),
    3,
  );
  assert.throws(
    () =>
      slope([
        [1, 5],
        [1, 6],
      ]),
    /two different places/,
  );
});

statistics.run();
