import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sendStream } from "../../../src/apiserver/stream-answer.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const test = suite("sendStream()");

const pieces = 4096;
/** Less than what a stream holds back: whether it takes more says nothing of what it has written. */
const pieceBytes = 4096;

/** Chunks of one value each, all in the same memory. */
async function* sharing(asked: number[]): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(pieceBytes);
  for (let piece = 0; piece < pieces; piece++) {
    asked.push(piece);
    yield block.fill(piece % 256);
  }
}

/** Asks a server for the source and hands over the answer, and what becomes of the sending. */
function served(
  source: AsyncIterable<Uint8Array>,
  body: (answer: IncomingMessage, sent: Promise<void>) => Promise<void>,
): () => Promise<void> {
  return withDeadline(10_000, async () => {
    const sent = Promise.withResolvers<void>();
    const server = createServer((_, response) => {
      sendStream(response, "text/plain", source).then(sent.resolve, sent.reject);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const request = get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
      const [answer] = (await once(request, "response")) as [IncomingMessage];
      await body(answer, sent.promise);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

const asked: number[] = [];

test(
  "gives every byte of chunks that share their memory, also to a client that reads late",
  served(sharing(asked), async (answer, sent) => {
    // What the sockets hold is full when no further chunk is asked for.
    for (let seen = -1; seen !== asked.length; ) {
      seen = asked.length;
      for (let rest = 0; rest < 100; rest++) await turn();
    }
    assert.ok(asked.length < pieces, "the source waits for the client");
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    await sent;
    const want = Array.from({ length: pieces }, (_, piece) =>
      Buffer.alloc(pieceBytes, piece % 256),
    );
    assert.ok(Buffer.concat(chunks).equals(Buffer.concat(want)));
  }),
);

test(
  "ends with a client that goes away",
  served(sharing([]), async (answer, sent) => {
    answer.destroy();
    await sent;
  }),
);

test.run();
