import { PassThrough } from "node:stream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type WebSocket, WebSocketServer } from "ws";
import { ApiClient } from "../../../src/cli/api-client.ts";
import { DetachKeys } from "../../../src/cli/detach-keys.ts";
import { exitCodeOfStatus, runRemoteSession } from "../../../src/cli/remote-session.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { FakeDaemon, fail } from "./fake-daemon.ts";

const session = suite("runRemoteSession()");

interface Held {
  readonly code: Promise<number>;
  readonly output: { out: string; err: string };
  readonly stdin: PassThrough;
  readonly api: ApiClient;
}

/** @param isAtOnce - what `onSocket` sends leaves in one packet with the answer to the upgrade. */
function hold(
  daemon: FakeDaemon,
  onSocket: (socket: WebSocket, url: string) => void,
  isAtOnce: boolean = false,
): Held {
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols: (names) => (names.has("v5.channel.k8s.io") ? "v5.channel.k8s.io" : false),
  });
  daemon.server.on("upgrade", (request, socket, head) => {
    if (isAtOnce) socket.cork();
    server.handleUpgrade(request, socket, head, (far) => onSocket(far, request.url ?? ""));
    if (isAtOnce) socket.uncork();
  });
  const output = { out: "", err: "" };
  const target = (name: "out" | "err") => ({
    write: (chunk: Uint8Array) => {
      output[name] += Buffer.from(chunk).toString("utf8");
      return true;
    },
    once: () => undefined,
  });
  const stdin = new PassThrough();
  const api = new ApiClient({ socketPath: daemon.socketPath });
  const code = runRemoteSession(
    api,
    "/exec",
    { command: ["sh", "-c", "a b"], stdin: true },
    {
      stdin,
      stdout: target("out"),
      stderr: target("err"),
      onOpen: (resize) => resize(80, 24),
    },
  );
  return { code, output, stdin, api };
}

session(
  "carries both directions, the size, the end of input, and the exit code",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const heard: string[] = [];
    let asked = "";
    const { code, output, stdin } = hold(daemon, (socket, url) => {
      asked = url;
      socket.on("message", (data: Buffer) => {
        heard.push(`${data[0]}:${data[0] === 255 ? data[1] : data.subarray(1).toString("utf8")}`);
        if (data[0] !== 255) return;
        socket.send(Buffer.from("\x01out"));
        socket.send(Buffer.from("\x02err"));
        const causes = [{ reason: "ExitCode", message: "42" }];
        const status = { status: "Failure", reason: "NonZeroExitCode", details: { causes } };
        socket.send(Buffer.from(`\x03${JSON.stringify(status)}`));
        socket.close();
      });
    });
    stdin.write("hello");
    stdin.end();
    assert.is(await code, 42);
    assert.is(asked, "/exec?command=sh&command=-c&command=a+b&stdin=true");
    assert.equal(heard, ['4:{"Width":80,"Height":24}', "0:hello", "255:0"]);
    assert.equal(output, { out: "out", err: "err" });
  }),
);

session(
  "loses nothing of what arrives together with the upgrade",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const answer = (socket: WebSocket): void => {
      socket.send(Buffer.from("\x01quick"));
      socket.send(Buffer.from('\x03{"status":"Success"}'));
      socket.close();
    };
    const { code, output } = hold(daemon, answer, true);
    assert.is(await code, 0);
    assert.is(output.out, "quick");
  }),
);

session(
  "tells a refusal from a broken connection",
  withDeadline(5000, async () => {
    await using daemon = new FakeDaemon();
    await daemon.listen();
    const broken = hold(daemon, (socket) => socket.terminate());
    assert.match(String(await broken.code.catch((error: unknown) => error)), "Lost the session");
    await using other = new FakeDaemon();
    await other.listen();
    other.answer = (_, response) => fail(response, 404, "NotFound", 'pods "x" not found');
    const api = new ApiClient({ socketPath: other.socketPath });
    const refused = runRemoteSession(
      api,
      "/exec",
      {},
      { stdout: new PassThrough(), stderr: new PassThrough() },
    );
    assert.match(String(await refused.catch((error: unknown) => error)), 'pods "x" not found');
  }),
);

session("reads the Status of the end", () => {
  assert.is(exitCodeOfStatus('{"status":"Success"}'), 0);
  assert.throws(
    () =>
      exitCodeOfStatus('{"status":"Failure","reason":"InternalError","message":"no such file"}'),
    /no such file/,
  );
});

session.run();

const keys = suite("DetachKeys");

keys("Ctrl-P Ctrl-Q detaches, also in two parts; a lone Ctrl-P goes inside", async () => {
  let detached = 0;
  const filter = new DetachKeys(() => detached++);
  const passed: Buffer[] = [];
  filter.on("data", (chunk: Buffer) => passed.push(chunk));
  filter.write(Buffer.from([0x61, 0x10]));
  filter.write(Buffer.from([0x62, 0x10, 0x10]));
  filter.write(Buffer.from([0x11, 0x63]));
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(detached, 1);
  assert.is(Buffer.concat(passed).toString("latin1"), "a\x10b\x10");
});

keys.run();
