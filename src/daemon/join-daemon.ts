/**
 * Two commands may start a daemon at the same moment, or one while the last daemon is ending. The
 * lock decides; the loser waits until the winner listens and then says "ready" in its place, or
 * takes the lock that the other one let go.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode, isPodError } from "../base/errors.ts";
import { DaemonLock } from "./lock.ts";

export interface JoinOptions {
  readonly lockPath: string;
  readonly socketPath: string;
  /** How long the holder of the lock may take to listen or to end. */
  readonly patienceMs: number;
}

/** The holder of a lock has no event for others: it may end by SIGKILL. */
const pauseMs = 50;

/**
 * The lock, or undefined when another daemon listens.
 * @throws PodError FailedPrecondition when the other one does neither in time.
 */
export async function takeLockOrJoin(options: JoinOptions): Promise<DaemonLock | undefined> {
  const { lockPath, socketPath, patienceMs } = options;
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      return DaemonLock.take(lockPath);
    } catch (error) {
      const isLocked = isPodError(error) && error.data["reason"] === "Locked";
      if (!isLocked) throw error;
      if (await isListening(socketPath)) return undefined;
      if (performance.now() >= end) throw error;
    }
    await sleep(pauseMs);
  }
}

/** Whether somebody accepts connections on a unix socket. */
export async function isListening(path: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => resolve(true));
  socket.once("error", (error) => {
    if (hasCode(error, "ENOENT", "ECONNREFUSED")) resolve(false);
    else reject(error);
  });
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
