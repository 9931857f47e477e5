// Schedules: syntax, the next time, clocks that are put forward and back.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type CronSchedule,
  isTimeZone,
  nextCronTime,
  parseCronSchedule,
  zonedTime,
} from "../../../src/spec/cron-schedule.ts";

const test = suite("cronSchedule");

function parsed(text: string): CronSchedule {
  const schedule = parseCronSchedule(text);
  if (typeof schedule === "string") throw new Error(schedule);
  return schedule;
}

function next(text: string, after: string, zone = "UTC"): string | undefined {
  const ms = nextCronTime(parsed(text), Date.parse(after), zone);
  return ms === undefined ? undefined : new Date(ms).toISOString().replace(":00.000Z", "Z");
}

test("the next time of fields, ranges, steps and names", () => {
  const after = "2026-07-09T14:45:00Z"; // Thursday
  assert.is(next("* * * * *", after), "2026-07-09T14:46Z");
  assert.is(next("*/15 * * * *", after), "2026-07-09T15:00Z");
  assert.is(next("5/20 * * * *", after), "2026-07-09T15:05Z");
  assert.is(next("0 9-17/4 * * *", after), "2026-07-09T17:00Z");
  assert.is(next("30 6 * jan-FEB mon", after), "2027-01-04T06:30Z");
  assert.is(next("0 0 29 2 *", after), "2028-02-29T00:00Z");
  assert.is(next("0 0 30 2 *", after), undefined);
  assert.is(next("@hourly", after), "2026-07-09T15:00Z");
  assert.is(next("@weekly", after), "2026-07-12T00:00Z");
  assert.is(next("@yearly", after), "2027-01-01T00:00Z");
  assert.is(next("@every 1h30m", after), "2026-07-09T16:15Z");
});

test("either day is enough when both are limited, both are needed when one is *", () => {
  assert.is(next("0 0 1 * mon", "2026-07-02T00:00:00Z"), "2026-07-06T00:00Z");
  assert.is(next("0 0 1 * *", "2026-07-02T00:00:00Z"), "2026-08-01T00:00Z");
  assert.is(next("0 0 */2 * sun", "2026-07-09T00:00:00Z"), "2026-07-11T00:00Z");
  assert.is(next("0 0 * * sun", "2026-07-09T00:00:00Z"), "2026-07-12T00:00Z");
});

test("a time that the clock jumps over does not come, one that it shows twice comes twice", () => {
  const zone = "America/New_York";
  // 2026-03-08 02:00 EST is 03:00 EDT; 2026-11-01 02:00 EDT is 01:00 EST.
  assert.is(next("30 2 8 3 *", "2026-03-08T05:00:00Z", zone), "2027-03-08T07:30Z");
  assert.is(next("0 * * * *", "2026-03-08T06:30:00Z", zone), "2026-03-08T07:00Z");
  assert.is(next("30 1 * * *", "2026-11-01T05:00:00Z", zone), "2026-11-01T05:30Z");
  assert.is(next("30 1 * * *", "2026-11-01T05:30:00Z", zone), "2026-11-01T06:30Z");
  assert.is(next("30 1 * * *", "2026-11-01T06:30:00Z", zone), "2026-11-02T06:30Z");
  assert.is(next("0 0 * * *", "2026-06-30T12:00:00Z", "Asia/Kolkata"), "2026-06-30T18:30Z");
  // The day begins at 01:00 there: no midnight.
  assert.is(next("0 0 * * *", "2017-10-15T01:00:00Z", "America/Sao_Paulo"), "2017-10-16T02:00Z");
});

test("what is no schedule says why", () => {
  for (const [text, why] of [
    ["* * * *", /expected exactly 5 fields, found 4/],
    ["60 * * * *", /end of range \(60\) above maximum \(59\)/],
    ["* * 0 * *", /below minimum/],
    ["* * * * 7", /above maximum \(6\)/],
    ["5-1 * * * *", /beyond end of range/],
    ["*/0 * * * *", /positive number/],
    ["* * * foo *", /failed to parse the month/],
    ["a-b-c * * * *", /failed to parse the minute/],
    ["@noon", /unrecognized descriptor/],
    ["@every soon", /failed to parse duration/],
  ] as const) {
    const problem = parseCronSchedule(text);
    assert.type(problem, "string", text);
    assert.match(String(problem), why);
  }
});

