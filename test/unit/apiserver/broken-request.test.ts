// What never becomes a request is told why; a daemon that had no time blames nobody for it.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { refuseBrokenRequests } from "../../../src/apiserver/broken-request.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const broken = suite("refuseBrokenRequests()");
const headersTimeout = 50;
let folder = "";
let path = "";
let server: Server;

broken.before.each(async () => {
  folder = mkdtempSync(join(tmpdir(), "nspod-http-"));
  path = join(folder, "socket");
  const limits = { headersTimeout, requestTimeout: 0, connectionsCheckingInterval: 10 };
  server = createServer(limits, (_, response) => response.end("heard"));
  refuseBrokenRequests(server);
  await new Promise<void>((done) => server.listen(path, done));
});

broken.after.each(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

async function answerTo(text: string): Promise<string> {
  const socket = connect(path);
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

/** A client in a thread: it sends a request while this one does nothing, and tells what it got. */
const client = `
  const { parentPort, workerData: { path, sent } } = require("node:worker_threads");
  const socket = require("node:net").connect(path);
  socket.write("GET / HTTP/1.1\\r\\nHost: nspod\\r\\nConnection: close\\r\\n\\r\\n", () => {
    Atomics.store(sent, 0, 1);
    Atomics.notify(sent, 0);
  });
  let answer = "";
  socket.on("data", (chunk) => { answer += chunk; });
  socket.on("error", (error) => { answer += error.message; });
  socket.on("close", () => parentPort.postMessage(answer));
`;

broken(
  "takes a request that was there before the server had time to read it",
  withDeadline(20_000, async () => {
    const sent = new Int32Array(new SharedArrayBuffer(4));
    server.once("connection", () => {
      assert.is.not(Atomics.wait(sent, 0, 0, 10_000), "timed-out");
      // And nothing happens here for longer than a header may take.
      Atomics.wait(sent, 0, 1, 3 * headersTimeout);
    });
    const worker = new Worker(client, { eval: true, workerData: { path, sent } });
    const answer = await new Promise<string>((done) => worker.once("message", done));
    assert.match(answer, /^HTTP\/1.1 200 OK\r\n/);
  }),
);

broken(
  "tells who does not end a header, also after a whole one",
  withDeadline(20_000, async () => {
    const whole = "GET / HTTP/1.1\r\nHost: nspod\r\n\r\n";
    for (const before of ["", whole]) {
      const answer = await answerTo(`${before}GET / HTTP/1.1\r\nHost: nspod\r\nX-Slow: `);
      const last = answer.slice(answer.lastIndexOf("HTTP/1.1 "));
      assert.match(last, /^HTTP\/1.1 408 Timeout\r\n/);
      assert.match(last, /"message":"The header of the request did not come in time/);
    }
  }),
);

broken(
  "tells what is wrong with what is no request",
  withDeadline(20_000, async () => {
    const nonsense = await answerTo("nonsense\r\n\r\n");
    assert.match(nonsense, /^HTTP\/1.1 400 BadRequest\r\n/);
    assert.match(nonsense, /"message":"This is no request of HTTP\/1.1: Parse Error: /);
    const long = await answerTo(`GET / HTTP/1.1\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`);
    assert.match(long, /^HTTP\/1.1 431 RequestHeaderFieldsTooLarge\r\n/);
  }),
);

broken.run();
