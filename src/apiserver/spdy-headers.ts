/**
 * Header blocks of SPDY/3: names and values behind their lengths, in one zlib stream per direction that lasts as
 * long as the connection. Source: SPDY Protocol, Draft 3, section 2.6.10.
 */
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from "node:zlib";
import { PodError } from "../base/errors.ts";
import { lengthPrefixed, spdyDictionary } from "./spdy-dictionary.ts";

export type Headers = ReadonlyMap<string, string>;

/** A block that unpacks to more is an attack. */
const maxBlockBytes = 256 * 1024;

/** Unpacks blocks in the order of the calls. */
export class HeaderReader {
  readonly #zlib: Inflate = createInflate({
    dictionary: spdyDictionary,
    flush: constants.Z_SYNC_FLUSH,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  #last: Promise<unknown> = Promise.resolve();

  /** @throws PodError InvalidArgument; the connection is of no use then. */
  read(block: Buffer): Promise<Headers> {
    const next = this.#last.then(async () => parseHeaders(await pass(this.#zlib, block)));
    this.#last = next.catch(() => undefined);
    return next;
  }

  close(): void {
    this.#zlib.destroy();
  }
}

/** Packs blocks in the order of the calls. */
export class HeaderWriter {
  readonly #zlib: Deflate = createDeflate({
    dictionary: spdyDictionary,
    flush: constants.Z_SYNC_FLUSH,
  });
  #last: Promise<unknown> = Promise.resolve();

  write(headers: Headers): Promise<Buffer> {
    const next = this.#last.then(() => pass(this.#zlib, encodeHeaders(headers)));
    this.#last = next.catch(() => undefined);
    return next;
  }

  close(): void {
    this.#zlib.destroy();
  }
}

/** What comes out for what goes in; with a flush at the end of each write nothing stays inside. */
function pass(zlib: Inflate | Deflate, content: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const collect = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > maxBlockBytes) zlib.destroy(broken("a header block that is too large"));
    else chunks.push(chunk);
  };
  const fail = (error?: unknown): void => {
    const isOurs = error instanceof PodError;
    reject(isOurs ? error : broken("a header block that zlib cannot read"));
  };
  zlib.on("data", collect);
  zlib.once("error", fail);
  zlib.once("close", fail);
  zlib.write(content, (error) => (error ? fail(error) : resolve(Buffer.concat(chunks))));
  return promise.finally(() => {
    zlib.off("data", collect);
    zlib.off("close", fail);
    zlib.off("error", fail);
    // What nobody waits for any more must not end the process.
    zlib.on("error", () => undefined);
  });
}

/** @throws PodError InvalidArgument. */
export function parseHeaders(bytes: Buffer): Headers {
  let at = 0;
  const number = (): number => {
    if (at + 4 > bytes.length) throw broken("a header block that ends early");
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > bytes.length) throw broken("a header block that ends early");
    at += length;
    return bytes.toString("utf8", at - length, at);
  };
  const headers = new Map<string, string>();
  for (let left = number(); left > 0; left--) headers.set(text().toLowerCase(), text());
  return headers;
}

export function encodeHeaders(headers: Headers): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(headers.size);
  const pairs = [...headers].flat().map(lengthPrefixed);
  return Buffer.concat([count, ...pairs]);
}

function broken(what: string): PodError {
  return new PodError("InvalidArgument", `The connection does not speak SPDY/3.1: got ${what}`);
}
