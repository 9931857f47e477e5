/**
 * Reads the answer of an HTTP/1.1 server from the bytes of a connection, however they are cut. Pure.
 *
 *   (1xx head)*  head  body: Content-Length bytes | chunks "<hex size>\r\n<bytes>\r\n" and trailers | all until the end
 *
 * What follows 101 (Switching Protocols) is no HTTP: it is given as a body until the end. The server is our own daemon;
 * what is no HTTP before that is an error all the same. Source: RFC 9112, 4, 6 and 7.1; RFC 9110, 15.2.2.
 */

export interface AnswerHead {
  readonly status: number;
  /** By their names in lower case; what came more than once is joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
}

export interface AnswerEvents {
  readonly onHead: (head: AnswerHead) => void;
  readonly onData: (bytes: Uint8Array) => void;
  readonly onEnd: () => void;
}

type State = "head" | "size" | "chunk" | "chunkEnd" | "trailer" | "length" | "untilClose" | "over";

/** More than any answer of ours has. */
const longestHead = 65_536;

export class AnswerReader {
  readonly #events: AnswerEvents;
  #state: State = "head";
  /** Bytes of a body or a chunk that are still to come. */
  #left = 0;
  /** Of a head or a line that has not ended. */
  #kept: Buffer = Buffer.alloc(0);

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** @throws Error when the bytes are no answer of HTTP/1.1. */
  feed(bytes: Buffer): void {
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    this.#kept = Buffer.alloc(0);
    while (rest.length > 0 && this.#state !== "over") {
      const used = this.#step(rest);
      if (used === 0) {
        if (rest.length > longestHead) throw new Error("a line of the answer does not end");
        // A copy: the memory may be used again.
        this.#kept = Buffer.from(rest);
        return;
      }
      rest = rest.subarray(used);
    }
  }

  /** Whether the answer is whole. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** The connection has ended: so has a body that says nothing of its length. */
  finish(): void {
    if (this.#state === "untilClose") this.#end();
  }

  /** @returns how many bytes were used; 0: more are needed. */
  #step(bytes: Buffer): number {
    switch (this.#state) {
      case "head":
        return this.#readHead(bytes);
      case "size":
        return this.#readLine(bytes, (line) => {
          if (!/^[0-9a-f]{1,8}(?:[;\s]|$)/i.test(line))
            throw new Error(`no size of a chunk: "${line}"`);
          this.#left = Number.parseInt(line, 16);
          this.#state = this.#left === 0 ? "trailer" : "chunk";
        });
      case "chunkEnd":
        return this.#readLine(bytes, (line) => {
          if (line !== "") throw new Error("a chunk is longer than it says");
          this.#state = "size";
        });
      case "trailer":
        return this.#readLine(bytes, (line) => {
          if (line === "") this.#end();
        });
      default:
        return this.#readBody(bytes);
    }
  }

  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf("\r\n\r\n");
    if (end === -1) return 0;
    const head = parseHead(bytes.toString("latin1", 0, end));
    // 100 Continue and the like come before the answer.
    if (head.status >= 200 || head.status === 101) {
      this.#events.onHead(head);
      this.#expectBody(head);
    }
    return end + 4;
  }

  #expectBody({ status, headers }: AnswerHead): void {
    const length = headers.get("content-length");
    if (status === 204 || status === 304 || length === "0") {
      this.#end();
    } else if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") {
      this.#state = "size";
    } else if (length === undefined) {
      this.#state = "untilClose";
    } else {
      if (!/^\d+$/.test(length)) throw new Error(`no length of a body: "${length}"`);
      this.#left = Number(length);
      this.#state = "length";
    }
  }

  #readLine(bytes: Buffer, take: (line: string) => void): number {
    const end = bytes.indexOf("\r\n");
    if (end === -1) return 0;
    take(bytes.toString("latin1", 0, end));
    return end + 2;
  }

  #readBody(bytes: Buffer): number {
    const isOpenEnded = this.#state === "untilClose";
    const used = isOpenEnded ? bytes.length : Math.min(bytes.length, this.#left);
    this.#events.onData(bytes.subarray(0, used));
    this.#left -= used;
    if (isOpenEnded || this.#left > 0) return used;
    if (this.#state === "chunk") this.#state = "chunkEnd";
    else this.#end();
    return used;
  }

  #end(): void {
    this.#state = "over";
    this.#events.onEnd();
  }
}

function parseHead(text: string): AnswerHead {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined) throw new Error(`no answer of HTTP/1.1: "${first.slice(0, 80)}"`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`no header: "${line.slice(0, 80)}"`);
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(status), headers };
}
