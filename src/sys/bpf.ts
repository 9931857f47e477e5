/**
 * Device policies of cgroups: an eBPF program that the kernel asks before a device is opened or made.
 *
 * The program is assembled here: default deny, then one block of compares for each rule. It is attached with
 * BPF_F_ALLOW_MULTI, so a policy higher up in the tree still counts.
 * Source: Documentation/bpf/standardization/instruction-set.rst, bpf(2), struct bpf_cgroup_dev_ctx of linux/bpf.h.
 */
import { K } from "./abi.ts";
import { run } from "./ffi.ts";
import { type PoolPointer, Program, type Register } from "./program.ts";

export interface DeviceRule {
  /** Block, character, or any device; with "a" the numbers are not looked at. */
  readonly type: "a" | "b" | "c";
  /** Absent: any. */
  readonly major?: number;
  readonly minor?: number;
  /** Some of r, w and m (mknod). */
  readonly access: string;
}

// Registers: r1 is the context on entry, r0 the result.
const type = 2;
const access = 3;
const major = 4;
const minor = 5;
const scratch = 1;

/** Operation codes: class | source or size | operation. */
const op = {
  loadWord: 0x61,
  moveImmediate: 0xb7,
  moveRegister: 0xbf,
  andImmediate: 0x57,
  and32Immediate: 0x54,
  shiftRight32: 0x74,
  jumpNotEqual: 0x55,
  exit: 0x95,
} as const;

function instruction(
  code: number,
  to: number,
  from: number,
  offset: number,
  value: number,
): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(code, 0);
  bytes.writeUInt8(to | (from << 4), 1);
  bytes.writeInt16LE(offset, 2);
  bytes.writeInt32LE(value | 0, 4);
  return bytes;
}

/** Assembles the program of a policy: it returns 1 for an access that some rule allows wholly, else 0. */
export function assembleDevicePolicy(rules: readonly DeviceRule[]): Buffer {
  // The verifier refuses code that is never reached: nothing may stand after a rule that allows everything.
  const always = rules.findIndex((rule) => testsOf(rule).length === 0);
  const used = always < 0 ? rules : rules.slice(0, always + 1);
  return Buffer.concat([
    // u32 access_type = access << 16 | type, u32 major, u32 minor
    instruction(op.loadWord, type, scratch, 0, 0),
    instruction(op.moveRegister, access, type, 0, 0),
    instruction(op.and32Immediate, type, 0, 0, 0xffff),
    instruction(op.shiftRight32, access, 0, 0, 16),
    instruction(op.loadWord, major, scratch, 4, 0),
    instruction(op.loadWord, minor, scratch, 8, 0),
    ...used.flatMap(assembleRule),
    ...(always < 0 ? answer(0) : []),
  ]);
}

function answer(value: number): Buffer[] {
  return [instruction(op.moveImmediate, 0, 0, 0, value), instruction(op.exit, 0, 0, 0, 0)];
}

function assembleRule(rule: DeviceRule): Buffer[] {
  // From the last to the first, because a test skips what comes after it.
  let block = answer(1);
  for (const test of testsOf(rule).toReversed()) block = [...test(block.length), ...block];
  return block;
}

/** What must hold for a rule to allow an access: instructions that skip that many further ones when it does not. */
function testsOf(rule: DeviceRule): ((skip: number) => Buffer[])[] {
  const tests: ((skip: number) => Buffer[])[] = [];
  const notEqual = (register: number, value: number) => (skip: number) => [
    instruction(op.jumpNotEqual, register, 0, skip, value),
  ];
  if (rule.type !== "a") {
    const wanted = rule.type === "b" ? K.BPF_DEVCG_DEV_BLOCK : K.BPF_DEVCG_DEV_CHAR;
    tests.push(notEqual(type, wanted));
  }
  const missing = ~accessBits(rule.access) & accessBits("rwm");
  if (missing !== 0) {
    // Anything wanted beyond what the rule has: not this rule.
    tests.push((skip) => [
      instruction(op.moveRegister, scratch, access, 0, 0),
      instruction(op.andImmediate, scratch, 0, 0, missing),
      instruction(op.jumpNotEqual, scratch, 0, skip, 0),
    ]);
  }
  if (rule.type !== "a" && rule.major !== undefined) tests.push(notEqual(major, rule.major));
  if (rule.type !== "a" && rule.minor !== undefined) tests.push(notEqual(minor, rule.minor));
  return tests;
}

function accessBits(text: string): number {
  const bits = { m: K.BPF_DEVCG_ACC_MKNOD, r: K.BPF_DEVCG_ACC_READ, w: K.BPF_DEVCG_ACC_WRITE };
  return Object.entries(bits).reduce(
    (sum, [letter, bit]) => (text.includes(letter) ? sum | bit : sum),
    0,
  );
}

/** Size of union bpf_attr that these commands look at; the rest is zero. */
const attrSize = 72;
const instructionSize = 8;
const maxAttached = 64;

/** A policy that the kernel has verified and compiled. */
interface LoadedPolicy {
  readonly fd: number;
  /** The kernel's id, known since it was first attached. */
  id: number | undefined;
}

