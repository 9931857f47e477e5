import { setImmediate as turn } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type PouredAnswer, pour } from "../../../src/cli/http-pour.ts";
import { failure, type Handler, withServer } from "./unix-server.ts";

type Pour = (path: string, take: (bytes: Uint8Array) => Promise<void>) => Promise<PouredAnswer>;

function served(handler: Handler, body: (ask: Pour) => Promise<void>): () => Promise<void> {
  return withServer(handler, async (socketPath) => {
    await body(
      async (path, take) => await pour({ socketPath, path, headers: { host: "x" }, take }),
    );
  });
}

const test = suite("pour()");

const large = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, at) => at % 251));

test(
  "hands over every byte before its memory is used again, whatever the chunks",
  served(
    async (request, response) => {
      const size = Number(request.url?.slice(1));
      for (let at = 0; at < large.length; at += size) {
        if (!response.write(large.subarray(at, at + size))) {
          await new Promise((resolve) => response.once("drain", resolve));
        }
      }
      response.end();
    },
    async (ask) => {
      for (const size of [1000, 65_536, large.length]) {
        const found: Buffer[] = [];
        const { status } = await ask(`/${size}`, async (bytes) => {
          for (let rest = 0; rest < 5; rest++) await turn();
          found.push(Buffer.from(bytes));
        });
        assert.is(status, 200);
        assert.ok(Buffer.concat(found).equals(large), `chunks of ${size}`);
      }
    },
  ),
);

test(
  "has the body of an error, and hands nothing over",
  served(
    (_, response) => response.writeHead(404, { warning: '299 - "why"' }).end("no such pod"),
    async (ask) => {
      const { status, headers, body } = await ask("/", async () => assert.unreachable());
      assert.equal(
        [status, headers.get("warning"), String(body)],
        [404, '299 - "why"', "no such pod"],
      );
    },
  ),
);

test(
  "fails when the answer is cut, before its head and in its body, and with what the taker throws",
  served(
    (request, response) => {
      if (request.url !== "/head") response.write("some");
      if (request.url !== "/taker") setImmediate(() => response.destroy());
    },
    async (ask) => {
      const ignore = async (): Promise<void> => undefined;
      assert.is((await failure(ask("/head", ignore))).code, "ECONNRESET");
      assert.is((await failure(ask("/body", ignore))).code, "ECONNRESET");
      const taking = ask("/taker", async () => await Promise.reject(new Error("no room")));
      assert.is((await failure(taking)).message, "no room");
    },
  ),
);

test.run();
