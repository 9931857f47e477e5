import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../../src/base/clock.ts";
import { messageOf } from "../../../src/base/errors.ts";
import { httpGet, requestPath } from "../../../src/pod/dial-http.ts";
import { startDeadline } from "../../../src/pod/probe-deadline.ts";
import type { HTTPGetAction } from "../../../src/spec/pod.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const address = "127.0.0.1";
const forever = new AbortController().signal;

// Signed by itself and worth nothing, like those of many servers that are probed.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgS0IGYdPhPkXn/wvz
rKgQ6vfy0zcnD2CVUKFNPfyR6YihRANCAATsJCX6onNNA6hr3hxUG0s9wYq2Ao8H
3ZosqFLCSgGGfNkTDhziDXa7Y4x2sXUo7h8MFwfo98Em0GenmkMnU/gn
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUMQDDV0onDED5Ijb9tnZn4Gg9/E0wCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFcHJvYmUwHhcNMjYxMTIyMTQxMzQ1WhcNMzYxMTE5MTQxMzQ1
WjAQMQ4wDAYDVQQDDAVwcm9iZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOwk
Jfqic00DqGveHFQbSz3BirYCjwfdmiyoUsJKAYZ82RMOHOINdrtjjHaxdSjuHwwX
B+j3wSbQZ6eaQydT+CejUzBRMB0GA1UdDgQWBBRSmVo56Cz5ciBRRMWJF5kzhUOS
tDAfBgNVHSMEGDAWgBRSmVo56Cz5ciBRRMWJF5kzhUOStDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIDd6nhETMGMms2Q104wB30I2V1TcpuHyNbDJ
QuJjSHfcAiEA5Xm6h7gU/R6PL3gP6nKAtL4joI4tW+DVNfKzG1drwsw=
-----END CERTIFICATE-----`;

interface Listening extends AsyncDisposable {
  readonly port: number;
  readonly requests: IncomingMessage[];
}

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Listening> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server that says what it likes on the line. */
async function serveRaw(
  onConnection: (socket: Socket) => void,
): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function get(
  port: number,
  action: Partial<HTTPGetAction> = {},
  signal = forever,
): Promise<{ readonly status: number; readonly body: string }> {
  return await httpGet({ action: { port, ...action }, address, port, agent: "probe" }, signal);
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return messageOf(error);
  }
  throw new Error("It did not fail");
}

const http = suite("httpGet()");
const test = (name: string, body: () => Promise<void>): void => {
  http(name, withDeadline(10_000, body));
};

test("asks as the kubelet does and ends the connection", async () => {
  await using server = await serve((_request, response) => response.end("fine"));
  const { status, body } = await get(server.port, { path: "/healthz?full=1#top" });
  assert.equal([status, body], [200, "fine"]);
  const [request] = server.requests;
  assert.is(request?.method, "GET");
  assert.is(request?.url, "/healthz?full=1");
  assert.equal(request?.headers, {
    host: `127.0.0.1:${server.port}`,
    "user-agent": "kube-probe/1.36",
    accept: "*/*",
    connection: "close",
  });
});

test("sends httpHeaders, also Host, and lets them take the place of its own", async () => {
  await using server = await serve((_request, response) => response.end());
  await get(server.port, {
    httpHeaders: [
      { name: "Host", value: "web.example" },
      { name: "X-Two", value: "1" },
      { name: "x-two", value: "2" },
      { name: "User-Agent", value: "me" },
      { name: "Accept", value: "" },
    ],
  });
  assert.equal(server.requests[0]?.headers, {
    host: "web.example",
    "x-two": "1, 2",
    "user-agent": "me",
    connection: "close",
  });
});

test("gives every status back with at most 10 KiB of the body", async () => {
  await using server = await serve((_request, response) => {
    response.statusCode = 503;
    response.end("x".repeat(100_000));
  });
  const { status, body } = await get(server.port);
  assert.equal([status, body.length], [503, 10_240]);
});

test("does not wait for the end of a body that is longer", async () => {
  await using server = await serve((_request, response) => {
    response.write("x".repeat(20_000));
  });
  assert.is((await get(server.port)).body.length, 10_240);
});

test("follows redirects to the same host and keeps a given Host over relative ones", async () => {
  await using server = await serve((request, response) => {
    if (request.url === "/done") return response.end("done");
    return response.writeHead(302, { Location: "/done" }).end();
  });
  const answer = await get(server.port, { httpHeaders: [{ name: "Host", value: "web.example" }] });
  assert.equal(answer.body, "done");
  assert.equal(
    server.requests.map(({ headers }) => headers.host),
    ["web.example", "web.example"],
  );
});

test("stops at a redirect to another host, and at one without a place", async () => {
  await using server = await serve((request, response) => {
    if (request.url === "/nowhere") return response.writeHead(301).end("nowhere");
    return response.writeHead(302, { Location: "http://example.invalid/" }).end("elsewhere");
  });
  assert.equal((await get(server.port)).status, 302);
  assert.equal((await get(server.port, { path: "/nowhere" })).status, 301);
});

test("stops after 10 redirects", async () => {
  await using server = await serve((_request, response) =>
    response.writeHead(302, { Location: "/again" }).end(),
  );
  assert.is(
    await failureOf(get(server.port)),
    `Get "http://127.0.0.1:${server.port}/again": stopped after 10 redirects`,
  );
  assert.is(server.requests.length, 10);
});

test("says that nobody listens", async () => {
  const gone = await serveRaw(() => undefined);
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  assert.is(
    await failureOf(get(port)),
    `Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  );
});

