import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseDuration } from "../../../src/cli/duration.ts";
import { age, humanDuration } from "../../../src/spec/age.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const ages = suite("humanDuration(), age()");

// Cases of k8s.io/apimachinery/pkg/util/duration.
for (const [ms, text] of [
  [-2 * second, "<invalid>"],
  [-2 * second + 1, "0s"],
  [0, "0s"],
  [second - 1, "0s"],
  [2 * minute - 1, "119s"],
  [2 * minute, "2m"],
  [2 * minute + second, "2m1s"],
  [10 * minute - 1, "9m59s"],
  [10 * minute, "10m"],
  [3 * hour - 1, "179m"],
  [3 * hour, "3h"],
  [3 * hour + minute, "3h1m"],
  [8 * hour - 1, "7h59m"],
  [8 * hour, "8h"],
  [2 * day - 1, "47h"],
  [2 * day, "2d"],
  [2 * day + hour, "2d1h"],
  [8 * day - 1, "7d23h"],
  [8 * day, "8d"],
  [2 * 365 * day - 1, "729d"],
  [2 * 365 * day, "2y"],
  [2 * 365 * day + day, "2y1d"],
  [8 * 365 * day - 1, "7y364d"],
  [8 * 365 * day, "8y"],
] as const) {
  ages(`${ms} ms are ${text}`, () => assert.is(humanDuration(ms), text));
}

ages("an age needs a time stamp", () => {
  assert.is(age("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:00:05Z")), "5s");
  assert.is(age(undefined, 0), "<unknown>");
  assert.is(age("never", 0), "<unknown>");
});

ages.run();

const durations = suite("parseDuration()");

durations("reads Go's form and bare seconds", () => {
  assert.is(parseDuration("60s", "--timeout"), 60_000);
  assert.is(parseDuration("1h2m3.5s", "--timeout"), 3_723_500);
  assert.is(parseDuration("250ms", "--timeout"), 250);
  assert.is(parseDuration("30", "--timeout"), 30_000);
});

durations("gives back what it is told, or names the option", () => {
  fc.assert(
    fc.property(fc.nat(99), fc.nat(59), fc.nat(59), (h, m, s) => {
      assert.is(parseDuration(`${h}h${m}m${s}s`, "--since"), ((h * 60 + m) * 60 + s) * 1000);
    }),
  );
  for (const wrong of ["", "-5s", "5x", "s", "1d", "5 s", "1e3", "Infinity"]) {
    assert.throws(() => parseDuration(wrong, "--since"), /--since: must be a duration/);
  }
});

durations.run();
