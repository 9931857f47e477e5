import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exchange, type HttpAnswer, type HttpRequest } from "../../../src/cli/http-exchange.ts";
import { failure, type Handler, withServer } from "./unix-server.ts";

type Ask = (more?: Partial<HttpRequest>) => Promise<HttpAnswer>;

function served(handler: Handler, body: (ask: Ask) => Promise<void>): () => Promise<void> {
  return withServer(handler, async (socketPath) => {
    await body(
      async (more) =>
        await exchange({ socketPath, method: "GET", path: "/", headers: { host: "x" }, ...more }),
    );
  });
}

const test = suite("exchange()");

test(
  "sends bytes with their length and reads what comes back",
  served(
    async (request, response) => {
      response.setHeader("x-length", String(request.headers["content-length"]));
      response.end(`${request.method} ${request.url} ${await text(request)}`);
    },
    async (ask) => {
      const answer = await ask({ method: "POST", path: "/a?b=%20", body: Buffer.from("grüße") });
      assert.equal([answer.status, answer.headers.get("x-length")], [200, "7"]);
      assert.is(await text(answer.body), "POST /a?b=%20 grüße");
    },
  ),
);

test(
  "sends a stream in chunks, and more in either direction than a socket holds",
  served(
    (request, response) => request.pipe(response),
    async (ask) => {
      const pieces = Array.from({ length: 64 }, (_, each) => Buffer.alloc(65_536, each));
      const body = Readable.from([Buffer.alloc(0), ...pieces], { objectMode: false });
      const answer = await ask({ method: "POST", body });
      const chunks: Buffer[] = [];
      for await (const chunk of answer.body) chunks.push(chunk as Buffer);
      assert.ok(Buffer.concat(chunks).equals(Buffer.concat(pieces)));
    },
  ),
);

test(
  "has the answer of a server that does not want the rest of the body",
  served(
    (_, response) => response.writeHead(413).end("too much"),
    async (ask) => {
      const endless = new Readable({ read: () => void endless.push(Buffer.alloc(65_536)) });
      const { status, body } = await ask({ method: "POST", body: endless });
      assert.equal([status, await text(body)], [413, "too much"]);
      endless.destroy();
    },
  ),
);

test(
  "fails when the answer is cut, before its head and in its body",
  served(
    (request, response) => {
      if (request.url === "/body") response.write("some");
      setImmediate(() => response.destroy());
    },
    async (ask) => {
      assert.is((await failure(ask())).code, "ECONNRESET");
      const { body } = await ask({ path: "/body" });
      assert.is((await failure(text(body))).code, "ECONNRESET");
    },
  ),
);

test(
  "is cut by its signal, whenever that comes",
  served(
    (request, response) => {
      if (request.url === "/body") response.write("some");
    },
    async (ask) => {
      assert.is((await failure(ask({ signal: AbortSignal.abort() }))).name, "AbortError");
      const before = new AbortController();
      const waiting = failure(ask({ signal: before.signal }));
      before.abort();
      assert.is((await waiting).name, "AbortError");
      const within = new AbortController();
      const { body } = await ask({ path: "/body", signal: within.signal });
      const reading = failure(text(body));
      within.abort();
      assert.is((await reading).name, "AbortError");
    },
  ),
);

test("says by its code that nobody listens", async () => {
  const socketPath = join(tmpdir(), "nspod-nobody");
  const error = await failure(exchange({ socketPath, method: "GET", path: "/", headers: {} }));
  assert.is(error.code, "ENOENT");
});

test("takes no path or header that would be a second request", async () => {
  const request = { socketPath: "/dev/null", method: "GET", path: "/", headers: {} };
  for (const wrong of [
    { path: "/ HTTP/1.1\r\nx" },
    { path: "/a b" },
    { headers: { a: "b\r\nc: d" } },
  ]) {
    assert.match((await failure(exchange({ ...request, ...wrong }))).message, /Broken invariant/);
  }
});

test.run();
