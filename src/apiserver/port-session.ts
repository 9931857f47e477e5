/** A connection to a port of a pod as a session: what comes is its stdout, what goes its stdin. */
import { type Duplex, PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import type { Session } from "./backend.ts";

/** @param connection - connected; whoever reads its two halves to their end ends it. */
export function portSession(connection: Duplex): Session {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  stderr.end();
  // Through a pipe: who iterates over a stream destroys it at its end, and here the other half may live on.
  connection.pipe(stdout);
  connection.once("error", () => stdout.destroy());
  connection.once("close", () => {
    if (!connection.readableEnded) stdout.destroy();
  });
  const exit = finished(connection).then(() => ({ exitCode: 0, signal: 0 }));
  exit.catch(() => undefined);
  return {
    stdin: connection,
    stdout,
    stderr,
    resize: () => undefined,
    exit,
    close: () => connection.destroy(),
  };
}
