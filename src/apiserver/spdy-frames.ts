/**
 * Frames of SPDY/3.1 as bytes, big endian; pure. The content of header blocks is spdy-headers.ts'.
 *
 *   control   1 | version 3 (15 bits) | type (16) | flags (8) | length (24) | content
 *   data      0 | stream id (31)                  | flags (8) | length (24) | content
 *
 *   SYN_STREAM 1     stream id, associated id, priority, slot (10 bytes), header block
 *   SYN_REPLY 2      stream id (4), header block        HEADERS 8    the same
 *   RST_STREAM 3     stream id, status                  PING 6       id
 *   GOAWAY 7         last stream id, status             SETTINGS 4, WINDOW_UPDATE 9: nobody here heeds them
 *
 * Data is passed on as it arrives, never collected; a control frame is collected, and has a limit.
 * Source: SPDY Protocol, Draft 3.1, section 2.
 */
import { PodError } from "../base/errors.ts";

export const frameTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export type Frame =
  | {
      readonly type: "data";
      readonly streamId: number;
      readonly content: Buffer;
      readonly isLast: boolean;
    }
  | {
      readonly type: "synStream";
      readonly streamId: number;
      readonly block: Buffer;
      readonly isLast: boolean;
    }
  | {
      readonly type: "synReply" | "headers";
      readonly streamId: number;
      readonly block: Buffer;
      readonly isLast: boolean;
    }
  | { readonly type: "rstStream"; readonly streamId: number; readonly status: number }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goAway" }
  | { readonly type: "other" };

/** FLAG_FIN. */
const lastFlag = 1;
const headSize = 8;

/** A client of Kubernetes sends a few short names and values. */
const maxControlBytes = 64 * 1024;

/** Turns bytes as they come into frames; a long data frame becomes several. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);
  /** What is still to come of a data frame. */
  #data: { readonly streamId: number; left: number; readonly isLast: boolean } | undefined;

  /** @throws PodError InvalidArgument when the bytes are no SPDY/3: the connection is of no use then. */
  read(chunk: Buffer): readonly Frame[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      const frame = this.#data === undefined ? this.#readHead() : this.#readData(this.#data);
      if (frame === undefined) return frames;
      if (frame !== "head") frames.push(frame);
    }
  }

  #take(size: number): Buffer {
    const taken = this.#pending.subarray(0, size);
    this.#pending = this.#pending.subarray(size);
    return taken;
  }

  #readData(data: {
    readonly streamId: number;
    left: number;
    readonly isLast: boolean;
  }): Frame | undefined {
    if (data.left > 0 && this.#pending.length === 0) return undefined;
    const content = this.#take(Math.min(data.left, this.#pending.length));
    data.left -= content.length;
    const isWhole = data.left === 0;
    if (isWhole) this.#data = undefined;
    return { type: "data", streamId: data.streamId, content, isLast: isWhole && data.isLast };
  }

  #readHead(): Frame | "head" | undefined {
    if (this.#pending.length < headSize) return undefined;
    const first = this.#pending.readUInt32BE(0);
    const flags = this.#pending.readUInt8(4);
    const length = this.#pending.readUIntBE(5, 3);
    const isLast = (flags & lastFlag) !== 0;
    if (first >>> 31 === 0) {
      this.#take(headSize);
      this.#data = { streamId: first, left: length, isLast };
      return "head";
    }
    const version = (first >>> 16) & 0x7fff;
    if (version !== 3) throw broken(`version ${version}`);
    if (length > maxControlBytes) throw broken(`a control frame of ${length} bytes`);
    if (this.#pending.length < headSize + length) return undefined;
    this.#take(headSize);
    return controlFrame(first & 0xffff, this.#take(length), isLast);
  }
}

function controlFrame(type: number, content: Buffer, isLast: boolean): Frame {
  const word = (at: number): number => {
    if (content.length < at + 4)
      throw broken(`a frame of type ${type} with ${content.length} bytes`);
    return content.readUInt32BE(at);
  };
  const streamId = (): number => word(0) & 0x7fffffff;
  switch (type) {
    case frameTypes.synStream:
      word(6);
      return { type: "synStream", streamId: streamId(), block: content.subarray(10), isLast };
    case frameTypes.synReply:
      return { type: "synReply", streamId: streamId(), block: content.subarray(4), isLast };
    case frameTypes.headers:
      return { type: "headers", streamId: streamId(), block: content.subarray(4), isLast };
    case frameTypes.rstStream:
      return { type: "rstStream", streamId: streamId(), status: word(4) };
    case frameTypes.ping:
      return { type: "ping", id: word(0) };
    case frameTypes.goAway:
      return { type: "goAway" };
    default:
      return { type: "other" };
  }
}

function broken(what: string): PodError {
  return new PodError("InvalidArgument", `The connection does not speak SPDY/3.1: got ${what}`);
}

export function dataFrame(streamId: number, content: Uint8Array, isLast: boolean): Buffer {
  const head = Buffer.alloc(headSize);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt8(isLast ? lastFlag : 0, 4);
  head.writeUIntBE(content.length, 5, 3);
  return Buffer.concat([head, content]);
}

export function synStreamFrame(streamId: number, block: Uint8Array): Buffer {
  return encodeControl(
    frameTypes.synStream,
    Buffer.concat([words(streamId, 0), Buffer.alloc(2), block]),
  );
}

export function synReplyFrame(streamId: number, block: Uint8Array): Buffer {
  return encodeControl(frameTypes.synReply, Buffer.concat([words(streamId), block]));
}

/** @param status - of section 2.6.3: 1 protocol error, 3 refused, 5 cancelled. */
export function rstStreamFrame(streamId: number, status: number): Buffer {
  return encodeControl(frameTypes.rstStream, words(streamId, status));
}

export function pingFrame(id: number): Buffer {
  return encodeControl(frameTypes.ping, words(id));
}

export function goAwayFrame(lastStreamId: number): Buffer {
  return encodeControl(frameTypes.goAway, words(lastStreamId, 0));
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

function encodeControl(type: number, content: Buffer): Buffer {
  const head = Buffer.alloc(headSize);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUIntBE(content.length, 5, 3);
  return Buffer.concat([head, content]);
}
