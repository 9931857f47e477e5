import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { WebSocketServer } from "ws";
import { openSocket } from "../../../src/daemon/open-socket.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const test = suite("openSocket()");

const refused = (body: string, status: number): Error => new Error(`${status}: ${body}`);

test(
  "gives a paused socket: what comes with the upgrade waits for who listens",
  withDeadline(5000, async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server.on("connection", (socket) => socket.send("first"));
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const socket = await openSocket(`ws://127.0.0.1:${port}/`, {}, refused);
    assert.is(socket.protocol, "v5.channel.k8s.io");
    assert.ok(socket.isPaused);
    socket.resume();
    const [message] = await once(socket, "message");
    assert.is(String(message), "first");
    socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  }),
);

test(
  "throws what the answer says that is no upgrade",
  withDeadline(5000, async () => {
    const server = createServer((_, response) => response.writeHead(404).end("no such pod"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await openSocket(`ws://127.0.0.1:${port}/`, {}, refused).then(
      () => assert.unreachable(),
      (error: Error) => assert.is(error.message, "404: no such pod"),
    );
    await new Promise((resolve) => server.close(resolve));
  }),
);

test.run();
