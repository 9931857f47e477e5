/**
 * The frames of a WebSocket, as a client writes and reads them. Pure.
 *
 *   1 bit fin, 3 bits 0, 4 bits opcode │ 1 bit mask, 7 bits length │ 0, 2 or 8 bytes of length │ mask, of a client │ content
 *
 * Lengths of 126 and 127 say that the length follows in 2 or 8 bytes. Source: RFC 6455, 5.2 and 5.4.
 */

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const fin = 0x80;
const masked = 0x80;

/** More than any message of ours has. */
const longestMessage = 1 << 28;

export interface FrameEvents {
  /** A whole message, however many frames it came in. */
  readonly onMessage: (content: Buffer) => void;
  readonly onPing: (content: Buffer) => void;
  readonly onClose: () => void;
}

/**
 * One frame of a client, which is a whole message. A mask of zeros leaves the content as it is: it protects proxies that
 * take the content for HTTP, and there is none between us and the daemon.
 */
export function clientFrame(code: number, ...content: readonly Uint8Array[]): Buffer {
  const size = content.reduce((sum, { length }) => sum + length, 0);
  const head = Buffer.alloc(2 + lengthBytes(size) + 4);
  head[0] = fin | code;
  if (size < 126) {
    head[1] = masked | size;
  } else if (size < 0x10000) {
    head[1] = masked | 126;
    head.writeUInt16BE(size, 2);
  } else {
    head[1] = masked | 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  return Buffer.concat([head, ...content]);
}

export class FrameReader {
  readonly #events: FrameEvents;
  /** What has come and was not used. */
  #chunks: Buffer[] = [];
  #size = 0;
  /** With fewer bytes nothing can go on. */
  #needed = 2;
  /** Of a message whose last frame has not come. */
  #parts: Buffer[] = [];

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  /** @throws Error when the bytes are no frames of a server. */
  feed(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#needed) return;
    let rest = joined(this.#chunks);
    for (;;) {
      this.#needed = frameBytes(rest);
      if (rest.length < this.#needed) break;
      this.#take(rest.subarray(0, this.#needed));
      rest = rest.subarray(this.#needed);
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  #take(frame: Buffer): void {
    const [first = 0] = frame;
    const content = frame.subarray(headBytes(frame));
    switch (first & 0x0f) {
      case opcode.continuation:
      case opcode.text:
      case opcode.binary: {
        this.#parts.push(content);
        if ((first & fin) === 0) return;
        const message = joined(this.#parts);
        this.#parts = [];
        this.#events.onMessage(message);
        return;
      }
      case opcode.ping:
        this.#events.onPing(content);
        return;
      case opcode.close:
        this.#events.onClose();
        return;
      case opcode.pong:
        return;
      default:
        throw new Error(`no frame of a WebSocket: its first byte is ${first}`);
    }
  }
}

/** Without a copy when there is nothing to join. */
function joined(chunks: readonly Buffer[]): Buffer {
  const [only, ...others] = chunks;
  return only !== undefined && others.length === 0 ? only : Buffer.concat(chunks);
}

/** How many bytes the first frame has, or must be there to know it. */
function frameBytes(bytes: Buffer): number {
  const head = headBytes(bytes);
  if (bytes.length < head) return head;
  const [, second = 0] = bytes;
  if ((second & masked) !== 0) throw new Error("a server masks no frames");
  const size =
    head === 2 ? second : head === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (size > longestMessage) throw new Error(`a frame of ${size} bytes is too long`);
  return head + size;
}

/** Of a frame of a server. */
function headBytes(bytes: Buffer): number {
  const [, second = 0] = bytes;
  if (second === 126) return 4;
  return second === 127 ? 10 : 2;
}

function lengthBytes(size: number): number {
  if (size < 126) return 0;
  return size < 0x10000 ? 2 : 8;
}
