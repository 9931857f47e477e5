/**
 * Builds seccomp filters with libseccomp.
 *
 * The result is a classic BPF program as bytes, so a profile is compiled once and installed by any number of
 * programs (`seccomp(SECCOMP_SET_MODE_FILTER)`). In front of libseccomp's code stands a stub of ours: it refuses the
 * x32 ABI and answers ENOSYS for system calls that are newer than the table, so that libraries fall back.
 * Source: seccomp(2), seccomp_rule_add(3), seccomp_export_bpf(3); classic BPF: Documentation/networking/filter.rst.
 */
import { closeSync, fstatSync, readSync } from "node:fs";
import { PodError } from "../base/errors.ts";
import { type ErrnoName, errnoName, errnos, K } from "./abi.ts";
import { loadLibrary, run } from "./ffi.ts";
import { Program } from "./program.ts";

/** Holds when `(argument & mask) == value`. Masks also cut off bits that the kernel ignores in an int. */
export interface MaskTest {
  /** 0..5 */
  readonly argument: number;
  readonly mask: number | bigint;
  readonly value: number | bigint;
}

/** Compares all 64 bits of an argument. */
export interface CompareTest {
  /** 0..5 */
  readonly argument: number;
  readonly comparison: Comparison;
  readonly value: number | bigint;
}

export type ArgumentTest = MaskTest | CompareTest;

export type Comparison = "ne" | "lt" | "le" | "eq" | "ge" | "gt";

/** What happens to a call: it goes on, returns an errno, or ends or stops its thread or process. */
export type FilterAction =
  | "allow"
  | "log"
  | "trap"
  | "killThread"
  | "killProcess"
  | ErrnoName
  /** errno or the tracer's message, 0..65535 */
  | { readonly errno: number }
  | { readonly trace: number };

export interface SyscallRule {
  /** Names that this architecture lacks are left out. */
  readonly names: readonly string[];
  readonly action: FilterAction;
  /** All of them must hold; several rules for one name are alternatives. */
  readonly tests?: readonly ArgumentTest[];
}

export interface FilterProfile {
  readonly rules: readonly SyscallRule[];
  /** For calls without a rule; default EPERM. */
  readonly defaultAction?: FilterAction;
  /** Numbers of system calls that libseccomp may be too old to know. */
  readonly recentSyscalls: Readonly<Record<string, number>>;
  /** Numbers above get ENOSYS; undefined: the default action is for them too. */
  readonly newestSyscall: number | undefined;
  /** Also filters, instead of refuses, the 32-bit ABI of this machine. */
  readonly compat32: boolean;
}

interface Library {
  readonly seccomp_init: (action: number) => Buffer;
  readonly seccomp_release: (context: Buffer) => void;
  readonly seccomp_attr_set: (context: Buffer, attribute: number, value: number) => number;
  readonly seccomp_arch_add: (context: Buffer, arch: number) => number;
  readonly seccomp_arch_remove: (context: Buffer, arch: number) => number;
  readonly seccomp_merge: (context: Buffer, other: Buffer) => number;
  readonly seccomp_syscall_resolve_name: (name: string) => number;
  readonly seccomp_rule_add_array: (
    context: Buffer,
    action: number,
    syscall: number,
    count: number,
    tests: Buffer,
  ) => number;
  readonly seccomp_export_bpf: (context: Buffer, fd: number) => number;
}

let library: Library | undefined;

function seccomp(): Library {
  // SAFETY: the context is a pointer that libseccomp made and that only its functions read; test arrays are copied.
  // BLOCKS: only for computation, about 20 ms for a whole profile.
  library ??= loadLibrary("libseccomp.so.2", {
    seccomp_init: ["pointer", ["uint32"]],
    seccomp_release: ["void", ["pointer"]],
    seccomp_attr_set: ["int", ["pointer", "int", "uint32"]],
    seccomp_arch_add: ["int", ["pointer", "uint32"]],
    seccomp_arch_remove: ["int", ["pointer", "uint32"]],
    seccomp_merge: ["int", ["pointer", "pointer"]],
    seccomp_syscall_resolve_name: ["int", ["string"]],
    seccomp_rule_add_array: ["int", ["pointer", "uint32", "int", "uint32", "pointer"]],
    seccomp_export_bpf: ["int", ["pointer", "int"]],
  }) as Library;
  return library;
}

