/**
 * DNS messages (RFC 1035, RFC 2782, RFC 6891): questions in, answers out. Pure; what comes in is hostile.
 *
 *   header    id · flags · 4 counts                 12 bytes
 *   question  labels · type · class                 echoed byte for byte, so that the asker's spelling stays
 *   records   labels · type · class · ttl · data
 *
 * Names are lists of labels, latin1 per byte and in lower case: a label may hold any byte, also a dot. Names that we
 * write are not compressed but for the name of the question.
 */

export const types = {
  A: 1,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const;

export const codes = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
} as const;

export type Name = readonly string[];

export interface Question {
  readonly id: number;
  /** The flag "recursion desired", which the answer repeats. */
  readonly isRecursive: boolean;
  /** 0: a query; others are not done. */
  readonly opcode: number;
  readonly name: Name;
  readonly type: number;
  /** 1: the internet. */
  readonly class: number;
  /** The question as it came. */
  readonly bytes: Buffer;
  /** Longest answer by UDP in bytes, 512..; with `hasOptions` the asker said so. */
  readonly longest: number;
  readonly hasOptions: boolean;
}

export type RecordData =
  | { readonly type: "A"; readonly address: string }
  | { readonly type: "AAAA"; readonly bytes: Buffer }
  | { readonly type: "CNAME" | "PTR"; readonly target: Name }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: Name;
    }
  | { readonly type: "SOA"; readonly server: Name; readonly mailbox: Name; readonly serial: number }
  | { readonly type: "TXT"; readonly text: string };

export type DnsRecord = { readonly name: Name; readonly ttl: number } & RecordData;

export interface Answer {
  readonly code: number;
  readonly isAuthoritative: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
}

const headerBytes = 12;
const internet = 1;
const shortest = 512;
/** What we take and send by UDP at most: below every usual MTU, so nothing is fragmented. */
const ownLongest = 1232;
const pointerToQuestion = Buffer.from([0xc0, headerBytes]);

/** The id of a message that could not be read otherwise. @returns undefined when there is none, or it is an answer. */
export function queryId(message: Buffer): number | undefined {
  if (message.length < headerBytes || (message.readUInt8(2) & 0x80) !== 0) return undefined;
  return message.readUInt16BE(0);
}

/** The one question of a query; undefined when it is malformed. */
export function decodeQuestion(message: Buffer): Question | undefined {
  const id = queryId(message);
  if (id === undefined || message.readUInt16BE(4) !== 1) return undefined;
  const read = readName(message, headerBytes);
  if (read === undefined || read.next + 4 > message.length) return undefined;
  const end = read.next + 4;
  const options = findOptions(message, end);
  if (options === undefined) return undefined;
  const flags = message.readUInt16BE(2);
  return {
    id,
    isRecursive: (flags & 0x0100) !== 0,
    opcode: (flags >> 11) & 15,
    name: read.name,
    type: message.readUInt16BE(read.next),
    class: message.readUInt16BE(read.next + 2),
    bytes: Buffer.from(message.subarray(headerBytes, end)),
    longest: Math.max(shortest, Math.min(options.longest, ownLongest)),
    hasOptions: options.isThere,
  };
}

interface Options {
  readonly isThere: boolean;
  readonly longest: number;
}

/** The OPT record of a query: its class is the size that the asker takes. undefined: malformed. */
function findOptions(message: Buffer, start: number): Options | undefined {
  const counts = [6, 8, 10].map((offset) => message.readUInt16BE(offset));
  let offset = start;
  for (let left = counts.reduce((sum, count) => sum + count, 0); left > 0; left--) {
    const record = readRecord(message, offset);
    if (record === undefined) return undefined;
    if (record.type === types.OPT) return { isThere: true, longest: record.class };
    offset = record.next;
  }
  return { isThere: false, longest: shortest };
}

interface RawRecord {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** Where its data begins, and how much it is. */
  readonly data: number;
  readonly length: number;
  readonly next: number;
}

function readRecord(message: Buffer, offset: number): RawRecord | undefined {
  const read = readName(message, offset);
  if (read === undefined || read.next + 10 > message.length) return undefined;
  const length = message.readUInt16BE(read.next + 8);
  const data = read.next + 10;
  if (data + length > message.length) return undefined;
  return {
    name: read.name,
    type: message.readUInt16BE(read.next),
    class: message.readUInt16BE(read.next + 2),
    ttl: message.readUInt32BE(read.next + 4) & 0x7fffffff,
    data,
    length,
    next: data + length,
  };
}

/**
 * A name with its pointers. Pointers lead to earlier bytes only, so they end.
 * @returns undefined when it is malformed or longer than 255 bytes.
 */
function readName(message: Buffer, start: number): { name: Name; next: number } | undefined {
  const name: string[] = [];
  let offset = start;
  let lowest = start;
  let next: number | undefined;
  let bytes = 1;
  for (;;) {
    if (offset >= message.length) return undefined;
    const length = message.readUInt8(offset);
    if (length === 0) return { name, next: next ?? offset + 1 };
    if (length >= 0xc0) {
      if (offset + 2 > message.length) return undefined;
      const target = message.readUInt16BE(offset) & 0x3fff;
      if (target >= lowest) return undefined;
      next ??= offset + 2;
      lowest = target;
      offset = target;
      continue;
    }
    if (length > 63 || offset + 1 + length > message.length) return undefined;
    bytes += length + 1;
    if (bytes > 255) return undefined;
    name.push(lowerCase(message.toString("latin1", offset + 1, offset + 1 + length)));
    offset += length + 1;
  }
}

