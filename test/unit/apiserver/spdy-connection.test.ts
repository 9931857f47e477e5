// The server's end of SPDY/3.1 with a client made of the same frames: headers through zlib, half closes, resets.
import { once } from "node:events";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SpdyConnection, type SpdyStream } from "../../../src/apiserver/spdy-connection.ts";
import { spdyDictionary } from "../../../src/apiserver/spdy-dictionary.ts";
import {
  dataFrame,
  type Frame,
  FrameReader,
  pingFrame,
  rstStreamFrame,
  synStreamFrame,
} from "../../../src/apiserver/spdy-frames.ts";
import {
  encodeHeaders,
  HeaderReader,
  HeaderWriter,
  parseHeaders,
} from "../../../src/apiserver/spdy-headers.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const spdy = suite("SpdyConnection");

class Client {
  readonly streams: SpdyStream[] = [];
  readonly connection: SpdyConnection;
  readonly #end: Duplex;
  readonly #blocks = new HeaderWriter();
  readonly #reader = new FrameReader();
  readonly #frames: Frame[] = [];

  constructor() {
    const [ours, theirs] = duplexPair();
    this.#end = ours;
    ours.on("error", () => undefined);
    ours.on("data", (chunk: Buffer) => this.#frames.push(...this.#reader.read(chunk)));
    this.connection = new SpdyConnection(theirs, Buffer.alloc(0), (stream) => {
      this.streams.push(stream);
    });
  }

  async open(id: number, headers: Readonly<Record<string, string>>): Promise<SpdyStream> {
    this.send(synStreamFrame(id, await this.#blocks.write(new Map(Object.entries(headers)))));
    await this.answer((frame) => frame.type === "synReply" && frame.streamId === id);
    const stream = this.streams.find((known) => known.id === id);
    if (stream === undefined) throw new Error("the stream was not given out");
    return stream;
  }

  send(bytes: Buffer): void {
    this.#end.write(bytes);
  }

  /** The first frame that fits, now or later. */
  async answer(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.#frames.find(fits);
      if (found !== undefined) return found;
      await once(this.#end, "data");
    }
  }
}

function adler32(bytes: Buffer): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return ((b << 16) | a) >>> 0;
}

spdy("the dictionary is that of the specification", () => {
  assert.is(spdyDictionary.length, 1423);
  assert.is(adler32(spdyDictionary).toString(16), "e3c6a7c2");
});

spdy("header blocks come back, one after the other through one zlib stream", async () => {
  const [writer, reader] = [new HeaderWriter(), new HeaderReader()];
  const names = fc.dictionary(fc.stringMatching(/^[a-z-]{1,12}$/), fc.string());
  await fc.assert(
    fc.asyncProperty(names, async (headers) => {
      const map = new Map(Object.entries(headers));
      assert.equal(await reader.read(await writer.write(map)), map);
    }),
    { numRuns: 50 },
  );
  writer.close();
  reader.close();
});

spdy("no bytes make more of a header block than headers or InvalidArgument", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        const headers = parseHeaders(Buffer.from(bytes));
        assert.ok(encodeHeaders(headers).length <= bytes.length + 4);
      } catch (error) {
        assert.is((error as { kind?: string }).kind, "InvalidArgument");
      }
    }),
  );
});

spdy(
  "a stream carries both directions, and each ends alone",
  withDeadline(5000, async () => {
    const client = new Client();
    const stream = await client.open(1, { streamType: "data", port: "80" });
    assert.is(stream.headers.get("streamtype"), "data");
    client.send(dataFrame(1, Buffer.from("question"), true));
    assert.is(await text(stream), "question");
    stream.end("answer");
    const data = await client.answer((frame) => frame.type === "data" && frame.content.length > 0);
    assert.is((data as { content: Buffer }).content.toString(), "answer");
    await client.answer((frame) => frame.type === "data" && frame.isLast);
  }),
);

spdy(
  "a ping comes back, a reset ends its stream alone",
  withDeadline(5000, async () => {
    const client = new Client();
    const [first, second] = [await client.open(1, { a: "1" }), await client.open(3, { a: "2" })];
    client.send(rstStreamFrame(1, 5));
    await once(first, "close");
    client.send(pingFrame(5));
    await client.answer((frame) => frame.type === "ping" && frame.id === 5);
    assert.is(second.destroyed, false);
  }),
);

spdy(
  "what is no SPDY ends the connection and its streams",
  withDeadline(5000, async () => {
    const client = new Client();
    const stream = await client.open(1, { a: "1" });
    client.send(Buffer.from("80020006000000040000", "hex"));
    await client.connection.closed;
    assert.is(stream.destroyed, true);
  }),
);

spdy(
  "a slow reader stops the connection, and lets it go on",
  withDeadline(10_000, async () => {
    const client = new Client();
    const stream = await client.open(1, { a: "1" });
    const chunk = Buffer.alloc(60_000, 1);
    for (let n = 0; n < 20; n++) client.send(dataFrame(1, chunk, n === 19));
    let size = 0;
    for await (const part of stream) size += (part as Buffer).length;
    assert.is(size, 1_200_000);
  }),
);

spdy.run();