// seccomp.h
const allow = 0x7fff_0000;
const errnoAction = 0x0005_0000;
const attributeBadArch = 2;
const attributeOptimize = 8;
const binaryTree = 2;
const unknownName = -1;
const comparisons = { ne: 1, lt: 2, le: 3, eq: 4, ge: 5, gt: 6 } as const;
const maskedEqual = 7;
const plainActions = {
  allow,
  log: 0x7ffc_0000,
  trap: 0x0003_0000,
  killThread: 0,
  killProcess: 0x8000_0000,
} as const;
const traceAction = 0x7ff0_0000;
const testSize = 24;

/** Bit that marks the x32 ABI in a system call number (asm/unistd.h). */
const x32Bit = 0x4000_0000;

/**
 * Compiles a profile for this machine.
 * @throws PodError FailedPrecondition when libseccomp refuses a rule
 */
export function buildFilter(profile: FilterProfile): Buffer {
  const lib = seccomp();
  const otherwise = actionNumber(profile.defaultAction ?? "EPERM");
  const context = newContext(otherwise);
  // libseccomp refuses a rule that does what happens anyway.
  const rules = profile.rules.filter(({ action }) => actionNumber(action) !== otherwise);
  try {
    for (const rule of rules) addRule(context, rule, profile.recentSyscalls);
    if (profile.compat32) mergeCompat(context, rules, otherwise);
    const filter = Buffer.concat([versionStub(profile.newestSyscall), exportFilter(context)]);
    checkLength(filter);
    return filter;
  } finally {
    lib.seccomp_release(context);
  }
}

function actionNumber(action: FilterAction): number {
  if (typeof action === "object") {
    return "errno" in action ? errnoAction | action.errno : traceAction | action.trace;
  }
  const plain = new Map<string, number>(Object.entries(plainActions)).get(action);
  return plain ?? errnoAction | errnos[action as ErrnoName];
}

/** The highest number that a rule of the profile names; 0 when this machine knows none of the names. */
export function highestSyscall(
  rules: readonly SyscallRule[],
  recent: Readonly<Record<string, number>>,
): number {
  const numbers = rules.flatMap(({ names }) =>
    names.map((name) => {
      const resolved = seccomp().seccomp_syscall_resolve_name(name);
      return resolved === unknownName ? (recent[name] ?? 0) : resolved;
    }),
  );
  return Math.max(0, ...numbers);
}

function newContext(otherwise: number): Buffer {
  const lib = seccomp();
  const context = lib.seccomp_init(otherwise);
  check(lib.seccomp_attr_set(context, attributeBadArch, errnoAction | errnos.EPERM), "the ABI");
  // Older than 2.5 has no search tree: slower filters, not wrong ones.
  lib.seccomp_attr_set(context, attributeOptimize, binaryTree);
  return context;
}

/** The 32-bit ABI by a context of its own: libseccomp cannot translate numbers that it does not know. */
function mergeCompat(context: Buffer, rules: readonly SyscallRule[], otherwise: number): void {
  const lib = seccomp();
  const compat = newContext(otherwise);
  check(lib.seccomp_arch_add(compat, compatArch()), "the 32-bit ABI");
  check(lib.seccomp_arch_remove(compat, nativeArch()), "the 32-bit ABI");
  for (const rule of rules) addRule(compat, rule, {});
  // Takes the second context over.
  check(lib.seccomp_merge(context, compat), "the 32-bit ABI");
}

