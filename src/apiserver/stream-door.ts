/**
 * How a request becomes a stream: which protocol a client and we both speak, the answer 101, and who serves it.
 *
 *   Upgrade: websocket   v5 or v4.channel.k8s.io     channel-socket.ts
 *                        SPDY/3.1+portforward.k8s.io  the bytes of SPDY in binary messages
 *   Upgrade: SPDY/3.1    X-Stream-Protocol-Version    spdy-session.ts
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";
import type { Clock } from "../base/clock.ts";
import { channelProtocols, serveSession } from "./channel-socket.ts";
import type { PreparedSession } from "./pod-streams.ts";
import { badRequest } from "./problem.ts";
import { SpdyConnection } from "./spdy-connection.ts";
import {
  CommandStreams,
  commandProtocols,
  ForwardStreams,
  forwardProtocol,
} from "./spdy-session.ts";

/** SPDY through a WebSocket. */
const tunnelProtocol = `SPDY/3.1+${forwardProtocol}`;

interface Offer {
  readonly way: "websocket" | "spdy";
  readonly protocol: string;
}

export class StreamDoor {
  readonly #clock: Clock;
  readonly #webSockets: WebSocketServer;
  readonly #connections = new Set<SpdyConnection>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: 4 * 1024 * 1024,
      // What `choose` has chosen.
      handleProtocols: (offered) => best(webSocketProtocols, [...offered]) ?? false,
    });
  }

  /** @throws RequestProblem 400 when there is no protocol in common; nothing has been sent then. */
  choose(request: IncomingMessage, { connect }: PreparedSession): Offer {
    const upgrade = request.headers.upgrade?.toLowerCase();
    if (upgrade === "websocket") {
      const offered = words(request.headers["sec-websocket-protocol"]);
      const protocol = best(webSocketProtocols, offered);
      const fits = protocol !== tunnelProtocol || connect !== undefined;
      if (protocol !== undefined && fits) return { way: "websocket", protocol };
    } else if (upgrade === "spdy/3.1") {
      const offered = words(request.headersDistinct["x-stream-protocol-version"]?.join(","));
      const known = connect === undefined ? commandProtocols : [forwardProtocol];
      const protocol = best(known, offered);
      if (protocol !== undefined) return { way: "spdy", protocol };
      // Before version 1.6 clients of port-forward did not say what they speak.
      if (connect !== undefined && offered.length === 0) {
        return { way: "spdy", protocol: forwardProtocol };
      }
    }
    throw badRequest(
      `Connect by WebSocket with subprotocol ${channelProtocols.join(" or ")}, or by SPDY/3.1`,
    );
  }

  /** Answers and serves until the end. @param onError - hears what no client can be told. */
  open(
    incoming: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
    prepared: PreparedSession,
    { way, protocol }: Offer,
    onError: (error: unknown) => void,
  ): void {
    const { request, socket, head } = incoming;
    const serve = (done: Promise<void>, end: () => void): void => {
      done.catch((error: unknown) => {
        onError(error);
        end();
      });
    };
    if (way === "spdy") {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
      );
      serve(this.#serveSpdy(socket, head, prepared), () => socket.destroy());
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (accepted) => {
      const done =
        protocol === tunnelProtocol
          ? this.#serveSpdy(createWebSocketStream(accepted), Buffer.alloc(0), prepared)
          : serveSession(accepted, prepared.options, this.#clock, prepared.start);
      serve(done, () => accepted.terminate());
    });
  }

  /** Ends every stream. */
  close(): void {
    for (const socket of this.#webSockets.clients) socket.terminate();
    for (const connection of this.#connections) connection.destroy();
  }

  async #serveSpdy(carrier: Duplex, head: Buffer, prepared: PreparedSession): Promise<void> {
    const { connect, options, start } = prepared;
    const streams =
      connect === undefined ? new CommandStreams(options) : new ForwardStreams(connect);
    const connection = new SpdyConnection(carrier, head, (stream) => streams.add(stream));
    this.#connections.add(connection);
    try {
      if (streams instanceof CommandStreams) await streams.serve(connection, start, this.#clock);
      else await connection.closed;
    } finally {
      this.#connections.delete(connection);
    }
  }
}

const webSocketProtocols: readonly string[] = [...channelProtocols, tunnelProtocol];

function best(known: readonly string[], offered: readonly string[]): string | undefined {
  return known.find((protocol) => offered.includes(protocol));
}

function words(list: string | undefined): readonly string[] {
  return list?.split(/\s*,\s*/) ?? [];
}
