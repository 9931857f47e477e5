/**
 * Schedules of CronJobs: five fields of minutes, hours, days of the month, months and days of the week, or a word
 * that stands for them. A schedule names minutes of a wall clock: a time that the clock jumps over does not come, one
 * that it shows twice comes twice.
 *
 *   field   *  ?  5  1-5  MON-FRI  0-30/10  5/15 (from 5 on)  1,2,7
 *   words   @yearly @annually @monthly @weekly @daily @midnight @hourly, @every 1h30m
 *
 * When both the day of the month and the day of the week are limited, either is enough.
 * Source: Kubernetes, "CronJob", "Schedule syntax" (robfig/cron v3, the standard parser).
 */

export type CronSchedule =
  | {
      readonly minutes: ReadonlySet<number>;
      readonly hours: ReadonlySet<number>;
      readonly days: ReadonlySet<number>;
      readonly months: ReadonlySet<number>;
      /** 0 is Sunday. */
      readonly weekdays: ReadonlySet<number>;
      /** Whether a day must fit both fields: one of them was `*`. */
      readonly needsBothDays: boolean;
    }
  | { readonly everyMs: number };

interface Field {
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly words?: readonly string[];
}

const fields = [
  { name: "minute", first: 0, last: 59 },
  { name: "hour", first: 0, last: 23 },
  { name: "day of month", first: 1, last: 31 },
  {
    name: "month",
    first: 1,
    last: 12,
    words: "jan feb mar apr may jun jul aug sep oct nov dec".split(" "),
  },
  { name: "day of week", first: 0, last: 6, words: "sun mon tue wed thu fri sat".split(" ") },
] as const satisfies readonly Field[];

const macros: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

const minuteMs = 60_000;
const hourMs = 3_600_000;
const unitMs: Readonly<Record<string, number>> = { h: hourMs, m: minuteMs, s: 1000 };

/** A day that never comes, such as 30 February, is looked for this long. */
const farthestMs = 5 * 366 * 24 * hourMs;

/** @returns the schedule, or what is wrong with the text. */
export function parseCronSchedule(text: string): CronSchedule | string {
  if (text.startsWith("@every ")) return parseEvery(text.slice("@every ".length));
  // An own property: "valueOf" is no macro.
  const macro = Object.hasOwn(macros, text) ? macros[text] : undefined;
  const words = (macro ?? text).split(/\s+/).filter((word) => word !== "");
  if (text.startsWith("@") && macro === undefined) {
    return `unrecognized descriptor: "${text}": use one of ${Object.keys(macros).join(", ")}`;
  }
  if (words.length !== fields.length) {
    return `expected exactly 5 fields, found ${words.length}: "${text}"`;
  }
  const sets: ReadonlySet<number>[] = [];
  for (const [index, field] of fields.entries()) {
    const set = parseField(words[index] ?? "", field);
    if (typeof set === "string") return set;
    sets.push(set);
  }
  const [minutes, hours, days, months, weekdays] = sets as [
    ReadonlySet<number>,
    ReadonlySet<number>,
    ReadonlySet<number>,
    ReadonlySet<number>,
    ReadonlySet<number>,
  ];
  const needsBothDays = isAny(words[2]) || isAny(words[4]);
  return { minutes, hours, days, months, weekdays, needsBothDays };
}

/**
 * The first time after `afterMs` that a schedule names, in ms since 1970.
 * @param timeZone - IANA name; undefined: that of the daemon.
 * @returns undefined when there is none within five years.
 */
export function nextCronTime(
  schedule: CronSchedule,
  afterMs: number,
  timeZone?: string,
): number | undefined {
  if ("everyMs" in schedule) return Math.floor(afterMs / 1000) * 1000 + schedule.everyMs;
  const zone = new WallClock(timeZone);
  let atMs = Math.floor(afterMs / minuteMs) * minuteMs + minuteMs;
  while (atMs <= afterMs + farthestMs) {
    const time = zone.at(atMs);
    const minutesLeft = 60 - time.minute;
    if (!isDay(schedule, time)) {
      atMs = zone.later(atMs, (24 - time.hour) * 60 - time.minute);
    } else if (!schedule.hours.has(time.hour)) {
      atMs = zone.later(atMs, minutesLeft);
    } else if (!schedule.minutes.has(time.minute)) {
      atMs += minuteMs;
    } else {
      return atMs;
    }
  }
  return undefined;
}

