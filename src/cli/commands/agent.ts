/** `nspod agent`: the agent in the foreground, in this very process, as `nspod daemon`. */

import { createRequire } from "node:module";
import { resolve } from "node:path";
import type { Context } from "../context.ts";
import { daemonEntry, instanceFlags } from "../daemon-process.ts";

export interface AgentOptions {
  readonly kubeconfig: string;
  readonly nodeName?: string;
  readonly nodeIp?: string;
  readonly port?: string;
  readonly nodeLeaseDuration?: string;
  readonly podCidr?: string;
  readonly clientCaFile?: string;
  readonly serviceProxy?: boolean;
  readonly enforceLimits?: boolean;
  readonly logLevel?: string;
}

/** Never returns: the agent ends the process. */
export async function runAgent(context: Context, options: AgentOptions): Promise<number> {
  const entry = daemonEntry();
  const { kubeconfig, clientCaFile } = options;
  const own = {
    // The process leaves this folder.
    kubeconfig: resolve(kubeconfig),
    "node-name": options.nodeName,
    "node-ip": options.nodeIp,
    port: options.port,
    "node-lease-duration": options.nodeLeaseDuration,
    "pod-cidr": options.podCidr,
    "client-ca-file": clientCaFile === undefined ? undefined : resolve(clientCaFile),
  };
  const words = Object.entries(own).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  );
  process.argv = [
    process.execPath,
    entry,
    "agent",
    ...instanceFlags(context.instance),
    ...words,
    ...(options.serviceProxy === false ? ["--no-service-proxy"] : []),
    ...(options.enforceLimits ? ["--enforce-limits"] : []),
    ...(options.logLevel === undefined ? [] : ["--log-level", options.logLevel]),
  ];
  createRequire(entry)(entry);
  return await new Promise<never>(() => undefined);
}
