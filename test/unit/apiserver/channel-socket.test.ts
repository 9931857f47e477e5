// exec and attach by WebSocket: channels, exit status, back-pressure, and what is let go.
import { request } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { WebSocket } from "ws";
import { PodError } from "../../../src/base/errors.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { Fixture, fakeSession, storedPod } from "./fixture.ts";

const streams = suite("exec and attach");
let fixture: Fixture;
let session: ReturnType<typeof fakeSession>;
const pod = "/api/v1/namespaces/default/pods/web";
const protocol = "v5.channel.k8s.io";

streams.before.each(async () => {
  fixture = await new Fixture().start();
  fixture.store.create(storedPod("web"));
  session = fakeSession();
  fixture.backend.session = async () => session;
});

streams.after.each(async () => {
  await fixture.stop();
});

class Client {
  readonly socket: WebSocket;
  readonly #messages: Buffer[] = [];
  #wake: () => void = () => undefined;
  readonly closed: Promise<number>;

  constructor(path: string, protocols: readonly string[] = [protocol]) {
    this.socket = new WebSocket(`ws+unix:${fixture.socketPath}:${path}`, [...protocols]);
    this.socket.on("message", (data) => {
      this.#messages.push(data as Buffer);
      this.#wake();
    });
    this.socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code) => {
        resolve(code);
        this.#wake();
      });
    });
  }

  async opened(): Promise<this> {
    await new Promise((resolve, reject) => {
      this.socket.on("open", resolve).on("error", reject);
    });
    return this;
  }

  send(channel: number, content: string | Buffer): void {
    this.socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(content)]));
  }

  async next(): Promise<readonly [channel: number, text: string] | undefined> {
    while (this.#messages.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const message = this.#messages.shift() ?? Buffer.alloc(0);
    return [message[0] ?? -1, message.subarray(1).toString()];
  }

  async status(): Promise<{
    status: string;
    reason?: string;
    message?: string;
    details?: { causes?: readonly { reason: string; message: string }[] };
  }> {
    for (;;) {
      const message = await this.next();
      if (message === undefined) throw new Error("closed without a Status");
      if (message[0] === 3) return JSON.parse(message[1]);
    }
  }
}

streams(
  "carry output, input, sizes and the exit code",
  withDeadline(30_000, async () => {
    const query = "command=sh&command=-c&command=echo%20%22a%20b%22&stdin=1&stdout=1&stderr=1";
    const client = await new Client(`${pod}/exec?${query}`).opened();
    assert.is(client.socket.protocol, protocol);
    session.stdout.write("out");
    assert.equal(await client.next(), [1, "out"]);
    session.stderr.write("err");
    assert.equal(await client.next(), [2, "err"]);
    client.send(4, '{"Width":80,"Height":24}');
    client.send(4, '{"Width":0,"Height":0}');
    client.send(0, "in");
    client.send(255, Buffer.of(0));
    assert.is(Buffer.concat(await session.stdin.toArray()).toString(), "in");
    assert.equal(session.sizes, ["80x24"]);
    session.finish(3);
    const status = await client.status();
    assert.is(status.status, "Failure");
    assert.is(status.reason, "NonZeroExitCode");
    assert.equal(status.details?.causes, [{ reason: "ExitCode", message: "3" }]);
    assert.is(await client.closed, 1000);
    assert.equal(fixture.backend.calls, [
      [
        "exec",
        {
          container: "main",
          stdin: true,
          stdout: true,
          stderr: true,
          tty: false,
          command: ["sh", "-c", 'echo "a b"'],
        },
      ],
    ]);
  }),
);

streams(
  "end with Success and let go of the session",
  withDeadline(30_000, async () => {
    const client = await new Client(`${pod}/attach?stdout=true&tty=true&stderr=true`).opened();
    session.stdout.write("last words");
    session.finish(0);
    assert.equal(await client.next(), [1, "last words"]);
    assert.is((await client.status()).status, "Success");
    assert.is(await client.closed, 1000);
    assert.is(session.closed, 1);
    const options = { container: "main", stdin: false, stdout: true, stderr: false, tty: true };
    assert.equal(fixture.backend.calls, [["attach", options]]);
  }),
);

streams(
  "keep what the client sends before the session has started",
  withDeadline(30_000, async () => {
    const { promise, resolve } = Promise.withResolvers<typeof session>();
    fixture.backend.session = () => promise;
    const client = await new Client(`${pod}/exec?command=cat&stdin=1&stdout=1`).opened();
    client.send(0, "early");
    client.send(255, Buffer.of(0));
    await new Promise(setImmediate);
    resolve(session);
    assert.is(Buffer.concat(await session.stdin.toArray()).toString(), "early");
    session.finish(0);
    await client.closed;
  }),
);

streams(
  "tell on channel 3 why a session cannot start",
  withDeadline(30_000, async () => {
    fixture.backend.session = () => Promise.reject(new Error("no such file: nope"));
    const client = new Client(`${pod}/exec?command=nope&stdout=1`);
    const status = await client.status();
    assert.is(status.status, "Failure");
    assert.is(status.reason, "InternalError");
    assert.match(status.message ?? "", /nope/);
    assert.is(await client.closed, 1000);
  }),
);

streams(
  "take no more output than the client reads",
  withDeadline(30_000, async () => {
    const client = await new Client(`${pod}/exec?command=yes&stdout=1`).opened();
    client.socket.pause();
    const chunk = Buffer.alloc(65_536, "y");
    let written = 0;
    for (let quiet = 0; quiet < 50; quiet++) {
      while (session.stdout.write(chunk)) {
        written++;
        quiet = 0;
      }
      await new Promise(setImmediate);
    }
    assert.ok(written < 100, `${written} chunks of 64 KiB were taken`);
    client.socket.resume();
    session.finish(0);
    assert.is((await client.status()).status, "Success");
  }),
);

