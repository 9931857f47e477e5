/**
 * The server's end of a SPDY/3.1 connection: streams that a client opens, as Duplexes that may be half closed.
 * Any Duplex carries it: the socket of an upgraded request, or the messages of a WebSocket.
 *
 * Flow: nobody in Kubernetes heeds WINDOW_UPDATE. A stream whose reader is slow stops the connection, as the kernel's
 * buffers do for a plain one; what we send waits for the connection.
 */
import { Duplex } from "node:stream";
import {
  dataFrame,
  type Frame,
  FrameReader,
  goAwayFrame,
  pingFrame,
  rstStreamFrame,
  synReplyFrame,
} from "./spdy-frames.ts";
import { HeaderReader, type Headers, HeaderWriter } from "./spdy-headers.ts";

/** A command has five; connections to ports come in twos. */
const maxStreams = 1024;

/** Of one DATA frame that we send. */
const maxDataBytes = 64 * 1024;

// Status codes of RST_STREAM, section 2.6.3.
const refusedStream = 3;
const cancelled = 5;
const streamInUse = 8;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #connection: SpdyConnection;
  #resume: () => void = () => undefined;
  isReset = false;

  constructor(connection: SpdyConnection, id: number, headers: Headers) {
    super({ allowHalfOpen: true, highWaterMark: maxDataBytes });
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
    // Whoever uses the stream hears of its end; an error alone must not end the process.
    this.on("error", () => undefined);
  }

  /** @returns false while the reader has not taken what it was given: the connection waits. */
  receive(content: Buffer, resume: () => void): boolean {
    if (this.readableEnded || this.destroyed || this.push(content)) return true;
    this.#resume = resume;
    return false;
  }

  override _read(): void {
    const resume = this.#resume;
    this.#resume = () => undefined;
    resume();
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    for (let at = 0; at < chunk.length; at += maxDataBytes) {
      const part = chunk.subarray(at, at + maxDataBytes);
      const isLast = at + maxDataBytes >= chunk.length;
      this.#connection.send(dataFrame(this.id, part, false), isLast ? done : undefined);
    }
    if (chunk.length === 0) done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.send(dataFrame(this.id, Buffer.alloc(0), true), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.forget(this, !(this.readableEnded && this.writableFinished) && !this.isReset);
    const resume = this.#resume;
    this.#resume = () => undefined;
    resume();
    done(error);
  }
}

export class SpdyConnection {
  readonly #carrier: Duplex;
  readonly #onStream: (stream: SpdyStream) => void;
  readonly #frames: FrameReader = new FrameReader();
  readonly #blocks: HeaderReader = new HeaderReader();
  readonly #replies: HeaderWriter = new HeaderWriter();
  readonly #streams = new Map<number, SpdyStream>();
  #lastStreamId = 0;

  /** Settles when the connection is over, for whatever reason. */
  readonly closed: Promise<void>;

  /** @param head - what the client has sent already. @param onStream - takes a new stream; it is accepted by then. */
  constructor(carrier: Duplex, head: Buffer, onStream: (stream: SpdyStream) => void) {
    this.#carrier = carrier;
    this.#onStream = onStream;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    carrier.on("error", () => undefined);
    carrier.once("close", () => {
      for (const stream of this.#streams.values()) stream.destroy();
      this.#blocks.close();
      this.#replies.close();
      resolve();
    });
    if (head.length > 0) carrier.unshift(head);
    void this.#receive();
  }

  /** Sends bytes of whole frames. @param done - called when the carrier has taken them. */
  send(bytes: Buffer, done?: (error?: Error | null) => void): void {
    if (this.#carrier.writable) this.#carrier.write(bytes, done);
    else done?.();
  }

  /** A stream is over; the client is told when it may still send. */
  forget(stream: SpdyStream, isEarly: boolean): void {
    this.#streams.delete(stream.id);
    if (isEarly) this.send(rstStreamFrame(stream.id, cancelled));
  }

  /** Says goodbye when all that was written has gone. */
  close(): void {
    if (this.#carrier.writable) this.#carrier.end(goAwayFrame(this.#lastStreamId));
    // A client that never closes its half is not waited for.
    this.#carrier.once("finish", () => this.#carrier.destroy());
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#carrier.destroy();
  }

  async #receive(): Promise<void> {
    try {
      for await (const chunk of this.#carrier) {
        for (const frame of this.#frames.read(chunk as Buffer)) await this.#take(frame);
      }
    } catch {
      // The client has gone, or does not speak SPDY: nothing can be told to it.
    } finally {
      this.#carrier.destroy();
    }
  }

  async #take(frame: Frame): Promise<void> {
    switch (frame.type) {
      case "synStream":
        return await this.#open(frame);
      case "data": {
        const stream = this.#streams.get(frame.streamId);
        if (stream === undefined) return;
        await new Promise<void>((resolve) => {
          if (frame.content.length === 0 || stream.receive(frame.content, resolve)) resolve();
        });
        if (frame.isLast) stream.push(null);
        return;
      }
      case "headers":
      case "synReply":
        // Unpacked for the zlib stream's sake; we open no streams, and what is added to one says nothing.
        await this.#blocks.read(frame.block);
        return;
      case "rstStream": {
        const stream = this.#streams.get(frame.streamId);
        if (stream !== undefined) stream.isReset = true;
        stream?.destroy();
        return;
      }
      case "ping":
        // Ours would be even, and we send none: it is the client's, and wants to come back.
        if (frame.id % 2 === 1) this.send(pingFrame(frame.id));
        return;
      case "goAway":
      case "other":
        return;
    }
  }

  async #open({ streamId, block, isLast }: Frame & { readonly type: "synStream" }): Promise<void> {
    const headers = await this.#blocks.read(block);
    if (this.#streams.has(streamId)) return this.send(rstStreamFrame(streamId, streamInUse));
    if (this.#streams.size >= maxStreams) return this.send(rstStreamFrame(streamId, refusedStream));
    const stream = new SpdyStream(this, streamId, headers);
    this.#streams.set(streamId, stream);
    this.#lastStreamId = Math.max(this.#lastStreamId, streamId);
    this.send(synReplyFrame(streamId, await this.#replies.write(new Map())));
    if (isLast) stream.push(null);
    this.#onStream(stream);
  }
}