/** By their rules; they stay, because there are few. */
const loaded = new Map<string, LoadedPolicy>();

/**
 * Gives a cgroup the policy and takes away the ones that were attached to it before.
 * @param cgroup - absolute folder of a cgroup v2 cgroup
 * @param options - `isNew`: the cgroup was made just now, so that none can be there.
 * @throws SyscallError e.g. EPERM without CAP_BPF and CAP_NET_ADMIN
 */
export function attachDevicePolicy(
  cgroup: string,
  rules: readonly DeviceRule[],
  { isNew = false }: { readonly isNew?: boolean } = {},
): void {
  const action = `Cannot set the device policy of cgroup "${cgroup}"`;
  const policy = loadedPolicy(action, rules);
  const before = isNew ? [] : attachedPolicies(cgroup);
  const program = new Program(`device policy of "${cgroup}"`);
  const folder = openFolder(program, cgroup);
  if (policy.id === undefined || !before.includes(policy.id)) {
    const attachment = attribute(program, "BPF_PROG_ATTACH", {
      4: policy.fd,
      8: K.BPF_CGROUP_DEVICE,
      12: K.BPF_F_ALLOW_MULTI,
    });
    program.store(attachment, 0, folder);
    program.call("bpf", [K.BPF_PROG_ATTACH, attachment, attrSize]);
  }
  // Only after the new one is there: the cgroup is never without a policy.
  for (const id of before) if (id !== policy.id) detach(program, folder, id);
  program.close(folder);
  run(action, program);
  policy.id ??= attachedPolicies(cgroup).find((id) => !before.includes(id));
}

/** Verifying and compiling take the kernel 0.5 ms: each policy is loaded once. */
function loadedPolicy(action: string, rules: readonly DeviceRule[]): LoadedPolicy {
  const key = JSON.stringify(rules);
  let policy = loaded.get(key);
  if (policy === undefined) {
    const program = new Program("device policy").from("device policy");
    const register = loadPolicy(program, assembleDevicePolicy(rules));
    policy = { fd: Number(run(action, program).registers[register.number]), id: undefined };
    loaded.set(key, policy);
  }
  return policy;
}

/** Kernel ids of the device programs that a cgroup itself has. */
export function attachedPolicies(cgroup: string): number[] {
  const program = new Program(`device policies of "${cgroup}"`);
  const folder = openFolder(program, cgroup);
  const ids = program.buffer(4 * maxAttached);
  // target_fd, attach_type, query_flags, attach_flags, prog_ids, prog_cnt
  const query = attribute(program, "BPF_PROG_QUERY", { 4: K.BPF_CGROUP_DEVICE, 24: maxAttached });
  program.store(query, 0, folder).relocate(query, 16, ids);
  program.call("bpf", [K.BPF_PROG_QUERY, query, attrSize]);
  program.close(folder);
  const done = run(`Cannot read the device policy of cgroup "${cgroup}"`, program);
  const count = program.bytesOf(done.encoded, query).readUInt32LE(24);
  const bytes = program.bytesOf(done.encoded, ids);
  return Array.from({ length: count }, (_, index) => bytes.readUInt32LE(4 * index));
}

function openFolder(program: Program, cgroup: string): Register {
  program.from("device policy");
  const flags = K.O_RDONLY | K.O_DIRECTORY | K.O_CLOEXEC;
  return program.open("openat", [K.AT_FDCWD, cgroup, flags]);
}

function attribute(
  program: Program,
  name: string,
  words: Readonly<Record<number, number>>,
): PoolPointer {
  const bytes = Buffer.alloc(attrSize);
  for (const [offset, value] of Object.entries(words)) bytes.writeUInt32LE(value, Number(offset));
  return program.bytes(bytes, `{${name}}`);
}

/** Loads the program; the register is its descriptor. */
export function loadPolicy(program: Program, code: Buffer): Register {
  const count = code.length / instructionSize;
  // prog_type, insn_cnt, insns, license
  const load = attribute(program, "BPF_PROG_LOAD", { 0: K.BPF_PROG_TYPE_CGROUP_DEVICE, 4: count });
  program.relocate(load, 8, program.bytes(code, `<${count} eBPF instructions>`));
  program.relocate(load, 16, program.string("Apache-2.0"));
  return program.open("bpf", [K.BPF_PROG_LOAD, load, attrSize]);
}

function detach(program: Program, folder: Register, id: number): void {
  const byId = attribute(program, "BPF_PROG_GET_FD_BY_ID", { 0: id });
  // ENOENT: gone since we looked.
  const old = program.open("bpf", [K.BPF_PROG_GET_FD_BY_ID, byId, attrSize], {
    tolerate: ["ENOENT"],
  });
  const detachment = attribute(program, "BPF_PROG_DETACH", { 8: K.BPF_CGROUP_DEVICE });
  program.store(detachment, 0, folder).store(detachment, 4, old);
  // The fourth operand is no argument: it skips the call when the program is gone.
  program.call("bpf", [K.BPF_PROG_DETACH, detachment, attrSize, old], { tolerate: ["ENOENT"] });
  program.close(old);
}