/** ASCII only: other bytes have no case in DNS. */
function lowerCase(label: string): string {
  return label.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/**
 * The addresses and aliases in somebody's answer, in their order.
 * @returns undefined when it is malformed or says that something went wrong.
 */
export function decodeAnswers(message: Buffer): readonly DnsRecord[] | undefined {
  if (message.length < headerBytes || (message.readUInt8(3) & 15) !== codes.ok) return undefined;
  let offset = headerBytes;
  for (let left = message.readUInt16BE(4); left > 0; left--) {
    const read = readName(message, offset);
    if (read === undefined) return undefined;
    offset = read.next + 4;
  }
  const found: DnsRecord[] = [];
  for (let left = message.readUInt16BE(6); left > 0; left--) {
    const record = readRecord(message, offset);
    if (record === undefined) return undefined;
    const data = record.class === internet ? recordData(message, record) : undefined;
    if (data !== undefined) found.push({ name: record.name, ttl: record.ttl, ...data });
    offset = record.next;
  }
  return found;
}

function recordData(message: Buffer, { type, data, length }: RawRecord): RecordData | undefined {
  if (type === types.A && length === 4) {
    return { type: "A", address: [...message.subarray(data, data + 4)].join(".") };
  }
  if (type === types.AAAA && length === 16) {
    return { type: "AAAA", bytes: Buffer.from(message.subarray(data, data + 16)) };
  }
  const target = type === types.CNAME ? readName(message, data)?.name : undefined;
  return target === undefined ? undefined : { type: "CNAME", target };
}

/** The whole answer; records that do not fit in `longest` bytes go, and the flag "truncated" says so. */
export function encodeAnswer(question: Question, answer: Answer, longest: number): Buffer {
  const ask = question.name.join("\0");
  const encode = (record: DnsRecord): Buffer =>
    encodeRecord(record, record.name.join("\0") === ask ? pointerToQuestion : undefined);
  const options = question.hasOptions ? [optionsRecord()] : [];
  let left = longest - headerBytes - question.bytes.length - sizeOf(options);
  let isCut = false;
  const fit = (records: readonly DnsRecord[]): Buffer[] => {
    const kept: Buffer[] = [];
    for (const record of records.map(encode)) {
      if (isCut || record.length > left) {
        isCut = true;
        break;
      }
      left -= record.length;
      kept.push(record);
    }
    return kept;
  };
  const answers = fit(answer.answers);
  const authority = fit(answer.authority);
  const isTruncated = isCut;
  // What nobody asked for may be missing.
  const additional = isCut ? [] : fit(answer.additional);
  const header = encodeHeader(question, answer, isTruncated);
  const counts = [1, answers.length, authority.length, additional.length + options.length];
  for (const [index, count] of counts.entries()) header.writeUInt16BE(count, 4 + 2 * index);
  return Buffer.concat([
    header,
    question.bytes,
    ...answers,
    ...authority,
    ...additional,
    ...options,
  ]);
}

function sizeOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function encodeHeader(
  { id, isRecursive, opcode }: Question,
  { code, isAuthoritative }: Answer,
  isTruncated: boolean,
): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(id, 0);
  const flags =
    0x8000 |
    (opcode << 11) |
    (isAuthoritative ? 0x0400 : 0) |
    (isTruncated ? 0x0200 : 0) |
    (isRecursive ? 0x0100 : 0) |
    // Recursion is available: names of others are asked for.
    0x0080;
  header.writeUInt16BE(flags | code, 2);
  return header;
}

/** The answer to a message of which only the id could be read. */
export function encodeFormatError(id: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x8000 | codes.formatError, 2);
  return header;
}

/** A query of ours. */
export function encodeQuery(id: number, name: Name, type: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x0100, 2);
  header.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(type, 0);
  tail.writeUInt16BE(internet, 2);
  return Buffer.concat([header, encodeName(name), tail]);
}

function optionsRecord(): Buffer {
  const record = Buffer.alloc(11);
  record.writeUInt16BE(types.OPT, 1);
  record.writeUInt16BE(ownLongest, 3);
  return record;
}

function encodeName(name: Name): Buffer {
  const parts = name.flatMap((label) => [
    Buffer.from([label.length]),
    Buffer.from(label, "latin1"),
  ]);
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function encodeRecord(record: DnsRecord, owner: Buffer = encodeName(record.name)): Buffer {
  const data = encodeData(record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(types[record.type], 0);
  fixed.writeUInt16BE(internet, 2);
  fixed.writeUInt32BE(record.ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fixed, data]);
}

function encodeData(record: RecordData): Buffer {
  switch (record.type) {
    case "A":
      return Buffer.from(record.address.split(".").map(Number));
    case "AAAA":
      return record.bytes;
    case "CNAME":
    case "PTR":
      return encodeName(record.target);
    case "SRV": {
      const head = Buffer.alloc(6);
      head.writeUInt16BE(record.priority, 0);
      head.writeUInt16BE(record.weight, 2);
      head.writeUInt16BE(record.port, 4);
      return Buffer.concat([head, encodeName(record.target)]);
    }
    case "SOA": {
      const tail = Buffer.alloc(20);
      // Refresh, retry, expire and how long a "no" may be kept: those of CoreDNS.
      const numbers = [record.serial, 7200, 1800, 86_400, 5];
      for (const [index, value] of numbers.entries()) tail.writeUInt32BE(value, 4 * index);
      return Buffer.concat([encodeName(record.server), encodeName(record.mailbox), tail]);
    }
    case "TXT": {
      const text = Buffer.from(record.text, "latin1").subarray(0, 255);
      return Buffer.concat([Buffer.from([text.length]), text]);
    }
  }
}
