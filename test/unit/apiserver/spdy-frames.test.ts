// Frames of SPDY/3.1: their bytes, and that no way of cutting them apart matters.
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  dataFrame,
  type Frame,
  FrameReader,
  goAwayFrame,
  pingFrame,
  rstStreamFrame,
  synReplyFrame,
  synStreamFrame,
} from "../../../src/apiserver/spdy-frames.ts";

const frames = suite("FrameReader");

function hex(bytes: Buffer): string {
  return bytes.toString("hex").replace(/(.{8})(?=.)/g, "$1 ");
}

frames("frames have the bytes of the specification", () => {
  assert.is(hex(dataFrame(3, Buffer.from("hi"), true)), "00000003 01000002 6869");
  assert.is(hex(pingFrame(7)), "80030006 00000004 00000007");
  assert.is(hex(rstStreamFrame(5, 3)), "80030003 00000008 00000005 00000003");
  assert.is(hex(goAwayFrame(9)), "80030007 00000008 00000009 00000000");
  assert.is(hex(synReplyFrame(1, Buffer.of(0xab))), "80030002 00000005 00000001 ab");
  assert.is(hex(synStreamFrame(1, Buffer.of(0xab))), "80030001 0000000b 00000001 00000000 0000ab");
});

frames("reads what it writes, however it is cut", () => {
  const part = fc.record({ id: fc.integer({ min: 1, max: 2 ** 31 - 1 }), bytes: fc.uint8Array() });
  const kinds = fc.constantFrom("data", "last", "syn", "reply", "ping", "reset");
  const one = fc.tuple(kinds, part);
  fc.assert(
    fc.property(fc.array(one, { maxLength: 8 }), fc.array(fc.nat(40)), (wanted, cuts) => {
      const bytes = Buffer.concat(wanted.map(([kind, { id, bytes }]) => encode(kind, id, bytes)));
      assert.equal(joined(readInParts(bytes, cuts)), joined(readInParts(bytes, [])));
      const ids = joined(readInParts(bytes, cuts)).map(([, id]) => id);
      assert.equal(
        ids,
        wanted.map(([, { id }]) => id),
      );
    }),
  );
});

frames("no bytes do more than end the connection with an InvalidArgument", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        new FrameReader().read(Buffer.from(bytes));
      } catch (error) {
        assert.is((error as { kind?: string }).kind, "InvalidArgument");
      }
    }),
  );
});

frames("a control frame that would fill the memory is refused by its head", () => {
  const head = Buffer.from("8003000100ffffff", "hex");
  assert.throws(() => new FrameReader().read(head), /control frame of 16777215 bytes/);
});

frames("another version is refused", () => {
  const head = Buffer.from("8002000600000004", "hex");
  assert.throws(() => new FrameReader().read(head), /version 2/);
});

frames.run();

function encode(kind: string, id: number, content: Uint8Array): Buffer {
  switch (kind) {
    case "data":
    case "last":
      return dataFrame(id, content, kind === "last");
    case "syn":
      return synStreamFrame(id, content);
    case "reply":
      return synReplyFrame(id, content);
    case "ping":
      return pingFrame(id);
    default:
      return rstStreamFrame(id, 1);
  }
}

function readInParts(bytes: Buffer, cuts: readonly number[]): Frame[] {
  const reader = new FrameReader();
  const found: Frame[] = [];
  let at = 0;
  for (const size of [...cuts, bytes.length]) {
    found.push(...reader.read(bytes.subarray(at, at + size)));
    at += size;
  }
  return found;
}

/** Pieces of one data frame put together again: type, id, content. */
function joined(found: readonly Frame[]): (readonly [string, number, string, boolean])[] {
  const result: (readonly [string, number, string, boolean])[] = [];
  for (const frame of found) {
    const id = "streamId" in frame ? frame.streamId : "id" in frame ? frame.id : 0;
    const content = "content" in frame ? frame.content : "block" in frame ? frame.block : "";
    const isLast = "isLast" in frame && frame.isLast;
    const before = frame.type === "data" ? result.at(-1) : undefined;
    // A frame that was cut goes on; one that follows another of the same stream may look so, too.
    if (before?.[0] === "data" && before[1] === id && !before[3] && isRest(found, frame)) {
      result[result.length - 1] = ["data", id, before[2] + content.toString("hex"), isLast];
    } else result.push([frame.type, id, content === "" ? "" : content.toString("hex"), isLast]);
  }
  return result;
}

/** Only ids that no two neighbours share are told apart: frames of one stream in a row count once. */
function isRest(found: readonly Frame[], frame: Frame): boolean {
  const at = found.indexOf(frame);
  const before = found[at - 1];
  return before?.type === "data" && frame.type === "data" && before.streamId === frame.streamId;
}
