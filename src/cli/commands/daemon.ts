/**
 * `nspod daemon`: the daemon in the foreground, for systemd and for debugging. It runs in this very
 * process: no second one that signals would have to be passed on to.
 */
import { createRequire } from "node:module";
import type { Context } from "../context.ts";
import { daemonEntry, instanceFlags } from "../daemon-process.ts";

export interface DaemonOptions {
  readonly enforceLimits?: boolean;
  readonly allowedUnsafeSysctls?: string;
  readonly logLevel?: string;
  readonly listen?: string;
  readonly nodeIp?: string;
  readonly nodeMonitorGracePeriod?: string;
  readonly clusterCidr?: string;
}

/** Never returns: the daemon ends the process. */
export async function runDaemon(context: Context, options: DaemonOptions): Promise<number> {
  const entry = daemonEntry();
  process.argv = [
    process.execPath,
    entry,
    ...instanceFlags(context.instance),
    ...(options.logLevel === undefined ? [] : ["--log-level", options.logLevel]),
    ...(options.listen === undefined ? [] : ["--listen", options.listen]),
    ...(options.nodeIp === undefined ? [] : ["--node-ip", options.nodeIp]),
    ...(options.nodeMonitorGracePeriod === undefined
      ? []
      : ["--node-monitor-grace-period", options.nodeMonitorGracePeriod]),
    ...(options.clusterCidr === undefined ? [] : ["--cluster-cidr", options.clusterCidr]),
    ...(options.enforceLimits ? ["--enforce-limits"] : []),
    ...(options.allowedUnsafeSysctls
      ? [`--allowed-unsafe-sysctls=${options.allowedUnsafeSysctls}`]
      : []),
  ];
  createRequire(entry)(entry);
  return await new Promise<never>(() => undefined);
}
