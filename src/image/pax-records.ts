/**
 * Records of PAX extended headers as bytes: names and attribute values need not be UTF-8, and keys
 * may repeat (sparse format 0.0). tar-stream decodes them as UTF-8 into an object, which loses both.
 *
 *   "<length> <key>=<value>\n" …      length counts the whole record, in decimal
 *
 * Source: POSIX.1-2017 pax "Extended Header"; GNU tar manual "Storing Sparse Files".
 */
import { PodError } from "../base/errors.ts";

export interface PaxRecord {
  /** One character per byte. */
  readonly key: string;
  readonly value: Buffer;
}

/** A part of a sparse file that has content. */
export interface SparseRange {
  readonly offset: number;
  readonly length: number;
}

/** How the content of an entry spreads over the file. */
export interface SparseFile {
  /** Length of the file with its holes. */
  readonly realSize: number;
  /** undefined: the map stands before the content (GNU format 1.0). */
  readonly ranges: readonly SparseRange[] | undefined;
}

/** Ranges that one file may have: each costs memory before any content is seen. */
export const maxSparseRanges = 100_000;

/** @throws PodError InvalidArgument when a record does not fit its length. */
export function parsePaxRecords(bytes: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    // A header may be padded with NUL bytes (old libarchive).
    if (bytes[at] === 0) break;
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 ? "" : bytes.toString("latin1", at, space);
    const length = /^[0-9]{1,7}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = bytes.indexOf(0x3d, space);
    if (
      length < 5 ||
      end > bytes.length ||
      bytes[end - 1] !== 0x0a ||
      equals < 0 ||
      equals >= end
    ) {
      throw new PodError("InvalidArgument", "its PAX header is malformed");
    }
    records.push({
      key: bytes.toString("latin1", space + 1, equals),
      value: Buffer.from(bytes.subarray(equals + 1, end - 1)),
    });
    at = end;
  }
  return records;
}

/** Whole numbers as PAX writes them. @throws PodError InvalidArgument. */
export function paxNumber(value: Buffer, key: string): number {
  const text = value.toString("latin1");
  const number = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(number)) {
    throw new PodError("InvalidArgument", `its PAX record "${key}" is not a number`);
  }
  return number;
}

/**
 * The sparse file that the records describe, in GNU's formats 0.0, 0.1 and 1.0; undefined when it
 * is an ordinary file. @throws PodError InvalidArgument for maps that contradict themselves.
 */
export function sparseOf(records: readonly PaxRecord[]): SparseFile | undefined {
  const last = (key: string): Buffer | undefined =>
    records.findLast((record) => record.key === key)?.value;
  const major = last("GNU.sparse.major")?.toString("latin1");
  const minor = last("GNU.sparse.minor")?.toString("latin1");
  if (major !== undefined || minor !== undefined) {
    if (major === "1" && minor === "0") {
      const realSize = last("GNU.sparse.realsize");
      if (realSize === undefined) throw malformed();
      return { realSize: paxNumber(realSize, "GNU.sparse.realsize"), ranges: undefined };
    }
    if (major !== "0") {
      throw new PodError("InvalidArgument", `its sparse format ${major}.${minor} is not supported`);
    }
  }
  const size = last("GNU.sparse.size");
  if (size === undefined) return undefined;
  const realSize = paxNumber(size, "GNU.sparse.size");
  const map = last("GNU.sparse.map");
  const numbers =
    map === undefined
      ? records
          .filter(({ key }) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes")
          .map(({ key, value }) => paxNumber(value, key))
      : splitNumbers(map);
  return { realSize, ranges: sparseRanges(numbers, realSize) };
}

function splitNumbers(map: Buffer): number[] {
  const text = map.toString("latin1");
  return text === ""
    ? []
    : text.split(",").map((each) => paxNumber(Buffer.from(each), "GNU.sparse.map"));
}

/**
 * Makes ranges of offset, length, offset, length …
 * @throws PodError InvalidArgument unless they ascend, do not overlap and lie inside the file.
 */
export function sparseRanges(numbers: readonly number[], realSize: number): SparseRange[] {
  if (numbers.length % 2 !== 0) throw malformed();
  if (numbers.length / 2 > maxSparseRanges) {
    throw new PodError(
      "ResourceExhausted",
      `its sparse map has more than ${maxSparseRanges} parts`,
    );
  }
  const ranges: SparseRange[] = [];
  let end = 0;
  for (let i = 0; i < numbers.length; i += 2) {
    const [offset = 0, length = 0] = [numbers[i], numbers[i + 1]];
    if (offset < end || offset + length > realSize) throw malformed();
    end = offset + length;
    ranges.push({ offset, length });
  }
  return ranges;
}

function malformed(): PodError {
  return new PodError("InvalidArgument", "its sparse map is malformed");
}
