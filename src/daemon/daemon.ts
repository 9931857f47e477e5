/**
 * The life of a daemon, without the process around it (main.ts):
 *
 *   folders ─▶ locks ─▶ backend ─▶ socket ─▶ "ready" ─▶ … ─▶ socket closed ─▶ backend closed
 *
 * Everything that needs to be the only one happens under the locks, also the removal of a socket
 * that a killed daemon left. Stopping leaves pods running. A reset removes all state before it is
 * answered, so that whoever asked finds the machine clean.
 */
import { rmSync } from "node:fs";
import type { Backend } from "../apiserver/backend.ts";
import { ApiServer } from "../apiserver/server.ts";
import type { Clock } from "../base/clock.ts";
import { apiSocketPath } from "../base/instance.ts";
import type { Logger } from "../base/log.ts";
import type { Configuration } from "./configuration.ts";
import { ensureFolders, ensureSharedFolders, lockPath, removeFolders } from "./folders.ts";
import { IdleWatch } from "./idle.ts";
import { takeLockOrJoin } from "./join-daemon.ts";
import { DaemonLock } from "./lock.ts";
import type { OpenApi } from "./pod-api.ts";
import { version } from "./version.ts";

/** The node behind the door, as wire.ts puts it together. */
export interface Node {
  readonly backend: Backend;
  /** The API is open on TCP: tells pods. */
  publishApi(api: OpenApi): void;
  /** Stops working; pods keep running. Idempotent. */
  close(): Promise<void>;
  /** Whether there are no pods. */
  isEmpty(): boolean;
}

export interface DaemonOptions {
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly createNode: (configuration: Configuration, logger: Logger) => Promise<Node>;
  /** Called when the socket is open, also when it is another daemon's. */
  readonly onReady: () => void;
  /** Ends the daemon. */
  readonly stop: AbortSignal;
}

export type DaemonEnd = "stopped" | "idle" | "reset" | "joined";

const idleMs = 60_000;

/** A daemon that adopts many pods takes its time; the command gives up after 30 s. */
const patienceMs = 25_000;

/**
 * Runs a daemon until it is told to stop, is idle, or was reset.
 * @throws PodError when it cannot start.
 */
export async function runDaemon(options: DaemonOptions): Promise<DaemonEnd> {
  const { configuration, onReady } = options;
  const { instance, onDemand } = configuration;
  ensureFolders(instance);
  using runLock = await takeRunLock(configuration, onDemand);
  if (runLock === undefined) {
    onReady();
    return "joined";
  }
  // A daemon with another --run but the same --root would write the same store.
  using _rootLock = DaemonLock.take(lockPath(instance.root));
  ensureSharedFolders(instance);
  return await serve(options);
}

async function takeRunLock(
  { instance }: Configuration,
  mayJoin: boolean,
): Promise<DaemonLock | undefined> {
  const path = lockPath(instance.run);
  if (!mayJoin) return DaemonLock.take(path);
  const socketPath = apiSocketPath(instance);
  return await takeLockOrJoin({ lockPath: path, socketPath, patienceMs });
}

async function serve(options: DaemonOptions): Promise<DaemonEnd> {
  const { configuration, logger, clock, createNode, onReady, stop } = options;
  const { instance, onDemand } = configuration;
  const socketPath = apiSocketPath(instance);
  rmSync(socketPath, { force: true });
  const node = await createNode(configuration, logger);
  const { promise: end, resolve } = Promise.withResolvers<DaemonEnd>();
  stop.addEventListener("abort", () => resolve("stopped"), { once: true });
  if (stop.aborted) resolve("stopped");
  let idle: IdleWatch | undefined;
  const server = new ApiServer({
    backend: node.backend,
    logger,
    version,
    clock,
    onConnections: (open) => idle?.connections(open),
    onReset: async () => {
      // From here on a new daemon may begin with nothing while this one ends.
      server.stopListening();
      await node.close();
      const left = removeFolders(instance);
      if (left.length > 0) logger.warn({ left }, "Left what is not nspod's");
      resolve("reset");
    },
  });
  try {
    await server.listen(socketPath);
    logger.info({ socket: socketPath, pid: process.pid, version }, "Listening");
    const { listen } = configuration;
    if (listen !== undefined) {
      // Only who asks for it waits for certificates and the code that writes them.
      const { listenTls } = await import("./listen-tls.ts");
      const nowMs = clock.now();
      node.publishApi(await listenTls({ server, configuration, listen, logger, nowMs }));
    }
    if (onDemand) {
      const isEmpty = (): boolean => node.isEmpty();
      idle = new IdleWatch({ clock, idleMs, isEmpty, onIdle: () => resolve("idle") });
    }
    onReady();
    return await end;
  } finally {
    idle?.[Symbol.dispose]();
    await server.close();
    await node.close();
  }
}
