/**
 * Builds syscall programs: the flat buffers of native/program.h, which the C core replays.
 *
 * Every operation keeps its origin (a field of the user's YAML, or a phrase), so that
 * `{operation 17, ENOENT}` can become a sentence and `explain()` a readable listing.
 * There are no branches and no loops. An operation that reads a register which holds a tolerated
 * failure is skipped, and its own destination becomes such a register.
 */
import { PodError } from "../base/errors.ts";
import { type ErrnoName, errnos, type SyscallName, syscalls } from "./abi.ts";

/** Number of registers a program has; native/program.h PROGRAM_REGISTERS. */
export const registerCount = 32;

/** A place in the program's data pool. */
export interface PoolPointer {
  readonly kind: "pool";
  readonly offset: number;
  readonly length: number;
  /** How listings print it, e.g. `"/proc"` or `["sh", "-c"]`. */
  readonly text: string;
}

/** A string in the pool: it is put into words only when somebody reads a listing. */
class StringPointer implements PoolPointer {
  readonly kind = "pool";
  readonly offset: number;
  readonly length: number;
  readonly #string: string;

  constructor(offset: number, length: number, string: string) {
    this.offset = offset;
    this.length = length;
    this.#string = string;
  }

  get text(): string {
    return JSON.stringify(this.#string);
  }
}

export interface Register {
  readonly kind: "register";
  readonly number: number;
}

export type Operand = number | bigint | PoolPointer | Register;

export type PseudoName = "RELOC" | "EXPECT0" | "STORE" | "SYNC" | "LOAD" | "DIVIDE";

const pseudoNumbers: Readonly<Record<PseudoName, number>> = {
  RELOC: 0xfff0,
  EXPECT0: 0xfff1,
  STORE: 0xfff2,
  SYNC: 0xfff3,
  LOAD: 0xfff4,
  DIVIDE: 0xfff5,
};

export interface OperationOptions {
  /** Register that takes the return value (a tolerated failure as -errno). */
  readonly into?: Register;
  /** Up to three errno names that are no failure here. */
  readonly tolerate?: readonly ErrnoName[];
  /** Runs even after a failure: closing, switching back. */
  readonly always?: boolean;
  /** A transfer that is repeated until operand 2 bytes are done. */
  readonly whole?: boolean;
}

export interface Operation {
  readonly name: SyscallName | PseudoName;
  readonly operands: readonly Operand[];
  readonly options: OperationOptions;
  /** Where it comes from, e.g. `spec.containers[0].volumeMounts[1]`. */
  readonly origin: string;
}

/** What programs begin with that are alike but for their end; it is compiled once. */
export interface Beginning {
  /** A whole program by itself; only read. */
  readonly encoded: Buffer;
  /** For listings and errors. */
  readonly operations: () => readonly Operation[];
}

const headerSize = 16;
const operationSize = 64;
const magic = 0x4750534e;
const kindNumbers = { literal: 0, pool: 1, register: 2 } as const;

/** A register by number: for conventions between programs, e.g. those that the shim presets. */
export function register(number: number): Register {
  return { kind: "register", number };
}

export class Program {
  /** What the program is for, e.g. `container "web"`: the head of listings and errors. */
  readonly title: string;
  readonly #beginning: Beginning | undefined;
  /** After those of the beginning. */
  readonly #operations: Operation[] = [];
  /** What the pool holds, and where; a string ends with a NUL byte, which is there already. */
  readonly #chunks: { readonly offset: number; readonly content: Uint8Array | string }[] = [];
  #poolSize: number;
  #origin = "";
  readonly #free: number[];
  readonly #strings = new Map<string, PoolPointer>();
  /** What encodeAhead() made; the C core writes into a buffer, so it serves once. */
  #encoded: Buffer | undefined;

  /**
   * @param presetRegisters - the first registers hold input and are not handed out.
   * @param beginning - what comes before the first operation that is added.
   */
  constructor(title: string, presetRegisters = 0, beginning?: Beginning) {
    this.title = title;
    this.#beginning = beginning;
    this.#poolSize = beginning?.encoded.readUInt32LE(12) ?? 0;
    this.#free = Array.from(
      { length: registerCount - presetRegisters },
      (_, index) => registerCount - 1 - index,
    );
  }

