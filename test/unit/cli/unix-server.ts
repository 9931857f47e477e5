// A server of node:http on a unix socket for one test of a client.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { withDeadline } from "../../support/with-deadline.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

export function withServer(
  handler: Handler,
  body: (socketPath: string) => Promise<void>,
): () => Promise<void> {
  return withDeadline(10_000, async () => {
    const folder = mkdtempSync(join(tmpdir(), "nspod-exchange-"));
    const socketPath = join(folder, "socket");
    const server = createServer((...each) => void handler(...each)).listen(socketPath);
    await once(server, "listening");
    try {
      await body(socketPath);
    } finally {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    }
  });
}

/** The error that a promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<NodeJS.ErrnoException> {
  return await promise.then(
    () => assert.unreachable(),
    (error) => error,
  );
}
