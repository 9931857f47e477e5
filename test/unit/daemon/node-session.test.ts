// Both halves of a session over one pair of sockets: what a node serves, and what the control plane makes of it.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { WebSocket, WebSocketServer } from "ws";
import type { Session } from "../../../src/apiserver/backend.ts";
import { serveSession } from "../../../src/apiserver/channel-socket.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { PodError } from "../../../src/base/errors.ts";
import { connectionOf, sessionOf } from "../../../src/daemon/node-session.ts";

const options = { container: "c", stdin: true, stdout: true, stderr: true, tty: false };

/** A command on a node, played by the test. */
class Far {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exit = Promise.withResolvers<Awaited<Session["exit"]>>();
  readonly sizes: string[] = [];
  #server: Server | undefined;

  /** Serves one session. @returns the near end. */
  async open(start?: () => Promise<Session>): Promise<Session> {
    const sockets = new WebSocketServer({ noServer: true });
    const server = createServer();
    this.#server = server;
    server.on("upgrade", (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (accepted) => {
        void serveSession(
          accepted,
          { ...options, tellsEnd: true },
          systemClock,
          start ?? (() => Promise.resolve(this.#session())),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // A server that listens on TCP has such an address.
    const { port } = server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, ["v5.channel.k8s.io"]);
    await new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once("open", () => {
        socket.pause();
        resolve(undefined);
      });
    });
    return sessionOf(socket);
  }

  #session(): Session {
    const { stdin, stdout, stderr, sizes } = this;
    const resize = (columns: number, rows: number): void => void sizes.push(`${columns}x${rows}`);
    return { stdin, stdout, stderr, resize, exit: this.exit.promise, close: () => undefined };
  }

  close(): void {
    this.#server?.close();
  }
}

const session = suite("sessionOf()");

session("carries both outputs, the input, its end, the size and the exit code", async () => {
  const far = new Far();
  const near = await far.open();
  far.stdout.end("out");
  far.stderr.end("err");
  near.resize(80, 24);
  near.stdin.end("in");
  assert.equal(await Promise.all([text(near.stdout), text(far.stdin)]), ["out", "in"]);
  far.exit.resolve({ exitCode: 7, signal: 0 });
  assert.equal(await near.exit, { exitCode: 7, signal: 0 });
  assert.is(await text(near.stderr), "err");
  assert.equal(far.sizes, ["80x24"]);
  near.close();
  far.close();
});

session("a session that cannot begin says why", async () => {
  const far = new Far();
  const why = new PodError("FailedPrecondition", "it is not running");
  const near = await far.open(() => Promise.reject(why));
  const error = await near.exit.catch((reason: unknown) => reason);
  assert.instance(error, PodError);
  assert.is((error as PodError).message, "it is not running");
  near.close();
  far.close();
});

session("a node that goes away ends the session", async () => {
  const far = new Far();
  const near = await far.open();
  near.close();
  const error = await near.exit.catch((reason: Error) => reason.message);
  assert.match(String(error), /Lost the node/);
  assert.is(await text(near.stdout), "");
  far.close();
});

session("connectionOf() ends its halves one by one", async () => {
  const far = new Far();
  const connection = connectionOf(await far.open());
  far.stdout.end("answer");
  assert.is(await text(connection), "answer");
  connection.end("request");
  assert.is(await text(far.stdin), "request");
  far.close();
});

session.run();
