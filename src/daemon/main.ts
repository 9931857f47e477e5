/**
 * Entry of the daemon's process (dist/daemon.cjs): what is a matter of the process and not of the
 * daemon. It runs with umask 077 in "/", ends with 0 when asked to (SIGTERM, SIGINT), with 1 when
 * it cannot start, and with 70 after an error that nobody caught: pods keep running, and the next
 * daemon adopts them.
 */
import { systemClock } from "../base/clock.ts";
import { messageOf, PodError } from "../base/errors.ts";
import { armFailpoints } from "../base/failpoint.ts";
import { createLogger, type Logger } from "../base/log.ts";
import { reserveWatches } from "../base/watch-changes.ts";
import { type AgentConfiguration, readAgentConfiguration } from "./agent-configuration.ts";
import { type Configuration, readConfiguration } from "./configuration.ts";
import { type DaemonEnd, runDaemon } from "./daemon.ts";
import { guardProcess } from "./guard.ts";
import { notifySystemd, Starter } from "./ready.ts";
import { createNode } from "./wire.ts";

process.umask(0o077);
process.chdir("/");
// No await at the top level: the bundle is CommonJS.
void main(process.argv.slice(2)).then((code) => process.exit(code));

async function main(args: readonly string[]): Promise<number> {
  const starter = new Starter(args.includes("--on-demand"));
  let logger = createLogger("info");
  guardProcess(logger, process.exit);
  try {
    const [role, ...words] = args;
    const isAgent = role === "agent";
    const configuration = isAgent
      ? readAgentConfiguration(words, process.env)
      : readConfiguration(args, process.env);
    logger = createLogger(configuration.logLevel);
    guardProcess(logger, process.exit);
    requireRoot();
    armFailpoints(process.env);
    reserveWatches();
    const end = await live(configuration, logger, starter);
    logger.info({ end }, "Ended");
    return 0;
  } catch (error) {
    // A PodError's sentence says it all; of anything else the stack is wanted.
    if (error instanceof PodError) logger.fatal({ kind: error.kind }, error.message);
    else logger.fatal({ err: error }, messageOf(error));
    starter.failed(messageOf(error));
    return 1;
  }
}

async function live(
  configuration: Configuration | AgentConfiguration,
  logger: Logger,
  starter: Starter,
): Promise<DaemonEnd> {
  const stop = new AbortController();
  const systemd = process.env["NOTIFY_SOCKET"];
  // What we start is none of systemd's business.
  delete process.env["NOTIFY_SOCKET"];
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      logger.info({ signal }, "Stopping: pods keep running");
      stop.abort();
    });
  }
  const onReady = (): void => {
    starter.ready();
    notifySystemd(systemd, "READY=1");
  };
  const life = { logger, clock: systemClock, stop: stop.signal, onReady };
  const end = await ("kubeconfig" in configuration
    ? // A daemon does without the code of an agent.
      (await import("./run-agent.ts")).runAgent({ ...life, configuration })
    : runDaemon({ ...life, configuration, createNode }));
  notifySystemd(systemd, "STOPPING=1");
  return end;
}

function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new PodError("PermissionDenied", "The daemon of nspod needs root: run it with sudo");
}
