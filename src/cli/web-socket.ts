/**
 * The client's end of a WebSocket to the daemon. Loading `ws` takes node:https, node:crypto and node:zlib with it, which
 * is longer than `nspod exec` takes for the rest (decision 0606).
 *
 * Nothing is read before the first `listen`. The key of the upgrade is that of RFC 6455, and its answer is not checked:
 * both find servers and proxies that speak HTTP alone, and who is here is our daemon, on a socket that only root may write.
 */
import { invariant } from "../base/assert.ts";
import type { Query } from "../base/format-query.ts";
import type { ApiClient } from "./api-client.ts";
import type { HttpAnswer } from "./http-exchange.ts";
import { clientFrame, FrameReader, opcode } from "./web-socket-frames.ts";

export interface SocketListener {
  readonly onMessage: (content: Buffer) => void;
  /** Once, at the end: without an error when the far side closed it, and after `terminate`. */
  readonly onEnd: (error?: Error) => void;
}

export class ClientSocket {
  readonly #answer: HttpAnswer;
  #isOpen = true;

  private constructor(answer: HttpAnswer) {
    this.#answer = answer;
  }

  /**
   * Asks the daemon for a WebSocket.
   * @param protocol - that both speak on it
   * @throws PodError of the daemon; Unavailable when it cannot be reached
   */
  static async open(
    client: ApiClient,
    path: string,
    query: Query,
    protocol: string,
  ): Promise<ClientSocket> {
    const headers = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-protocol": protocol,
    };
    const answer = await client.ask("GET", path, { query, headers });
    invariant(answer.status === 101, "what is served here is a WebSocket");
    return new ClientSocket(answer);
  }

  listen({ onMessage, onEnd }: SocketListener): void {
    const { body } = this.#answer;
    const end = (error?: Error): void => {
      if (!this.#isOpen) return;
      this.#isOpen = false;
      onEnd(error);
      body.destroy();
    };
    const reader = new FrameReader({
      onMessage,
      onPing: (content) => this.#write(opcode.pong, [content]),
      onClose: () => {
        this.#write(opcode.close, []);
        end();
      },
    });
    body.on("data", (bytes: Buffer) => {
      try {
        if (this.#isOpen) reader.feed(bytes);
      } catch (error) {
        end(error instanceof Error ? error : new Error(String(error)));
      }
    });
    body.once("error", end);
    body.once("close", () => end());
  }

  /** @param sent - is called when the kernel has it; never after the end */
  send(content: readonly Uint8Array[], sent?: () => void): void {
    this.#write(opcode.binary, content, sent);
  }

  /** Nothing is read until `resume`, and the far side stops when the connection is full. */
  pause(): void {
    this.#answer.body.pause();
  }

  resume(): void {
    this.#answer.body.resume();
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#answer.body.destroy();
  }

  #write(code: number, content: readonly Uint8Array[], sent?: () => void): void {
    if (this.#isOpen) this.#answer.connection.write(clientFrame(code, ...content), () => sent?.());
  }
}
