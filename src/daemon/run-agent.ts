/**
 * The life of an agent, without the process around it (main.ts):
 *
 *   folders ─▶ locks ─▶ node ─▶ socket for images and reset ─▶ endpoints for the API server ─▶ work ─▶ … ─▶ closed
 *
 * Stopping leaves pods running. The socket has no objects: those are the API server's.
 */
import { rmSync } from "node:fs";
import { imageRoutes } from "../apiserver/images.ts";
import { KubeletAccess } from "../apiserver/kubelet-access.ts";
import { kubeletTables } from "../apiserver/kubelet-routes.ts";
import { ApiServer } from "../apiserver/server.ts";
import { systemRoutes } from "../apiserver/system.ts";
import type { Clock } from "../base/clock.ts";
import { apiSocketPath } from "../base/instance.ts";
import type { Logger } from "../base/log.ts";
import type { AgentConfiguration } from "./agent-configuration.ts";
import type { DaemonEnd } from "./daemon.ts";
import { ensureFolders, ensureSharedFolders, lockPath, removeFolders } from "./folders.ts";
import { kubeletPki } from "./kubelet-pki.ts";
import { DaemonLock } from "./lock.ts";
import { version } from "./version.ts";
import { createAgentNode } from "./wire-agent.ts";

export interface RunAgentOptions {
  readonly configuration: AgentConfiguration;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Called when the node works. */
  readonly onReady: () => void;
  /** Ends the agent. */
  readonly stop: AbortSignal;
}

/** @throws PodError when it cannot start. */
export async function runAgent(options: RunAgentOptions): Promise<DaemonEnd> {
  const { configuration, logger, clock, onReady, stop } = options;
  const { instance, port } = configuration;
  ensureFolders(instance);
  using _runLock = DaemonLock.take(lockPath(instance.run));
  using _rootLock = DaemonLock.take(lockPath(instance.root));
  ensureSharedFolders(instance);
  const socketPath = apiSocketPath(instance);
  rmSync(socketPath, { force: true });
  const { promise: end, resolve } = Promise.withResolvers<DaemonEnd>();
  stop.addEventListener("abort", () => resolve("stopped"), { once: true });
  if (stop.aborted) resolve("stopped");
  const pki = await kubeletPki(configuration, clock.now());
  const node = await createAgentNode(configuration, logger, stop);
  const { backend } = node;
  const local = new ApiServer({
    backend,
    logger,
    version,
    clock,
    tables: { routes: [...imageRoutes, ...systemRoutes], upgradeRoutes: [] },
    onReset: async () => {
      local.stopListening();
      await node.close();
      const left = removeFolders(instance);
      if (left.length > 0) logger.warn({ left }, "Left what is not nspod's");
      resolve("reset");
    },
  });
  const endpoints = new ApiServer({
    backend,
    logger,
    version,
    clock,
    tables: kubeletTables(node.pods),
    gate: new KubeletAccess({
      nodeName: node.nodeName,
      review: node.review,
      now: () => clock.monotonic(),
    }),
  });
  try {
    await local.listen(socketPath);
    await endpoints.listenTls({ host: configuration.nodeIp ?? "0.0.0.0", port, pki });
    logger.info({ node: node.nodeName, socket: socketPath, port, version }, "Listening");
    const starting = node.start().then(onReady);
    // A server that is away is waited for; the end of the agent is not.
    return await Promise.race([end, starting.then(() => end)]);
  } finally {
    await endpoints.close();
    await local.close();
    await node.close();
  }
}
