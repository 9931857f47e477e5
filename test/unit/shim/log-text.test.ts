import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatLogLine, type LogLine, longestLine } from "../../../src/shim/log-line.ts";
import { LogText, type LogTextOptions } from "../../../src/shim/log-text.ts";
import { logLine } from "./log-line-arbitrary.ts";

const logText = suite("LogText");

const time = "2026-01-02T03:04:05.000000001Z";

/** The text of a file that grows in pieces. */
function textOf(file: Uint8Array, size: number, options: LogTextOptions = {}): string {
  const decoder = new LogText(options);
  const text: string[] = [];
  let done = 0;
  for (let end = size; end < file.length + size; end += size) {
    const { found, used } = decoder.decode(Buffer.from(file.subarray(done, end)));
    text.push(...found.map((each) => each.toString("latin1")));
    done += used;
  }
  return text.join("");
}

/** The same, line by line, as its documentation says it. */
function expected(lines: readonly LogLine[], hasTimes: boolean): string {
  const isContinued = { stdout: false, stderr: false };
  return lines
    .map(({ timestamp, stream, partial, content }) => {
      const head = hasTimes && !isContinued[stream] ? `${timestamp} ` : "";
      isContinued[stream] = partial;
      return `${head}${content.toString("latin1")}${partial ? "" : "\n"}`;
    })
    .join("");
}

logText("gives what was written, for any lines and any pieces", () => {
  // A time that comes again, as a shim writes it.
  const some = fc.oneof(
    logLine,
    logLine.map((line) => ({ ...line, timestamp: time })),
    logLine.map((line) => ({ ...line, timestamp: "2016-10-06T00:17:09.66+02:00" })),
  );
  fc.assert(
    fc.property(
      fc.array(some, { maxLength: 12 }),
      fc.integer({ min: 1, max: 200 }),
      fc.boolean(),
      (lines, size, timestamps) => {
        const file = Buffer.concat(lines.map(formatLogLine));
        assert.is(textOf(file, size, { timestamps }), expected(lines, timestamps));
      },
    ),
  );
});

logText("leaves out what is damaged, too long or torn", () => {
  const damaged = [
    `${time.replace("T", " ")} stdout F no`,
    `${time.replace("01-02", "01-x2")} stdout F no`,
    `${time} stdlog F no`,
    `${time} stdout X no`,
    `${time} stdout F_no`,
    `${time} stdout`,
    "",
    `${time} stdout F ${"x".repeat(longestLine)}`,
  ];
  const good = `${time} stdout F yes`;
  const file = Buffer.from([...damaged.flatMap((each) => [good, each]), good, good].join("\n"));
  for (const size of [1000, longestLine / 4, file.length]) {
    assert.is(textOf(file, size), "yes\n".repeat(damaged.length + 1));
  }
});

logText("a file may end within a line, also one that is too long", () => {
  const decoder = new LogText();
  const torn = decoder.decode(Buffer.from(`${time} stdout F to`));
  assert.equal(torn, { found: [], used: 0 });
  const long = Buffer.from(`${time} stdout F ${"x".repeat(longestLine)}`);
  assert.equal(decoder.decode(long), { found: [], used: long.length });
  decoder.endFile();
  const [text] = decoder.decode(Buffer.from(`${time} stdout F whole\n`)).found;
  assert.is(String(text), "whole\n");
});

logText("since leaves out what is older, also when the clock went back", () => {
  const at = (second: number): string =>
    `${time.replace(":05.", `:0${second}.`)} stdout F ${second}\n`;
  const file = Buffer.from(at(1) + at(3) + at(2) + at(1) + at(2));
  const sinceMs = Date.UTC(2026, 0, 2, 3, 4, 2);
  assert.is(textOf(file, file.length, { sinceMs }), "3\n2\n2\n");
  // As others write it.
  const other = Buffer.from(file.toString().replaceAll("Z ", "+00:00 "));
  assert.is(textOf(other, other.length, { sinceMs }), "3\n2\n2\n");
  assert.is(textOf(file, file.length, { sinceMs: -1e16 }), "1\n3\n2\n1\n2\n");
  assert.is(textOf(file, file.length, { sinceMs: 1e16 }), "");
});

logText.run();
