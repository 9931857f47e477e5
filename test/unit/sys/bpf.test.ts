// assembleDevicePolicy(): the eBPF bytes are run in a small machine and compared with the rules read as a sentence.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assembleDevicePolicy, type DeviceRule } from "../../../src/sys/bpf.ts";

interface Access {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  readonly access: string;
}

/** struct bpf_cgroup_dev_ctx of linux/bpf.h: numbers by hand. */
function context({ type, major, minor, access }: Access): Buffer {
  const bits =
    (access.includes("m") ? 1 : 0) |
    (access.includes("r") ? 2 : 0) |
    (access.includes("w") ? 4 : 0);
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE((bits << 16) | (type === "b" ? 1 : 2), 0);
  bytes.writeUInt32LE(major, 4);
  bytes.writeUInt32LE(minor, 8);
  return bytes;
}

/** As much of eBPF as policies use; reading a register that nobody wrote is an error, as for the verifier. */
function execute(code: Buffer, data: Buffer): bigint {
  const registers: (bigint | "context" | undefined)[] = [undefined, "context"];
  const value = (number: number): bigint => {
    const found = registers[number];
    if (typeof found !== "bigint") throw new Error(`register ${number} holds no number`);
    return found;
  };
  for (let at = 0; at < code.length / 8; at++) {
    const to = code.readUInt8(8 * at + 1) & 15;
    const from = code.readUInt8(8 * at + 1) >> 4;
    const offset = code.readInt16LE(8 * at + 2);
    const immediate = BigInt(code.readInt32LE(8 * at + 4));
    switch (code.readUInt8(8 * at)) {
      case 0x61: // BPF_LDX | BPF_MEM | BPF_W
        assert.is(registers[from], "context");
        registers[to] = BigInt(data.readUInt32LE(offset));
        break;
      case 0xb7: // BPF_ALU64 | BPF_MOV | BPF_K
        registers[to] = immediate;
        break;
      case 0xbf: // BPF_ALU64 | BPF_MOV | BPF_X
        registers[to] = value(from);
        break;
      case 0x57: // BPF_ALU64 | BPF_AND | BPF_K
        registers[to] = value(to) & BigInt.asUintN(64, immediate);
        break;
      case 0x54: // BPF_ALU | BPF_AND | BPF_K
        registers[to] = BigInt.asUintN(32, value(to) & immediate);
        break;
      case 0x74: // BPF_ALU | BPF_RSH | BPF_K
        registers[to] = BigInt.asUintN(32, value(to)) >> immediate;
        break;
      case 0x55: // BPF_JMP | BPF_JNE | BPF_K
        if (value(to) !== BigInt.asUintN(64, immediate)) at += offset;
        break;
      case 0x95: // BPF_EXIT
        return value(0);
      default:
        throw new Error(`instruction ${at} is unknown`);
    }
  }
  throw new Error("the program has no end");
}

function isAllowed(rules: readonly DeviceRule[], access: Access): boolean {
  return execute(assembleDevicePolicy(rules), context(access)) === 1n;
}

/** A rule allows an access when it fits and has every letter that is wanted. */
function shouldAllow(rules: readonly DeviceRule[], wanted: Access): boolean {
  return rules.some(
    (rule) =>
      (rule.type === "a" ||
        (rule.type === wanted.type &&
          (rule.major === undefined || rule.major === wanted.major) &&
          (rule.minor === undefined || rule.minor === wanted.minor))) &&
      [...wanted.access].every((letter) => rule.access.includes(letter)),
  );
}

const number = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 0x7fff_ffff }));
const letters = fc.subarray(["r", "w", "m"], { minLength: 1 }).map((found) => found.join(""));
const rule: fc.Arbitrary<DeviceRule> = fc.record(
  { type: fc.constantFrom("a", "b", "c"), access: letters, major: number, minor: number },
  { requiredKeys: ["type", "access"] },
);
const wanted: fc.Arbitrary<Access> = fc.record({
  type: fc.constantFrom("b", "c"),
  access: letters,
  major: number,
  minor: number,
});

const policy = suite("assembleDevicePolicy()");

policy("answers as its rules say", () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 12 }), wanted, (rules, access) => {
      assert.is(isAllowed(rules, access), shouldAllow(rules, access));
    }),
    { numRuns: 2000 },
  );
});

policy("has no instruction that is never reached, which the verifier refuses", () => {
  const all: DeviceRule = { type: "a", access: "rwm" };
  const some: DeviceRule = { type: "c", major: 1, access: "r" };
  assert.equal(assembleDevicePolicy([some, all, some]), assembleDevicePolicy([some, all]));
  assert.is(assembleDevicePolicy([all]).length, 8 * 8);
});

policy("denies everything without a rule", () => {
  assert.not(isAllowed([], { type: "c", major: 1, minor: 3, access: "r" }));
});

policy("needs one rule that has all that is wanted", () => {
  const rules: DeviceRule[] = [
    { type: "c", major: 1, minor: 3, access: "r" },
    { type: "c", major: 1, minor: 3, access: "w" },
  ];
  const open = { type: "c", major: 1, minor: 3 } as const;
  assert.ok(isAllowed(rules, { ...open, access: "r" }));
  assert.ok(isAllowed(rules, { ...open, access: "w" }));
  assert.not(isAllowed(rules, { ...open, access: "rw" }));
});

policy.run();
