import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import {
  decodeExit,
  decodeExitFile,
  decodeHello,
  decodeProcess,
  decodeProcesses,
  decodeReply,
  encodeAttach,
  encodeFrame,
  encodeHello,
  encodeId,
  encodeResize,
  encodeSignal,
  encodeStart,
  FrameDecoder,
  frameTypes,
  maxPayload,
} from "../../../src/shim/protocol.ts";
import { entryBytes } from "./entry-bytes.ts";

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const decoder = suite("FrameDecoder");

decoder("gives back every frame, in whatever pieces it arrives", () => {
  const frame = fc.record({ type: fc.nat(0xffff), request: fc.nat(), payload: bytes(200) });
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 50 })), (frames, cuts) => {
      const whole = Buffer.concat(
        frames.map(({ type, request, payload }) => encodeFrame(type, request, payload)),
      );
      const reader = new FrameDecoder();
      const found = pieces(whole, cuts).flatMap((piece) => reader.push(piece));
      assert.equal(
        found.map(({ type, request, payload }) => [type, request, payload.toString("hex")]),
        frames.map(({ type, request, payload }) => [type, request, payload.toString("hex")]),
      );
    }),
  );
});

decoder("ends damaged streams with one kind of error and never grows past a frame", () => {
  fc.assert(
    fc.property(bytes(400), (garbage) => {
      try {
        for (const { payload } of new FrameDecoder().push(garbage)) {
          assert.ok(payload.length <= garbage.length);
        }
      } catch (error) {
        assert.ok(isPodError(error, "Internal"));
      }
    }),
  );
});

decoder("refuses a frame over the limit before its payload comes", () => {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(maxPayload + 1, 0);
  assert.throws(() => new FrameDecoder().push(header), /cannot be/);
  assert.throws(() => encodeFrame(1, 1, Buffer.alloc(maxPayload + 1)), /limit is 4194304/);
});

decoder.run();

const requests = suite("encodeStart()");

requests("has the bytes that shim_protocol.h draws", () => {
  const start = encodeStart({
    id: "web",
    cloneFlags: 0x80000000,
    cgroup: "",
    target: "t",
    tty: true,
    stdin: false,
    stdinOnce: true,
    log: { path: "/l", maxBytes: 2 ** 33, maxFiles: 5 },
    program: Buffer.from("program!"),
  });
  const parts = "7765620000000000" + "7400000000000000" + "2f6c000000000000";
  assert.is(
    start.toString("hex"),
    "0000008000000000" +
      "0000000002000000" +
      "0500000005000000" +
      "0400000000000000" +
      "0200000003000000" +
      "0000000008000000" +
      "0000000000000000" +
      parts +
      Buffer.from("program!").toString("hex"),
  );
});

requests("is always a multiple of 8 with its parts at multiples of 8", () => {
  const word = fc.string({ unit: "grapheme-ascii", maxLength: 40 });
  fc.assert(
    fc.property(word, word, bytes(50), bytes(50), (id, cgroup, prelude, program) => {
      const flags = { cloneFlags: 0, tty: false, stdin: false, stdinOnce: false };
      const start = encodeStart({ id, cgroup, prelude, program, ...flags });
      assert.is(start.length % 8, 0);
      let at = 56;
      for (const [index, part] of [text(id), text(cgroup), "", "", prelude, program].entries()) {
        const size = start.readUInt32LE(24 + 4 * index);
        assert.ok(start.subarray(at, at + size).equals(Buffer.from(part)));
        at += Math.ceil(size / 8) * 8;
      }
      assert.is(at, start.length);
    }),
  );
});

requests("refuses a NUL, which would end the text too early", () => {
  assert.throws(() => encodeId("a\0b"), /NUL/);
});

requests("small requests", () => {
  assert.is(encodeSignal("a", 15).toString("hex"), "0f000000000000006100");
  assert.is(encodeAttach("a", true).toString("hex"), "02000000000000006100");
  assert.is(encodeResize(80, 24).toString("hex"), "5000180000000000");
  assert.is(encodeResize(-1, 1e9).toString("hex"), "0000ffff00000000");
});

requests.run();

const answers = suite("decoders of answers");

answers("read a process that runs and one that has exited", () => {
  const running = decodeProcess(entryBytes({ id: "web", pid: 7, startedAtMs: 5, dropped: 3 }));
  assert.equal(running, { id: "web", pid: 7, startedAtMs: 5, logDroppedBytes: 3 });
  const exit = { exitCode: 137, signal: 9, finishedAtMs: 1795344428463, oomKilled: true };
  const ended = decodeProcess(entryBytes({ id: "web", pid: 7, startedAtMs: 5, exit }));
  assert.equal(ended.exit, { id: "web", pid: 7, startedAtMs: 5, ...exit });
});

answers("read a list, and refuse one that is cut", () => {
  const two = Buffer.concat([entryBytes({ id: "a" }), entryBytes({ id: "b" })]);
  assert.equal(
    decodeProcesses(two).map(({ id }) => id),
    ["a", "b"],
  );
  assert.throws(() => decodeProcesses(two.subarray(0, 300)), /cannot be decoded/);
});

answers("read a record from disk; torn ones and strangers are none", () => {
  const exit = { exitCode: 3, signal: 0, finishedAtMs: 9, oomKilled: false };
  const entry = entryBytes({ id: "web", pid: 7, startedAtMs: 5, exit });
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x5458454e, 0);
  head.writeUInt32LE(1, 4);
  const record = Buffer.concat([head, entry]);
  assert.equal(decodeExitFile(record)?.exitCode, 3);
  for (let size = 0; size < record.length; size++) {
    assert.is(decodeExitFile(record.subarray(0, size)), undefined);
  }
  head.writeUInt32LE(2, 4);
  assert.is(decodeExitFile(Buffer.concat([head, entry])), undefined);
});

answers("refuse anything else with one kind of error", () => {
  fc.assert(
    fc.property(bytes(400), (garbage) => {
      for (const decode of [decodeReply, decodeProcess, decodeProcesses, decodeExit]) {
        try {
          decode(garbage);
        } catch (error) {
          assert.ok(isPodError(error, "Internal"));
        }
      }
      decodeExitFile(garbage);
    }),
  );
});

answers("name the versions when they differ", () => {
  const hello = encodeHello();
  hello.writeInt32LE(42, 8);
  assert.is(decodeHello({ type: frameTypes.hello, request: 0, payload: hello }), 42);
  hello.writeUInt32LE(9, 4);
  const frame = { type: frameTypes.hello, request: 0, payload: hello };
  assert.throws(() => decodeHello(frame), /speaks version 9 .* needs 1/);
  assert.throws(() => decodeHello({ ...frame, type: 3 }), /no shim/);
});

answers.run();

function text(value: string): string {
  return value === "" ? "" : `${value}\0`;
}

function pieces(whole: Buffer, cuts: readonly number[]): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  for (let index = 0; at < whole.length; index++) {
    const size = cuts[index % Math.max(cuts.length, 1)] ?? whole.length;
    found.push(whole.subarray(at, at + size));
    at += size;
  }
  return found;
}
