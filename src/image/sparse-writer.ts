/**
 * Spreads the content of a sparse entry over its ranges; the holes stay holes. In GNU's format 1.0
 * the map stands before the content: the count, then offset and length of every range, one decimal
 * number per line, padded to whole blocks.
 *
 * Source: GNU tar manual "Storing Sparse Files".
 */
import { PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import { maxSparseRanges, type SparseRange, sparseRanges } from "./pax-records.ts";
import { writeAll } from "./write-all.ts";

export class SparseWriter {
  readonly #fd: number;
  /** Length of the file. */
  readonly realSize: number;
  #ranges: readonly SparseRange[] | undefined;
  /** The number of the map that is being read, and those before it. */
  #digits = "";
  readonly #numbers: number[] = [];
  #mapBytes = 0;
  /** Bytes between the map and the content. */
  #padding = 0;
  #index = 0;
  /** Bytes of the current range that are written. */
  #done = 0;

  /** @param ranges - undefined: the map comes with the content. */
  constructor(fd: number, realSize: number, ranges: readonly SparseRange[] | undefined) {
    this.#fd = fd;
    this.realSize = realSize;
    this.#ranges = ranges;
  }

  /** @throws PodError InvalidArgument when map and content do not fit. */
  write(chunk: Buffer): void {
    let at = 0;
    while (this.#ranges === undefined && at < chunk.length) this.#readMap(chunk[at++] ?? 0);
    const padding = Math.min(this.#padding, chunk.length - at);
    this.#padding -= padding;
    let rest = chunk.subarray(at + padding);
    while (rest.length > 0) {
      const range = this.#currentRange();
      if (range === undefined) throw refuse("its sparse map is shorter than its content");
      const part = rest.subarray(0, range.length - this.#done);
      failpoint("image/sparse-writer.write");
      writeAll(this.#fd, part, range.offset + this.#done);
      this.#done += part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** @throws PodError InvalidArgument when content is missing. */
  finish(): void {
    if (this.#ranges === undefined || this.#currentRange() !== undefined) {
      throw refuse("its sparse map is longer than its content");
    }
  }

  /** The first range that is not full. */
  #currentRange(): SparseRange | undefined {
    for (;;) {
      const range = this.#ranges?.[this.#index];
      if (range === undefined || this.#done < range.length) return range;
      this.#index++;
      this.#done = 0;
    }
  }

  #readMap(byte: number): void {
    this.#mapBytes++;
    if (byte !== 0x0a) {
      if (byte < 0x30 || byte > 0x39 || this.#digits.length >= 15) throw malformed();
      this.#digits += String.fromCharCode(byte);
      return;
    }
    if (this.#digits === "") throw malformed();
    this.#numbers.push(Number(this.#digits));
    this.#digits = "";
    const count = this.#numbers[0] ?? 0;
    if (count > maxSparseRanges) throw malformed();
    if (this.#numbers.length < 1 + 2 * count) return;
    this.#ranges = sparseRanges(this.#numbers.slice(1), this.realSize);
    this.#padding = (512 - (this.#mapBytes % 512)) % 512;
  }
}

function malformed(): PodError {
  return refuse("its sparse map is malformed");
}

function refuse(message: string): PodError {
  return new PodError("InvalidArgument", message);
}
