import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  formatLogLine,
  LineSplitter,
  type LogLine,
  longestLine,
  parseLogLine,
  timestampMs,
} from "../../../src/shim/log-line.ts";
import { logLine } from "./log-line-arbitrary.ts";

const parse = suite("parseLogLine()");

parse("reads the examples of the CRI", () => {
  const line = parseLogLine(Buffer.from("2016-10-06T00:17:09.669794202Z stdout F msg  1 "));
  assert.equal(line && { ...line, content: line.content.toString() }, {
    timestamp: "2016-10-06T00:17:09.669794202Z",
    stream: "stdout",
    partial: false,
    content: "msg  1 ",
  });
  const partial = parseLogLine(Buffer.from("2016-10-06T00:17:09.1+02:00 stderr P:x "));
  assert.equal([partial?.partial, partial?.content.length], [true, 0]);
});

parse("takes any bytes back that were written", () => {
  fc.assert(
    fc.property(logLine, (line) => {
      const parsed = parseLogLine(formatLogLine(line).subarray(0, -1));
      assert.equal(hex(parsed), hex(line));
    }),
  );
});

parse("refuses torn heads", () => {
  const whole = Buffer.from("2016-10-06T00:17:09.669794202Z stdout F ");
  for (let size = 0; size < whole.length; size++) {
    assert.is(parseLogLine(whole.subarray(0, size)), undefined);
  }
  assert.is(parseLogLine(Buffer.from("2016-10-06T00:17:09.669794202Z stdlog F x")), undefined);
  assert.is(parseLogLine(Buffer.from("2016-10-06T00:17:09.669794202Z stdout X x")), undefined);
});

parse("never throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (garbage) => {
      parseLogLine(Buffer.from(garbage));
    }),
  );
});

parse("timestampMs() cuts nanoseconds", () => {
  assert.is(timestampMs("2016-10-06T00:17:09.669794202Z"), Date.UTC(2016, 9, 6, 0, 17, 9, 669));
});

parse.run();

const splitter = suite("LineSplitter");

/** The lines of a file that grows in pieces. */
function linesOf(file: Buffer, size: number): readonly string[] {
  const splitter = new LineSplitter();
  const found: string[] = [];
  let done = 0;
  for (let end = size; end < file.length + size; end += size) {
    const block = file.subarray(done, end);
    done += splitter.split(block, 0, (from, to) => found.push(block.toString("latin1", from, to)));
  }
  return found;
}

splitter("gives the same lines for any pieces", () => {
  const content = fc.array(fc.constantFrom("a", "bc", "\n", "\n\n", "\0"), { maxLength: 60 });
  fc.assert(
    fc.property(content, fc.integer({ min: 1, max: 9 }), (words, size) => {
      const whole = words.join("");
      assert.equal(linesOf(Buffer.from(whole), size), whole.split("\n").slice(0, -1));
    }),
  );
});

splitter("leaves out a line that is too long, and goes on behind it", () => {
  const most = "x".repeat(longestLine);
  const file = Buffer.from(`${most}\n${most}x\n${most}${most}${most}\nnext\n`);
  for (const size of [longestLine / 4, 2 * longestLine, file.length]) {
    assert.equal(linesOf(file, size), [most, "next"]);
  }
});

splitter.run();

function hex(line: LogLine | undefined): unknown {
  return line && { ...line, content: line.content.toString("hex") };
}
