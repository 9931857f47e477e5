/**
 * exec, attach and port-forward over SPDY/3.1, as kubectl before 1.30 does them, and every kubectl that cannot use
 * WebSockets. Streams are told apart by their header `streamType`.
 *
 *   command          error, stdin, stdout, stderr, resize: those that were asked for; error gets the Status at the end
 *   port-forward     data and error in pairs with the same `requestID` and `port`: one connection each
 *
 * Source: Kubernetes apimachinery, remotecommand constants (v4.channel.k8s.io) and portforward constants.
 */
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Clock, systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { AttachOptions, Session } from "./backend.ts";
import { exitStatus, parseSize } from "./channel-socket.ts";
import { type Status, statusOf } from "./problem.ts";
import type { SpdyConnection, SpdyStream } from "./spdy-connection.ts";

/** What we speak of what clients offer, best first. v1 to v3 know no exit code. */
export const commandProtocols: readonly string[] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

export const forwardProtocol = "portforward.k8s.io";

/** As the kubelet waits for streams. */
const streamsTimeoutMs = 30_000;

/** Takes the streams of a command and runs it when all are there. */
export class CommandStreams {
  readonly #wanted: ReadonlySet<string>;
  readonly #streams = new Map<string, SpdyStream>();
  readonly #complete: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(options: AttachOptions) {
    this.#wanted = new Set([
      "error",
      ...(options.stdin ? ["stdin"] : []),
      ...(options.stdout ? ["stdout"] : []),
      ...(options.stderr ? ["stderr"] : []),
      ...(options.tty ? ["resize"] : []),
    ]);
  }

  add(stream: SpdyStream): void {
    const type = stream.headers.get("streamtype") ?? "";
    // A client of a terminal may open stderr, too, which says nothing then.
    if (!this.#wanted.has(type)) stream.resume();
    this.#streams.set(type, stream);
    if ([...this.#wanted].every((name) => this.#streams.has(name))) this.#complete.resolve();
  }

  /** Serves the session until the process ends or the client goes away. */
  async serve(
    connection: SpdyConnection,
    start: () => Promise<Session>,
    clock: Clock = systemClock,
  ): Promise<void> {
    const cancel = clock.after(streamsTimeoutMs, () => connection.destroy());
    const hasGone = connection.closed.then(() => "gone" as const);
    const ready = await Promise.race([hasGone, this.#complete.promise]);
    cancel();
    if (ready === "gone") return;
    let session: Session | undefined;
    try {
      session = await start();
      const outcome = await Promise.race([hasGone, this.#run(session)]);
      if (outcome !== "gone") this.#finish(outcome);
    } catch (error) {
      this.#finish(statusOf(error));
    } finally {
      session?.close();
      connection.close();
    }
  }

  async #run(session: Session): Promise<Status> {
    const { stdin, stdout, stderr } = session;
    stdin.on("error", () => undefined);
    const input = this.#streams.get("stdin");
    // Never waited for: a command may end before its input.
    if (input !== undefined) void pipeline(input, stdin).catch(() => undefined);
    this.#streams.get("resize")?.on("data", (content: Buffer) => resize(session, content));
    const [exit] = await Promise.all([
      session.exit,
      this.#send("stdout", stdout),
      this.#send("stderr", stderr),
    ]);
    return exitStatus(exit);
  }

  async #send(name: string, source: Session["stdout"]): Promise<void> {
    const target = this.#wanted.has(name) ? this.#streams.get(name) : undefined;
    if (target === undefined) source.resume();
    else await pipeline(source, target).catch(() => undefined);
  }

  #finish(status: Status): void {
    this.#streams.get("error")?.end(JSON.stringify(status));
    for (const name of ["stdout", "stderr"]) this.#streams.get(name)?.end();
  }
}

/** One JSON value per change of the window, perhaps several in one frame. */
function resize(session: Session, content: Buffer): void {
  for (const line of content.toString().trim().split("\n")) {
    const size = parseSize(Buffer.from(line));
    if (size !== undefined && size.columns > 0 && size.rows > 0) {
      session.resize(size.columns, size.rows);
    }
  }
}

/** Takes the streams of port-forward and connects each pair. */
export class ForwardStreams {
  readonly #connect: (port: number) => Promise<Duplex>;
  readonly #waiting = new Map<string, SpdyStream>();

  constructor(connect: (port: number) => Promise<Duplex>) {
    this.#connect = connect;
  }

  add(stream: SpdyStream): void {
    const { headers } = stream;
    const type = headers.get("streamtype");
    const port = Number(headers.get("port"));
    // Clients before 1.6 number no requests: their pairs follow each other.
    const request = headers.get("requestid") ?? `${port} of stream ${(stream.id + 1) >> 2}`;
    const isKnown = type === "data" || type === "error";
    if (!isKnown || !Number.isInteger(port) || port < 1 || port > 65_535) {
      stream.destroy();
      return;
    }
    const other = this.#waiting.get(request);
    if (other === undefined || other.destroyed) {
      this.#waiting.set(request, stream);
      stream.once("close", () => {
        if (this.#waiting.get(request) === stream) this.#waiting.delete(request);
      });
      return;
    }
    this.#waiting.delete(request);
    const [data, error] = type === "data" ? [stream, other] : [other, stream];
    void this.#serve(data, error, port);
  }

  async #serve(data: SpdyStream, error: SpdyStream, port: number): Promise<void> {
    // The client says nothing there, and its end must be read.
    error.resume();
    try {
      const connection = await this.#connect(port);
      await Promise.all([pipe(data, connection), pipe(connection, data)]);
      error.end();
    } catch (cause) {
      error.end(`an error occurred forwarding to port ${port}: ${messageOf(cause)}`);
      data.end();
      data.resume();
    }
  }
}

/** One direction; its end ends the other side's half alone, its failure both. */
async function pipe(from: Duplex, to: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  from.pipe(to);
  const fail = (error?: Error): void => {
    if (from.readableEnded && to.writableFinished) {
      resolve();
      return;
    }
    to.destroy();
    from.destroy();
    // A side that goes away early is the end of a connection and no failure to tell about.
    if (error === undefined) resolve();
    else reject(error);
  };
  to.once("finish", resolve);
  for (const side of [from, to]) {
    side.once("error", fail);
    side.once("close", () => fail());
  }
  return await promise;
}