function addRule(
  context: Buffer,
  rule: SyscallRule,
  recent: Readonly<Record<string, number>>,
): void {
  const lib = seccomp();
  const action = actionNumber(rule.action);
  const tests = encodeTests(rule.tests ?? []);
  for (const name of rule.names) {
    const resolved = lib.seccomp_syscall_resolve_name(name);
    const number = resolved === unknownName ? recent[name] : resolved;
    // Unknown to this architecture: nobody can call it.
    if (number === undefined) continue;
    const count = rule.tests?.length ?? 0;
    const result = lib.seccomp_rule_add_array(context, action, number, count, tests);
    // A negative number stands for a call of other architectures only; libseccomp may not take it here.
    if (number >= 0) check(result, `system call "${name}"`);
  }
}

function encodeTests(tests: readonly ArgumentTest[]): Buffer {
  const bytes = Buffer.alloc(testSize * Math.max(1, tests.length));
  tests.forEach((test, index) => {
    const at = testSize * index;
    const [operator, first, second] =
      "mask" in test
        ? [maskedEqual, test.mask, test.value]
        : [comparisons[test.comparison], test.value, 0];
    bytes.writeUInt32LE(test.argument, at);
    bytes.writeUInt32LE(operator, at + 4);
    bytes.writeBigUInt64LE(BigInt(first), at + 8);
    bytes.writeBigUInt64LE(BigInt(second), at + 16);
  });
  return bytes;
}

/** Lets libseccomp write to a memory file and reads that back. */
function exportFilter(context: Buffer): Buffer {
  const program = new Program("seccomp filter");
  const memory = program.open("memfd_create", ["seccomp", K.MFD_CLOEXEC]);
  const done = run("Cannot make a seccomp filter", program);
  const fd = Number(done.registers[memory.number]);
  try {
    check(seccomp().seccomp_export_bpf(context, fd), "the filter");
    const filter = Buffer.alloc(fstatSync(fd).size);
    readSync(fd, filter, 0, filter.length, 0);
    return filter;
  } finally {
    closeSync(fd);
  }
}

function check(result: number, what: string): void {
  if (result >= 0) return;
  throw new PodError(
    "FailedPrecondition",
    `Cannot make a seccomp filter: libseccomp refuses ${what} with ${errnoName(-result)}`,
  );
}

/** BPF_MAXINSNS of the kernel. */
const maxInstructions = 4096;

function checkLength(filter: Buffer): void {
  if (filter.length > 8 * maxInstructions) {
    throw new PodError(
      "FailedPrecondition",
      `Cannot make a seccomp filter: it has ${filter.length / 8} instructions, the kernel takes ${maxInstructions}`,
    );
  }
}

function nativeArch(): number {
  return process.arch === "arm64" ? K.AUDIT_ARCH_AARCH64 : K.AUDIT_ARCH_X86_64;
}

function compatArch(): number {
  return process.arch === "arm64" ? K.AUDIT_ARCH_ARM : K.AUDIT_ARCH_I386;
}

/** if (arch == native) { if (nr & x32) return EPERM; if (nr > newest) return ENOSYS; } */
function versionStub(newest: number = x32Bit): Buffer {
  // struct seccomp_data: int nr; u32 arch; …
  const load = 0x20;
  const jumpIfEqual = 0x15;
  const jumpIfGreater = 0x25;
  const jumpIfSet = 0x45;
  const give = 0x06;
  const refusesX32 = process.arch !== "arm64";
  const afterArch = refusesX32 ? 5 : 3;
  return Buffer.concat([
    instruction(load, 0, 0, 4),
    instruction(jumpIfEqual, 0, afterArch, nativeArch()),
    instruction(load, 0, 0, 0),
    ...(refusesX32
      ? [instruction(jumpIfSet, 0, 1, x32Bit), instruction(give, 0, 0, errnoAction | errnos.EPERM)]
      : []),
    instruction(jumpIfGreater, 0, 1, newest),
    instruction(give, 0, 0, errnoAction | errnos.ENOSYS),
  ]);
}

/** struct sock_filter */
function instruction(code: number, whenTrue: number, whenFalse: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(whenTrue, 2);
  bytes.writeUInt8(whenFalse, 3);
  bytes.writeUInt32LE(value >>> 0, 4);
  return bytes;
}