  get operations(): readonly Operation[] {
    if (this.#beginning === undefined) return this.#operations;
    return [...this.#beginning.operations(), ...this.#operations];
  }

  /** The operations that follow come from here, until the next call. */
  from(origin: string): this {
    this.#origin = origin;
    return this;
  }

  /** A register nobody uses. @throws PodError Internal when all are taken. */
  allocate(): Register {
    const number = this.#free.pop();
    if (number === undefined) {
      throw new PodError("Internal", `Program "${this.title}" uses more than 32 registers`);
    }
    return register(number);
  }

  /** Gives a register back. */
  release(taken: Register): void {
    this.#free.push(taken.number);
  }

  /** Puts bytes into the pool, 8-byte aligned. @param text - how listings show them. */
  bytes(content: Uint8Array, text = `<${content.length} bytes>`): PoolPointer {
    const { length } = content;
    return { kind: "pool", offset: this.#place(content, length), length, text };
  }

  /** Room for the kernel to write into; read it back with `bytesOf()` after the run. */
  buffer(length: number): PoolPointer {
    return this.bytes(new Uint8Array(length), `<buffer of ${length}>`);
  }

  /** A NUL-terminated string; equal strings share one place. @throws InvalidArgument on NUL. */
  string(text: string): PoolPointer {
    const known = this.#strings.get(text);
    if (known) return known;
    if (text.includes("\0")) {
      throw new PodError("InvalidArgument", `${JSON.stringify(text)} contains a NUL byte`);
    }
    const length = Buffer.byteLength(text) + 1;
    const pointer = new StringPointer(this.#place(text, length), length, text);
    this.#strings.set(text, pointer);
    return pointer;
  }

  /** A NULL-terminated table of pointers: argv, envp. */
  pointers(items: readonly string[]): PoolPointer {
    const targets = items.map((item) => this.string(item));
    const table = this.bytes(
      new Uint8Array(8 * (items.length + 1)),
      `[${targets.map(({ text }) => text).join(", ")}]`,
    );
    targets.forEach((target, index) => {
      this.#add("RELOC", [table.offset + 8 * index, target.offset], {});
    });
    return table;
  }

  /** Writes the address of `target` into the pool at `at + offset` (iovec, sock_fprog, attr). */
  relocate(at: PoolPointer, offset: number, target: PoolPointer): this {
    return this.#add("RELOC", [at.offset + offset, target.offset], {});
  }

  /** Writes the low 32 bits of a register into the pool (an fd inside a struct). */
  store(at: PoolPointer, offset: number, from: Register): this {
    return this.#add("STORE", [at.offset + offset, from.number], {});
  }

  /** Reads an int32 of the pool into a register. */
  load(at: PoolPointer, offset: number, into: Register): this {
    return this.#add("LOAD", [at.offset + offset], { into });
  }

  /** Fails with the errno that stands in the pool unless it is 0 (netlink acknowledgement). */
  expectZero(
    at: PoolPointer,
    offset: number,
    options: Pick<OperationOptions, "tolerate" | "always"> = {},
  ): this {
    return this.#add("EXPECT0", [at.offset + offset], options);
  }

  /** Writes a byte to one fd, then waits for a byte from another; -1 leaves a half out. */
  sync(writeFd: Operand, readFd: Operand): this {
    return this.#add("SYNC", [writeFd, readFd], {});
  }

  /**
   * What follows runs in a child that shares no memory with anybody and is born in the namespace that setns chose;
   * shims know it (native/clone_divided.h). Buffers that are filled before are empty after it.
   */
  divide(): this {
    return this.#add("DIVIDE", [], {});
  }

  /** Adds a system call. Strings become NUL-terminated pool strings. */
  call(
    name: SyscallName,
    operands: readonly (Operand | string)[],
    options: OperationOptions = {},
  ): this {
    const placed = operands.map((item) => (typeof item === "string" ? this.string(item) : item));
    return this.#add(name, placed, options);
  }

  /** Like `call()` into a fresh register, which is returned. */
  open(
    name: SyscallName,
    operands: readonly (Operand | string)[],
    options: Omit<OperationOptions, "into"> = {},
  ): Register {
    const into = this.allocate();
    this.call(name, operands, { ...options, into });
    return into;
  }

  /** Closes a file descriptor, also after a failure, and gives its register back. */
  close(fd: Register): this {
    this.#add("close", [fd], { always: true, tolerate: ["EBADF"] });
    this.release(fd);
    return this;
  }

  get #poolStart(): number {
    const begun = this.#beginning === undefined ? 0 : operationCount(this.#beginning.encoded);
    return headerSize + operationSize * (begun + this.#operations.length);
  }

  /** Takes room for so many bytes. @returns its offset */
  #place(content: Uint8Array | string, length: number): number {
    this.#encoded = undefined;
    const offset = this.#poolSize;
    this.#chunks.push({ offset, content });
    this.#poolSize += length + (-length & 7);
    return offset;
  }

  #add(
    name: SyscallName | PseudoName,
    operands: readonly Operand[],
    options: OperationOptions,
  ): this {
    this.#encoded = undefined;
    this.#operations.push({ name, operands, options, origin: this.#origin });
    return this;
  }

  /** Does the work of the next encode() now, while nobody waits; what is added later undoes that. */
  encodeAhead(): void {
    this.#encoded = this.encode();
  }

  /** The buffer that the C core takes, a new one each time; layout in native/program.h. */
  encode(): Buffer {
    const ahead = this.#encoded;
    if (ahead !== undefined) {
      this.#encoded = undefined;
      return ahead;
    }
    const poolStart = this.#poolStart;
    const bytes = new ArrayBuffer(poolStart + this.#poolSize);
    const buffer = Buffer.from(bytes);
    const words = new Int32Array(bytes, 0, poolStart / 4);
    words[0] = magic;
    words[1] = 1 | (headerSize << 16);
    words[2] = (poolStart - headerSize) / operationSize;
    words[3] = this.#poolSize;
    let at = headerSize;
    if (this.#beginning !== undefined) {
      const { encoded } = this.#beginning;
      at += operationSize * operationCount(encoded);
      encoded.copy(buffer, headerSize, headerSize, at);
      encoded.copy(buffer, poolStart, at);
    }
    for (const operation of this.#operations) {
      encodeOperation(words, at / 4, operation);
      at += operationSize;
    }
    for (const { offset, content } of this.#chunks) {
      if (typeof content === "string") buffer.write(content, poolStart + offset);
      else buffer.set(content, poolStart + offset);
    }
    return buffer;
  }

  /** The bytes of a pool pointer inside an encoded buffer, as the kernel left them. */
  bytesOf(encoded: Buffer, pointer: PoolPointer): Buffer {
    const start = this.#poolStart + pointer.offset;
    return encoded.subarray(start, start + pointer.length);
  }
}

function operationCount(encoded: Buffer): number {
  return encoded.readUInt32LE(8);
}

/** struct program_op, little endian as the machines are: nr, operand_count, flags; destination, kinds; tolerated. */
function encodeOperation(words: Int32Array, at: number, operation: Operation): void {
  const { name, operands, options } = operation;
  const { into, tolerate, always = false, whole = false } = options;
  const number = isPseudo(name) ? pseudoNumbers[name] : syscalls[name];
  let kinds = 0;
  for (let index = 0; index < operands.length; index++) {
    const operand = operands[index] ?? 0;
    const isNumber = typeof operand === "number" || typeof operand === "bigint";
    if (!isNumber) kinds |= kindNumbers[operand.kind] << (2 * index);
    writeOperand(words, at + 4 + 2 * index, operand);
  }
  words[at] = number | (operands.length << 16) | (always ? 1 << 24 : 0) | (whole ? 2 << 24 : 0);
  words[at + 1] = ((into?.number ?? -1) & 0xffff) | (kinds << 16);
  if (tolerate === undefined) return;
  const [first = 0, second = 0, third = 0] = tolerate.map((name) => errnos[name]);
  words[at + 2] = first | (second << 16);
  words[at + 3] = third;
}

/** Two's complement in 64 bits. Numbers go in two halves: a BigInt for each would be half the cost. */
function writeOperand(words: Int32Array, at: number, operand: Operand): void {
  if (typeof operand === "bigint") {
    words[at] = Number(BigInt.asIntN(32, operand));
    words[at + 1] = Number(BigInt.asIntN(32, operand >> 32n));
    return;
  }
  const value = typeof operand === "number" ? operand : placeOf(operand);
  words[at] = value;
  words[at + 1] = Math.floor(value / 2 ** 32);
}

function placeOf(operand: PoolPointer | Register): number {
  return operand.kind === "pool" ? operand.offset : operand.number;
}

export function isPseudo(name: SyscallName | PseudoName): name is PseudoName {
  return name in pseudoNumbers;
}
