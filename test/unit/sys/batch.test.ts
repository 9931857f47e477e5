// A batch and a program of the same calls are the same bytes for the C core.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { K } from "../../../src/sys/abi.ts";
import { Batch } from "../../../src/sys/batch.ts";
import { Program } from "../../../src/sys/program.ts";

const batch = suite("Batch");

function writeFile(to: Batch): void {
  const content = to.bytes(Buffer.from("content"));
  to.call("openat", "a\xff", "lpl", [K.AT_FDCWD, to.text("a\xff"), K.O_WRONLY], { into: 0 });
  to.call("write", "a\xff", "rpl", [0, content, 7], { whole: true });
  to.call("ftruncate", "a\xff", "rl", [0, 2 ** 36 + 5]);
  to.call("close", "a\xff", "r", [0]);
}

batch("encodes as Program does", () => {
  const program = new Program("same");
  const content = program.bytes(Buffer.from("content"));
  const name = program.bytes(Buffer.from("a\xff\0", "latin1"));
  const fd = program.open("openat", [K.AT_FDCWD, name, K.O_WRONLY]);
  program.call("write", [fd, content, 7], { whole: true });
  program.call("ftruncate", [fd, 2 ** 36 + 5]);
  program.call("close", [fd]);
  const small = new Batch(16, 64);
  writeFile(small);
  const [found, expected] = [small.encoded(), program.encode()];
  // What fills a piece up to 8 bytes may be anything in a batch.
  const poolStart = 16 + 64 * 4;
  assert.equal(found.subarray(0, poolStart), expected.subarray(0, poolStart));
  assert.is(found.length, expected.length);
  assert.is(found.toString("latin1", poolStart, poolStart + 7), "content");
  assert.is(found.toString("latin1", poolStart + 8, poolStart + 11), "a\xff\0");
});

batch("is the same again after clear()", () => {
  const used = new Batch(16, 64);
  writeFile(used);
  const first = Buffer.from(used.encoded());
  used.clear();
  assert.is(used.length, 0);
  writeFile(used);
  assert.equal(used.encoded().subarray(0, 16 + 64 * 4), first.subarray(0, 16 + 64 * 4));
});

batch("says how much still fits", () => {
  const small = new Batch(2, 16);
  assert.ok(small.hasRoom(2, 16));
  assert.not(small.hasRoom(3, 0));
  small.text("12345678");
  assert.not(small.hasRoom(1, 8));
  small.call("sync", "", "", []);
  assert.ok(small.hasRoom(1, 0));
  assert.not(small.hasRoom(2, 0));
});

batch("names call, path and origin of every operation", () => {
  const small = new Batch(16, 64);
  small.from(() => 'entry 1 ("a")');
  writeFile(small);
  const [open] = small.operations;
  assert.equal([open?.name, open?.origin], ["openat", 'entry 1 ("a")']);
});

batch.run();
