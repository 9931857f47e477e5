// The encoder against native/program.h, and against the verifier and replayer themselves: harmless
// programs run in this process through dist/native/libnspod.so.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { errnos, K, type SyscallName, syscalls } from "../../../src/sys/abi.ts";
import { run, tryRun } from "../../../src/sys/ffi.ts";
import { type Operand, Program, register } from "../../../src/sys/program.ts";

const program = suite("Program");

interface Step {
  readonly name: SyscallName;
  readonly operands: readonly (number | bigint | string | { readonly register: number })[];
  readonly into: number | undefined;
  readonly always: boolean;
}

const anyOperand = fc.oneof(
  fc.integer(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string().filter((text) => !text.includes("\0")),
  fc.record({ register: fc.integer({ min: 0, max: 31 }) }),
);

const anyStep: fc.Arbitrary<Step> = fc.record({
  name: fc.constantFrom(...(Object.keys(syscalls) as SyscallName[])),
  operands: fc.array(anyOperand, { maxLength: 6 }),
  into: fc.option(fc.integer({ min: 0, max: 31 }), { nil: undefined }),
  always: fc.boolean(),
});

function build(steps: readonly Step[]): Program {
  const built = new Program("random", 32);
  for (const { name, operands, into, always } of steps) {
    const placed = operands.map((each): Operand | string =>
      typeof each === "object" ? register(each.register) : each,
    );
    built.call(name, placed, { always, ...(into === undefined ? {} : { into: register(into) }) });
  }
  return built;
}

program("any operations make a buffer of the size that its header says", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 20 }), (steps) => {
      const buffer = build(steps).encode();
      assert.is(buffer.toString("latin1", 0, 4), "NSPG");
      assert.is(buffer.readUInt16LE(6), 16);
      assert.is(buffer.readUInt32LE(8), steps.length);
      const poolSize = buffer.readUInt32LE(12);
      assert.is(poolSize % 8, 0);
      assert.is(buffer.length, 16 + 64 * steps.length + poolSize);
      steps.forEach((step, index) => {
        const at = 16 + 64 * index;
        assert.is(buffer.readUInt16LE(at), syscalls[step.name]);
        assert.is(buffer.readUInt8(at + 2), step.operands.length);
        assert.is(buffer.readInt16LE(at + 4), step.into ?? -1);
      });
    }),
  );
});

program("the verifier takes what the encoder makes, and nothing of it runs after a failure", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 10 }), (steps) => {
      const harmless = steps.map((step) => ({ ...step, always: false }));
      const first = new Program("fails first", 32);
      const answer = first.bytes(Buffer.from([errnos.ENODEV, 0, 0, 0]));
      first.expectZero(answer, 0);
      for (const operation of build(harmless).operations) {
        first.call(operation.name as SyscallName, [], operation.options);
      }
      const done = tryRun(first);
      assert.equal([done.failedOperation, done.errno], [0, errnos.ENODEV]);
    }),
    { numRuns: 50 },
  );
});

program("runs getpid and keeps preset registers", () => {
  const built = new Program("pid", 2);
  const into = built.open("getpid", []);
  const done = run("Cannot ask for the pid", built, [7, 8]);
  assert.is(Number(done.registers[into.number]), process.pid);
  assert.equal(done.registers.slice(0, 2), [7n, 8n]);
});

program("equal strings share one place; bytes do not", () => {
  const built = new Program("pool");
  assert.is(built.string("/proc"), built.string("/proc"));
  assert.is.not(built.bytes(Buffer.alloc(8)).offset, built.bytes(Buffer.alloc(8)).offset);
  assert.throws(() => built.string("a\0b"), /contains a NUL byte/);
});

program("the kernel fills buffers, STORE and LOAD move words, RELOC makes pointers", () => {
  const built = new Program("pipe");
  const fds = built.buffer(8);
  built.call("pipe2", [fds, K.O_CLOEXEC]);
  const [reader, writer] = [built.allocate(), built.allocate()];
  built.load(fds, 0, reader).load(fds, 4, writer);
  const text = built.string("hello");
  const vector = built.bytes(Buffer.concat([Buffer.alloc(8), Buffer.from([5]), Buffer.alloc(7)]));
  built.relocate(vector, 0, text);
  built.call("writev", [writer, vector, 1]);
  const answer = built.buffer(8);
  built.call("read", [reader, answer, 5], { whole: true });
  const copy = built.buffer(4);
  built.store(copy, 0, reader);
  built.close(reader).close(writer);
  const done = run("Cannot use a pipe", built);
  assert.is(built.bytesOf(done.encoded, answer).toString("latin1", 0, 5), "hello");
  const reported = built.bytesOf(done.encoded, fds).readInt32LE(0);
  assert.is(built.bytesOf(done.encoded, copy).readInt32LE(0), reported);
});

program("what reads a tolerated failure is skipped, and so is what reads its result", () => {
  const built = new Program("optional");
  const folder = built.open("openat", [K.AT_FDCWD, "/does/not/exist", K.O_PATH, 0], {
    tolerate: ["ENOENT"],
  });
  const inner = built.open("openat", [folder, "x", K.O_RDONLY, 0]);
  built.close(inner).close(folder);
  const done = run("Cannot open", built);
  assert.is(done.registers[folder.number], BigInt(-errnos.ENOENT));
});

program("after a failure only ALWAYS operations run", () => {
  const built = new Program("cleanup", 1);
  const word = built.bytes(Buffer.from([1, 0, 0, 0]));
  built.expectZero(word, 0);
  const skipped = built.open("getpid", []);
  const always = built.open("getpid", [], { always: true });
  const done = tryRun(built);
  assert.is(done.failedOperation, 0);
  assert.is(done.registers[skipped.number], 0n);
  assert.is(Number(done.registers[always.number]), process.pid);
});

program("the verifier refuses offsets outside of the pool and says where", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 40 }), fc.nat({ max: 3 }), (beyond, before) => {
      const built = new Program("damaged");
      const word = built.buffer(8);
      for (let step = 0; step < before; step++) built.call("getpid", []);
      built.expectZero({ ...word, offset: word.offset + 4 + 4 * beyond }, 0);
      const done = tryRun(built);
      assert.equal([done.failedOperation, done.errno], [before, errnos.EBADMSG]);
    }),
    { numRuns: 50 },
  );
});

program(
  "what is encoded ahead is what encode() gives once, and stale with the next operation",
  () => {
    const built = new Program("ahead");
    const word = built.buffer(8);
    const fresh = built.call("getpid", []).encode();
    built.encodeAhead();
    const ahead = built.encode();
    assert.equal(ahead, fresh);
    // As the C core does.
    ahead.fill(0xff);
    assert.equal(built.encode(), fresh);
    built.encodeAhead();
    built.expectZero(word, 0);
    assert.is(built.encode().readUInt32LE(8), 2);
  },
);

program("more than 32 registers are a bug with a name", () => {
  const built = new Program("greedy", 30);
  built.allocate();
  const last = built.allocate();
  assert.throws(() => built.allocate(), /"greedy" uses more than 32 registers/);
  built.release(last);
  assert.equal(built.allocate(), last);
});

program.run();
