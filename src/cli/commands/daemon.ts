/**
 * `nspod daemon`: the daemon in the foreground, for systemd and for debugging. This process becomes the daemon's: there
 * is no second one that signals would have to be passed on to.
 */
import type { Context } from "../context.ts";
import { becomeDaemon, instanceFlags } from "../daemon-process.ts";

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
export function runDaemon(context: Context, options: DaemonOptions): never {
  return becomeDaemon([
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
  ]);
}