test("time zones are IANA names", () => {
  assert.ok(isTimeZone("Europe/Berlin"));
  assert.ok(isTimeZone("Etc/UTC"));
  for (const name of ["Local", "+01:00", "Mars/Base", ""]) assert.not(isTimeZone(name), name);
});

const zones = ["UTC", "America/New_York", "Australia/Lord_Howe", "Europe/London", "Asia/Kathmandu"];

/** What a clock on the wall shows, asked once more in another way. */
function wall(ms: number, zone: string): string {
  return new Date(ms).toLocaleString("sv-SE", { timeZone: zone });
}

test("the next time is the first minute that the clock shows, whatever the zone", () => {
  const minute = fc.integer({ min: 0, max: 59 });
  const hour = fc.integer({ min: 0, max: 23 });
  // Around the changes of 2026.
  const moment = fc.constantFrom(
    ..."2026-03-08 2026-11-01 2026-04-05 2026-10-04 2026-03-29 2026-10-25".split(" "),
  );
  fc.assert(
    fc.property(
      minute,
      hour,
      moment,
      fc.integer({ min: -1440, max: 1440 }),
      fc.constantFrom(...zones),
      (m, h, day, shift, zone) => {
        const afterMs = Date.parse(`${day}T06:00:00Z`) + shift * 60_000;
        const wanted = `${String(h).padStart(2, "0")}:${String(m).padStart(2, "0")}`;
        const found = nextCronTime(parsed(`${m} ${h} * * *`), afterMs, zone) ?? 0;
        assert.is(wall(found, zone).slice(11, 16), wanted);
        assert.ok(found > afterMs && found - afterMs <= 50 * 3_600_000);
        for (let ms = afterMs + 60_000; ms < found; ms += 60_000) {
          assert.is.not(wall(ms, zone).slice(11, 16), wanted);
        }
      },
    ),
    { numRuns: 15 },
  );
});

test("names of object methods are no macros", () => {
  for (const word of ["valueOf", "constructor", "__proto__"]) {
    assert.type(parseCronSchedule(word), "string");
  }
});

test("zoned times have the offset of their day", () => {
  const summer = Date.parse("2026-07-09T14:50:00Z");
  const winter = Date.parse("2026-12-31T23:30:00Z");
  assert.is(zonedTime(summer), "2026-07-09T14:50:00Z");
  assert.is(zonedTime(summer, "Europe/London"), "2026-07-09T15:50:00+01:00");
  assert.is(zonedTime(winter, "Europe/London"), "2026-12-31T23:30:00Z");
  assert.is(zonedTime(winter, "Asia/Kolkata"), "2027-01-01T05:00:00+05:30");
  assert.is(zonedTime(winter, "America/St_Johns"), "2026-12-31T20:00:00-03:30");
});

test("a zoned time is the time that it was made of", () => {
  const zones = fc.constantFrom("UTC", "Pacific/Chatham", "America/New_York", "Asia/Kathmandu");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), zones, (seconds, zone) => {
      assert.is(Date.parse(zonedTime(seconds * 1000, zone)), seconds * 1000);
    }),
    { numRuns: 200 },
  );
});

test("any text is a schedule with a next time in the future, or a sentence", () => {
  const field = fc.stringMatching(/^[*?0-9,\-/a-z]{1,8}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.array(field, { minLength: 5, maxLength: 5 })), (input) => {
      const schedule = parseCronSchedule(typeof input === "string" ? input : input.join(" "));
      if (typeof schedule === "string") return schedule.length > 0;
      const found = nextCronTime(schedule, 0, "UTC");
      return found === undefined || found > 0;
    }),
    { numRuns: 300 },
  );
});

test.run();