test("says that the time was over, whatever the server did until then", async () => {
  await using silent = await serveRaw(() => undefined);
  await using slow = await serve((_request, response) => {
    response.write("half");
  });
  for (const port of [silent.port, slow.port]) {
    using deadline = startDeadline(systemClock, 100, forever);
    assert.is(
      await failureOf(get(port, {}, deadline.signal)),
      `Get "http://127.0.0.1:${port}/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    );
  }
});

test("says EOF when the server hangs up without an answer, and what is no HTTP", async () => {
  await using rude = await serveRaw((socket) => socket.once("data", () => socket.end()));
  assert.is(await failureOf(get(rude.port)), `Get "http://127.0.0.1:${rude.port}/": EOF`);
  await using odd = await serveRaw((socket) => socket.end("SSH-2.0-x\r\n"));
  assert.match(await failureOf(get(odd.port)), /": net\/http: malformed HTTP response/);
});

test("says that a server has no TLS", async () => {
  await using plain = await serve((_request, response) => response.end());
  assert.is(
    await failureOf(get(plain.port, { scheme: "HTTPS" })),
    `Get "https://127.0.0.1:${plain.port}/": http: server gave HTTP response to HTTPS client`,
  );
});

test("takes any certificate", async () => {
  const server = createTlsServer({ key, cert }, (_request, response) => response.end("secret"));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  assert.equal((await get(port, { scheme: "HTTPS" })).body, "secret");
  await new Promise((resolve) => server.close(resolve));
});

test("throws the caller's reason when it is cancelled", async () => {
  await using silent = await serveRaw(() => undefined);
  const abort = new AbortController();
  const asked = get(silent.port, {}, abort.signal);
  abort.abort(new Error("not needed any more"));
  assert.is(await failureOf(asked), "not needed any more");
});

http.run();

const paths = suite("requestPath()");

paths("takes what a URL would hold", () => {
  assert.is(requestPath("/a?b=c"), "/a?b=c");
  assert.is(requestPath("healthz"), "/healthz");
  assert.is(requestPath(""), "/");
  assert.is(requestPath("?x"), "/?x");
  assert.is(requestPath("http://other/x"), "/x");
  assert.is(requestPath("//other/x"), "/x");
  assert.is(requestPath("/a%20b c/ä"), "/a%20b%20c/%C3%A4");
  assert.is(requestPath("/a\r\nHost: x"), "/a%0D%0AHost:%20x");
});

paths("is one word that begins with a slash, whatever is given", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
      assert.match(requestPath(text), /^\/[\x21-\x7e]*$/);
    }),
  );
});

paths.run();