/** Whether there is a time zone of this name. "Local" would be whatever the daemon has. */
export function isTimeZone(name: string): boolean {
  if (name.toLowerCase() === "local") return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    // Offsets are zones to JavaScript and to nobody else.
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

interface WallTime {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
}

/** RFC 3339, as clocks show it in a time zone. @param timeZone - IANA name; undefined: UTC. */
export function zonedTime(atMs: number, timeZone = "UTC"): string {
  const format = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" });
  const part = format.formatToParts(atMs).find(({ type }) => type === "timeZoneName");
  // GMT or GMT+05:30.
  const [, sign = "+", hours = "0", minutes = "0"] =
    /^GMT([+-])(\d+):(\d+)/.exec(part?.value ?? "") ?? [];
  const offsetMinutes = Number(`${sign}${Number(hours) * 60 + Number(minutes)}`);
  const clock = new Date(atMs + offsetMinutes * 60_000).toISOString().slice(0, 19);
  return `${clock}${offsetMinutes === 0 ? "Z" : `${sign}${hours}:${minutes}`}`;
}

/** What clocks show in a time zone. */
class WallClock {
  readonly #format: Intl.DateTimeFormat;

  constructor(timeZone: string | undefined) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      ...(timeZone !== undefined && { timeZone }),
      calendar: "gregory",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
    });
  }

  at(ms: number): WallTime {
    const local = new Date(this.#localMs(ms));
    return {
      minute: local.getUTCMinutes(),
      hour: local.getUTCHours(),
      day: local.getUTCDate(),
      month: local.getUTCMonth() + 1,
      weekday: local.getUTCDay(),
    };
  }

  /** So many minutes later, or one minute when the clock is put forward or back in between. */
  later(ms: number, minutes: number): number {
    const nextMs = ms + minutes * minuteMs;
    const isEven = this.#localMs(nextMs) - this.#localMs(ms) === nextMs - ms;
    return isEven ? nextMs : ms + minuteMs;
  }

  /** The wall clock as if it were UTC. */
  #localMs(ms: number): number {
    // 03/31/2026, 01:59
    const [month = 0, day, year = 0, hour, minute] = (
      this.#format.format(ms).match(/\d+/g) ?? []
    ).map(Number);
    return Date.UTC(year, month - 1, day, hour, minute);
  }
}

function isDay(schedule: Exclude<CronSchedule, { everyMs: number }>, time: WallTime): boolean {
  const { months, days, weekdays, needsBothDays } = schedule;
  if (!months.has(time.month)) return false;
  const [fitsDay, fitsWeekday] = [days.has(time.day), weekdays.has(time.weekday)];
  return needsBothDays ? fitsDay && fitsWeekday : fitsDay || fitsWeekday;
}

function isAny(word = ""): boolean {
  return word.split(",").some((range) => /^[*?](\/1)?$/.test(range));
}

function parseField(text: string, field: Field): ReadonlySet<number> | string {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const range = parseRange(part, field);
    if (typeof range === "string") return range;
    for (let value = range.from; value <= range.to; value += range.step) values.add(value);
  }
  return values;
}

function parseRange(
  part: string,
  field: Field,
): { readonly from: number; readonly to: number; readonly step: number } | string {
  const { name, first, last } = field;
  const found = /^(?:([*?])|(\w+)(?:-(\w+))?)(?:\/(\d{1,9}))?$/.exec(part);
  if (found === null) return `failed to parse the ${name}: "${part}" is no value, range or step`;
  const [, any, start = "", end, stepText] = found;
  const step = Number(stepText ?? 1);
  if (step === 0) return `step of range should be a positive number: "${part}"`;
  if (any !== undefined) return { from: first, to: last, step };
  const from = parseValue(start, field);
  // `5/15` is `5-59/15`.
  const to = end !== undefined ? parseValue(end, field) : stepText === undefined ? from : last;
  for (const [value, word] of [
    [from, start],
    [to, end ?? ""],
  ] as const) {
    if (Number.isNaN(value)) return `failed to parse the ${name}: "${word}" is no value of it`;
  }
  if (from < first) return `beginning of range (${from}) below minimum (${first}): "${part}"`;
  if (to > last) return `end of range (${to}) above maximum (${last}): "${part}"`;
  if (from > to) return `beginning of range (${from}) beyond end of range (${to}): "${part}"`;
  return { from, to, step };
}

function parseValue(word: string, { words = [], first }: Field): number {
  const index = words.indexOf(word.toLowerCase());
  if (index !== -1) return first + index;
  return /^\d{1,9}$/.test(word) ? Number(word) : Number.NaN;
}

function parseEvery(text: string): CronSchedule | string {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([hms])/g)];
  const isWhole = parts.map(([part]) => part).join("") === text && text !== "";
  if (!isWhole) return `failed to parse duration @every ${text}: write it like 1h30m`;
  const ms = parts.reduce(
    (sum, [, amount, unit = ""]) => sum + Number(amount) * (unitMs[unit] ?? 0),
    0,
  );
  return { everyMs: Math.max(1000, Math.floor(ms / 1000) * 1000) };
}
