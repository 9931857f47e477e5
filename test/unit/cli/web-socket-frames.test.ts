import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { clientFrame, FrameReader, opcode } from "../../../src/cli/web-socket-frames.ts";

const fin = 0x80;

/** As a server writes it: with its own reading of RFC 6455, 5.2. */
function serverFrame(first: number, content: Uint8Array): Buffer {
  const { length } = content;
  const size =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  return Buffer.from([first, ...size, ...content]);
}

function read(pieces: readonly Uint8Array[]): readonly (readonly [string, Buffer])[] {
  const heard: (readonly [string, Buffer])[] = [];
  const reader = new FrameReader({
    onMessage: (content) => heard.push(["message", content]),
    onPing: (content) => heard.push(["ping", content]),
    onClose: () => heard.push(["close", Buffer.alloc(0)]),
  });
  for (const piece of pieces) reader.feed(Buffer.from(piece));
  return heard;
}

function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort(
    (left, right) => left - right,
  );
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const frames = suite("FrameReader");

frames("reads the same messages however the bytes are cut", () => {
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom(125, 126, 65_535, 65_536).map((size) => new Uint8Array(size).fill(7)),
  );
  const property = fc.property(
    fc.array(content, { maxLength: 4 }),
    fc.array(fc.nat(), { maxLength: 6 }),
    (contents, places) => {
      const bytes = contents.map((each) => serverFrame(fin | opcode.binary, each));
      const heard = read(cut(Buffer.concat(bytes), places));
      assert.equal(
        heard.map(([, message]) => message),
        contents.map((each) => Buffer.from(each)),
      );
    },
  );
  fc.assert(property, { numRuns: 60 });
});

frames("puts the frames of a message together, also around a ping", () => {
  const heard = read([
    serverFrame(opcode.binary, Buffer.from("a")),
    serverFrame(fin | opcode.ping, Buffer.from("?")),
    serverFrame(opcode.continuation, Buffer.from("b")),
    serverFrame(fin | opcode.continuation, Buffer.from("c")),
    serverFrame(fin | opcode.pong, Buffer.alloc(0)),
    serverFrame(fin | opcode.close, Buffer.from([3, 232])),
  ]);
  assert.equal(
    heard.map(([what, content]) => `${what} ${content}`),
    ["ping ?", "message abc", "close "],
  );
});

frames("refuses what no server sends", () => {
  assert.throws(() => read([Buffer.from([fin | opcode.binary, 0x80, 0, 0, 0, 0])]), /masks no/);
  assert.throws(() => read([serverFrame(fin | 3, Buffer.alloc(0))]), /no frame of a WebSocket/);
  const endless = Buffer.from([fin | opcode.binary, 127, 0, 0, 1, 0, 0, 0, 0, 0]);
  assert.throws(() => read([endless]), /too long/);
});

frames.run();

const frame = suite("clientFrame()");

frame("says its length in the shortest form, and has a mask that changes nothing", () => {
  const heads = [1, 125, 126, 65_535, 65_536].map((size) => {
    const bytes = clientFrame(opcode.binary, Buffer.of(1), Buffer.alloc(size - 1, 9));
    return bytes.subarray(0, bytes.length - size).toString("hex");
  });
  assert.equal(heads, [
    "828100000000",
    "82fd00000000",
    "82fe007e00000000",
    "82feffff00000000",
    "82ff000000000001000000000000",
  ]);
  assert.is(clientFrame(opcode.close).toString("hex"), "888000000000");
});

frame.run();
