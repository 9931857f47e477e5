import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../../src/base/clock.ts";
import { messageOf } from "../../../src/base/errors.ts";
import { checkHealth } from "../../../src/pod/dial-grpc.ts";
import { startDeadline } from "../../../src/pod/probe-deadline.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const host = "127.0.0.1";

interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Listening extends AsyncDisposable {
  readonly port: number;
  readonly asked: Asked[];
}

async function listen(server: Pick<Server, "listen" | "address" | "close">): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, () => resolve()));
  return (server.address() as AddressInfo).port;
}

async function serve(answer: (stream: ServerHttp2Stream) => void): Promise<Listening> {
  const asked: Asked[] = [];
  const server = createServer();
  server.on("sessionError", () => undefined);
  server.on("stream", (stream, headers) => {
    const pieces: Buffer[] = [];
    stream.on("error", () => undefined);
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("end", () => {
      asked.push({ headers, body: Buffer.concat(pieces) });
      answer(stream);
    });
  });
  const port = await listen(server);
  return {
    port,
    asked,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server that answers with this status. */
async function healthServer(status: number): Promise<Listening> {
  return await serve((stream) => {
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
  });
}

/** What the check says: "" when the service is healthy. */
async function check(port: number, service = "", timeoutMs = 5_000): Promise<string> {
  using deadline = startDeadline(systemClock, timeoutMs, new AbortController().signal);
  try {
    await checkHealth({ host, port, service, timeoutMs }, deadline.signal);
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

const grpc = suite("checkHealth()");
const test = (name: string, body: () => Promise<void>): void => {
  grpc(name, withDeadline(10_000, body));
};

test("calls Check with the service's name", async () => {
  await using server = await healthServer(1);
  assert.is(await check(server.port, "db"), "");
  const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = server.asked;
  assert.is(headers[":path"], "/grpc.health.v1.Health/Check");
  assert.is(headers["content-type"], "application/grpc");
  assert.is(headers["user-agent"], "kube-probe/1.36");
  assert.equal([...body], [0, 0, 0, 0, 4, 0x0a, 2, 0x64, 0x62]);
});

test("takes SERVING alone for healthy", async () => {
  await using server = await healthServer(2);
  assert.is(await check(server.port), 'service unhealthy (responded with "NOT_SERVING")');
});

test("names the status of a call that failed", async () => {
  await using server = await serve((stream) => {
    const message = "unknown%20service";
    stream.respond(
      { ":status": 200, "grpc-status": "5", "grpc-message": message },
      { endStream: true },
    );
  });
  assert.is(
    await check(server.port),
    "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service",
  );
});

test("says that a server has no health service", async () => {
  await using server = await serve((stream) => {
    stream.respond({ ":status": 404 }, { endStream: true });
  });
  assert.is(
    await check(server.port),
    "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unexpected HTTP status code received from server: 404",
  );
});

test("says that the answer did not come in time", async () => {
  await using server = await serve(() => undefined);
  assert.is(await check(server.port, "", 100), "timeout: health rpc did not complete within 0.1s");
});

test("says that nobody listens, and that a server speaks something else", async () => {
  const gone = createTcpServer();
  const freed = await listen(gone);
  await new Promise((resolve) => gone.close(resolve));
  assert.is(
    await check(freed),
    `error: failed to connect service at "127.0.0.1:${freed}": dial tcp 127.0.0.1:${freed}: connect: connection refused`,
  );
  const other = createTcpServer((socket) => {
    socket
      .on("error", () => undefined)
      .resume()
      .end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  const port = await listen(other);
  assert.match(await check(port), /^error: health rpc probe failed: rpc error: code = Unavailable/);
  await new Promise((resolve) => other.close(resolve));
});

grpc.run();
