/** Local ports whose connections go to a port of a pod: one session for each connection. */
import { createServer, type Server, type Socket } from "node:net";
import { hasCode, messageOf, PodError } from "../base/errors.ts";
import type { ApiClient } from "./api-client.ts";
import type { PortPair } from "./port-pairs.ts";
import { runRemoteSession } from "./remote-session.ts";

export interface PortListenerOptions {
  readonly client: ApiClient;
  /** Of the pod's portforward. */
  readonly path: string;
  readonly print: (line: string) => void;
  readonly remark: (line: string) => void;
}

export class PortListener implements Disposable {
  readonly #options: PortListenerOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  constructor(options: PortListenerOptions) {
    this.#options = options;
  }

  /**
   * Listens on every address that it can have.
   * @throws PodError Unavailable when it can have none of them.
   */
  async listen(addresses: readonly string[], pair: PortPair): Promise<void> {
    let { local } = pair;
    const failures: string[] = [];
    for (const address of addresses) {
      try {
        // The second address gets the same number that the kernel chose for the first.
        local = await this.#listenOn(address, local, pair);
      } catch (error) {
        failures.push(reasonOf(error, address, local));
      }
    }
    if (failures.length === addresses.length) {
      throw new PodError(
        "Unavailable",
        `unable to listen on port ${pair.local}: ${failures.join("; ")}`,
      );
    }
    // A machine without IPv6 has no ::1, and nobody misses it.
    const serious = failures.filter((failure) => !failure.includes("::1"));
    for (const failure of serious) this.#options.remark(`Unable to listen: ${failure}`);
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listenOn(address: string, port: number, pair: PortPair): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      void this.#forward(socket, { local: bound, remote: pair.remote });
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen({ host: address, port }, resolve);
    await promise;
    server.off("error", reject);
    // EMFILE: the connection is lost, the others live on.
    server.on("error", (error) => this.#options.remark(`Unable to accept: ${error.message}`));
    this.#servers.push(server);
    const where = server.address();
    const bound = typeof where === "object" && where !== null ? where.port : port;
    const shown = address.includes(":") ? `[${address}]` : address;
    this.#options.print(`Forwarding from ${shown}:${bound} -> ${pair.remote}`);
    return bound;
  }

  async #forward(socket: Socket, { local, remote }: PortPair): Promise<void> {
    const { client, path, print, remark } = this.#options;
    const gone = new AbortController();
    let isDone = false;
    // Both halves may have ended in peace, and the session tells so itself.
    socket.once("close", (hadError) => {
      if (hadError || !isDone) gone.abort();
    });
    socket.on("error", () => undefined);
    print(`Handling connection for ${local}`);
    try {
      await runRemoteSession(
        client,
        path,
        { ports: remote },
        {
          stdin: socket,
          stdout: socket,
          stderr: socket,
          onOutputEnd: () => {
            isDone = true;
            socket.end();
          },
          signal: gone.signal,
        },
      );
      socket.end();
    } catch (error) {
      if (!gone.signal.aborted && !isDone) {
        remark(`error: an error occurred forwarding ${local} -> ${remote}: ${messageOf(error)}`);
      }
      // The local side shall see a broken connection, not an empty answer.
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }
}

function reasonOf(error: unknown, address: string, port: number): string {
  const where = `${address}:${port}`;
  if (hasCode(error, "EADDRINUSE")) return `${where}: the address is already in use`;
  return `${where}: ${messageOf(error)}`;
}
