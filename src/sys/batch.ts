/**
 * A syscall program that is written straight into its buffer: for the hundreds of thousands of
 * operations that unpack an image, where an object per operation would cost more than the calls.
 * The same format as program.ts (native/program.h), without listings; what an operation was about
 * is kept by reference and put into words only when it fails.
 *
 *   [ unused | header | operations … | pool … | unused ]     operations move up to the pool at the end
 */
import { type SyscallName, syscalls } from "./abi.ts";
import type { Operation } from "./program.ts";

const headerSize = 16;
const operationSize = 64;
const magic = 0x4750534e;

export class Batch {
  readonly maxOperations: number;
  readonly maxPool: number;
  readonly #buffer: Buffer;
  readonly #words: Int32Array;
  readonly #poolStart: number;
  #poolSize = 0;
  /** Per operation: the call, the object it works on, where it comes from. */
  readonly #names: SyscallName[] = [];
  readonly #subjects: string[] = [];
  readonly #origins: (() => string)[] = [];
  #origin: () => string = noOrigin;

  constructor(maxOperations: number, maxPool: number) {
    this.maxOperations = maxOperations;
    this.maxPool = maxPool + (-maxPool & 7);
    this.#poolStart = headerSize + operationSize * maxOperations;
    this.#buffer = Buffer.allocUnsafeSlow(this.#poolStart + this.maxPool);
    this.#words = new Int32Array(this.#buffer.buffer, headerSize, 16 * maxOperations);
  }

  get length(): number {
    return this.#names.length;
  }

  /** Room for so many operations and bytes, each piece of them padded to 8 bytes. */
  hasRoom(operations: number, bytes: number): boolean {
    return (
      this.#names.length + operations <= this.maxOperations &&
      this.#poolSize + bytes <= this.maxPool
    );
  }

  /** Bytes that are left in the pool. */
  get freeBytes(): number {
    return this.maxPool - this.#poolSize;
  }

  /** The operations that follow come from here. @param origin - called only when one fails. */
  from(origin: () => string): void {
    this.#origin = origin;
  }

  /** Takes `length` bytes of the pool. @returns their offset. */
  reserve(length: number): number {
    const offset = this.#poolSize;
    this.#poolSize += length + (-length & 7);
    return offset;
  }

  /** Writes bytes into a part of the pool that was taken. */
  fill(offset: number, content: Uint8Array): void {
    this.#buffer.set(content, this.#poolStart + offset);
  }

  bytes(content: Uint8Array): number {
    const offset = this.reserve(content.length);
    this.fill(offset, content);
    return offset;
  }

  /** An integer of 8 bytes. */
  number(value: number): number {
    const offset = this.reserve(8);
    this.#buffer.writeBigInt64LE(BigInt(value), this.#poolStart + offset);
    return offset;
  }

  /** A NUL-terminated string of one character per byte. */
  text(latin1: string): number {
    const offset = this.reserve(latin1.length + 1);
    const at = this.#poolStart + offset;
    this.#buffer.write(latin1, at, latin1.length, "latin1");
    this.#buffer[at + latin1.length] = 0;
    return offset;
  }

  /**
   * Adds a system call.
   * @param subject - the path that it works on, one character per byte.
   * @param kinds - a letter per operand: "l" literal, "p" place in the pool, "r" register.
   * @param options - `into`: register that takes the return value; `whole`: repeated until
   * operand 2 bytes are done, of sendfile operand 3.
   */
  call(
    name: SyscallName,
    subject: string,
    kinds: string,
    operands: readonly number[],
    { into = -1, whole = false }: { readonly into?: number; readonly whole?: boolean } = {},
  ): void {
    let bits = 0;
    for (let i = 0; i < kinds.length; i++) bits |= kindOf(kinds.charCodeAt(i)) << (2 * i);
    const words = this.#words;
    let at = 16 * this.#names.length;
    // struct program_op, little endian: nr, operand_count, flags; destination, kinds; tolerated.
    words[at] = syscalls[name] | (operands.length << 16) | (whole ? 2 << 24 : 0);
    words[at + 1] = (into & 0xffff) | (bits << 16);
    words[at + 2] = 0;
    words[at + 3] = 0;
    at += 4;
    for (let i = 0; i < 6; i++) {
      const value = i < operands.length ? (operands[i] ?? 0) : 0;
      words[at++] = value;
      words[at++] = Math.floor(value / 2 ** 32);
    }
    this.#names.push(name);
    this.#subjects.push(subject);
    this.#origins.push(this.#origin);
  }

  /** The buffer that the C core takes; valid until `clear()`. */
  encoded(): Buffer {
    const start = this.#poolStart - operationSize * this.length;
    this.#buffer.copyWithin(start, headerSize, headerSize + operationSize * this.length);
    const encoded = this.#buffer.subarray(start - headerSize, this.#poolStart + this.#poolSize);
    encoded.writeUInt32LE(magic, 0);
    encoded.writeUInt16LE(1, 4);
    encoded.writeUInt16LE(headerSize, 6);
    encoded.writeUInt32LE(this.length, 8);
    encoded.writeUInt32LE(this.#poolSize, 12);
    return encoded;
  }

  /** For the sentence about an operation that failed. */
  get operations(): readonly Operation[] {
    return this.#names.map((name, index) => {
      const subject = this.#subjects[index] ?? "";
      const text = JSON.stringify(Buffer.from(subject, "latin1").toString("utf8"));
      return {
        name,
        operands: [{ kind: "pool", offset: 0, length: 0, text }],
        options: {},
        origin: this.#origins[index]?.() ?? "",
      };
    });
  }

  clear(): void {
    this.#names.length = 0;
    this.#subjects.length = 0;
    this.#origins.length = 0;
    this.#poolSize = 0;
    this.#origin = noOrigin;
  }
}

function kindOf(letter: number): number {
  if (letter === 0x6c) return 0;
  return letter === 0x70 ? 1 : 2;
}

function noOrigin(): string {
  return "";
}