streams(
  "take no more input than the process reads",
  withDeadline(30_000, async () => {
    const client = await new Client(`${pod}/exec?command=sleep&stdin=1&stdout=1`).opened();
    const chunk = Buffer.alloc(65_536, "i");
    const total = 200;
    for (let i = 0; i < total; i++) client.send(0, chunk);
    for (let quiet = 0, last = -1; quiet < 50; quiet++) {
      if (last !== client.socket.bufferedAmount) quiet = 0;
      last = client.socket.bufferedAmount;
      await new Promise(setImmediate);
    }
    assert.ok(session.stdin.readableLength + session.stdin.writableLength < 1_000_000);
    assert.ok(client.socket.bufferedAmount > 1_000_000, "the client still holds the rest");
    let size = 0;
    session.stdin.on("data", (data: Buffer) => {
      size += data.length;
      if (size === total * chunk.length) session.finish(0);
    });
    assert.is((await client.status()).status, "Success");
    assert.is(size, total * chunk.length);
  }),
);

streams(
  "end the session when the client goes away",
  withDeadline(30_000, async () => {
    const client = await new Client(`${pod}/exec?command=sleep&stdout=1`).opened();
    session.stdout.write("x");
    await client.next();
    client.socket.terminate();
    while (session.closed === 0) await new Promise(setImmediate);
  }),
);

streams(
  "end when the server closes",
  withDeadline(30_000, async () => {
    const client = await new Client(`${pod}/exec?command=sleep&stdout=1`).opened();
    session.stdout.write("x");
    await client.next();
    await fixture.server.close();
    await client.closed;
    while (session.closed === 0) await new Promise(setImmediate);
  }),
);

streams(
  "refuse messages outside of the protocol",
  withDeadline(30_000, async () => {
    const wrong: readonly (readonly [number, string])[] = [
      [0, "stdin was not asked for"],
      [9, ""],
      [1, "x"],
      [4, "{}"],
      [4, "not json"],
      [4, '{"Width":70000,"Height":1}'],
      [4, "null"],
    ];
    for (const [channel, content] of wrong) {
      session = fakeSession();
      const client = await new Client(`${pod}/exec?command=x&stdout=1`).opened();
      client.send(channel, content);
      assert.is(await client.closed, 1002, `${channel} ${content}`);
      while (session.closed === 0) await new Promise(setImmediate);
    }
  }),
);

/** The HTTP answer to an upgrade that is refused. */
async function refusal(path: string, protocols: readonly string[] = [protocol]): Promise<number> {
  const client = new Client(path, protocols);
  return await new Promise((resolve) => {
    client.socket.on("unexpected-response", (_, response) => {
      response.resume();
      response.on("end", () => client.socket.terminate());
      resolve(response.statusCode ?? 0);
    });
  });
}

streams(
  "answer a wrong request with a Status instead of the upgrade",
  withDeadline(30_000, async () => {
    assert.is(await refusal("/api/v1/namespaces/default/pods/none/exec?command=x&stdout=1"), 404);
    assert.is(await refusal(`${pod}/exec?command=x`), 400);
    assert.is(await refusal(`${pod}/exec?stdout=1`), 400);
    assert.is(await refusal(`${pod}/exec?command=x&stdout=1&container=none`), 400);
    assert.is(await refusal(`${pod}/exec?command=x&stdout=1`, ["v3.channel.k8s.io"]), 400);
    assert.is(await refusal(`${pod}/exec?command=x&stdout=1`, []), 400);
    assert.is(await refusal(`${pod}/log`), 404);
    assert.equal(fixture.backend.calls, []);
    const plain = await fixture.call("GET", `${pod}/exec?command=x&stdout=1`);
    assert.is(plain.code, 400);
    assert.match(plain.json.message, /WebSocket/);
    assert.is((await fixture.call("POST", `${pod}/attach?stdout=1`)).code, 400);
  }),
);

streams(
  "close the connection of a refused upgrade",
  withDeadline(30_000, async () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const outgoing = request({
      socketPath: fixture.socketPath,
      path: `${pod}/exec?command=x&stdout=1`,
      headers: { connection: "Upgrade", upgrade: "SPDY/3.1" },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      assert.is(response.statusCode, 400);
      assert.is(response.headers["connection"], "close");
      response.resume();
      response.on("end", () => resolve("ended"));
    });
    outgoing.end();
    await promise;
    while (fixture.server.connections > 0) await new Promise(setImmediate);
  }),
);

streams(
  "a connection to a port tells the end of each half when it comes",
  withDeadline(30_000, async () => {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as AddressInfo;
    const accepted = new Promise<Socket>((resolve) => {
      server.once("connection", resolve);
    });
    fixture.backend.port = async () => connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const client = await new Client(`${pod}/portforward?ports=80`).opened();
    const far = await accepted;
    far.end("answer");
    assert.equal(await client.next(), [1, "answer"]);
    assert.equal(await client.next(), [255, "\u0001"]);
    client.send(0, "late question");
    client.send(255, Buffer.of(0));
    assert.is(Buffer.concat(await far.toArray()).toString(), "late question");
    assert.is((await client.status()).status, "Success");
    assert.equal(fixture.backend.calls, [["connectPort", 80]]);
    server.close();
  }),
);

streams(
  "a port that nobody listens on is told as the Status",
  withDeadline(30_000, async () => {
    fixture.backend.port = async () => {
      throw new PodError("Unavailable", "connection refused");
    };
    const client = await new Client(`${pod}/portforward?ports=80`).opened();
    assert.is((await client.status()).message, "connection refused");
  }),
);

streams.run();
