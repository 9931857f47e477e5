import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type AnswerHead, AnswerReader } from "../../../src/cli/http-answer.ts";

interface Seen {
  readonly head: AnswerHead | undefined;
  readonly body: string;
  readonly ends: number;
}

/** What a reader says of these pieces, and of the end of the connection. */
function read(pieces: readonly Buffer[], isClosed = false): Seen {
  let head: AnswerHead | undefined;
  const chunks: Uint8Array[] = [];
  let ends = 0;
  const reader = new AnswerReader({
    onHead: (each) => {
      assert.is(head, undefined);
      head = each;
    },
    onData: (bytes) => chunks.push(bytes),
    onEnd: () => ends++,
  });
  for (const piece of pieces) reader.feed(piece);
  if (isClosed) reader.finish();
  assert.is(reader.isOver, ends === 1);
  return { head, body: Buffer.concat(chunks).toString("latin1"), ends };
}

function readText(text: string, isClosed = false): Seen {
  return read([Buffer.from(text, "latin1")], isClosed);
}

const test = suite("AnswerReader");

test("reads a body with a length, and none that is empty", () => {
  const { head, body, ends } = readText("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  assert.is(head?.status, 200);
  assert.equal([body, ends], ["abc", 1]);
  assert.is(readText("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ends, 1);
  assert.is(readText("HTTP/1.1 204 No Content\r\n\r\n").ends, 1);
  assert.is(readText("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", true).ends, 0);
});

test("reads chunks with their extensions and trailers", () => {
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const whole = readText(`${head}3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nDate: now\r\n\r\n`);
  assert.equal([whole.body, whole.ends], ["abc0123456789", 1]);
  assert.is(readText(`${head}3\r\nabc\r\n`, true).ends, 0);
  assert.throws(() => readText(`${head}x\r\n`), /no size of a chunk/);
  assert.throws(() => readText(`${head}1\r\nab\r\n`), /longer than it says/);
});

test("reads a body without a length until the connection ends", () => {
  assert.is(readText("HTTP/1.1 200 OK\r\n\r\nabc").ends, 0);
  const { body, ends } = readText("HTTP/1.1 200 OK\r\n\r\nabc", true);
  assert.equal([body, ends], ["abc", 1]);
});

test("passes over what comes before the answer, and joins headers of one name", () => {
  const { head } = readText(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nWarning: a\r\nwarning:b\r\n\r\n",
  );
  assert.is(head?.status, 404);
  assert.is(head?.headers.get("warning"), "a, b");
});

test("refuses what is no answer", () => {
  for (const text of [
    "SSH-2.0\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nx\r\n\r\n",
  ]) {
    assert.throws(() => readText(text), /^no /);
  }
  assert.throws(
    () => readText("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    /no length of a body/,
  );
  assert.throws(() => readText("x".repeat(70_000)), /does not end/);
});

test("reads the same however the bytes are cut", () => {
  const chunk = fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(chunk),
      fc.boolean(),
      fc.array(fc.nat({ max: 30 })),
      (chunks, isChunked, cuts) => {
        const body = chunks.join("");
        const framed = chunks.map((each) => `${each.length.toString(16)}\r\n${each}\r\n`).join("");
        const text = isChunked
          ? `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${framed}0\r\n\r\n`
          : `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
        const bytes = Buffer.from(text, "latin1");
        const pieces: Buffer[] = [];
        let from = 0;
        for (const cut of cuts) {
          pieces.push(bytes.subarray(from, from + cut));
          from += cut;
        }
        const seen = read([...pieces, bytes.subarray(from)]);
        assert.equal([seen.body, seen.ends], [body, 1]);
      },
    ),
  );
});

test.run();
