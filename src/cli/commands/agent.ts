/** `nspod agent`: the agent in the foreground, in the process of the command, as `nspod daemon`. */
import { resolve } from "node:path";
import type { Context } from "../context.ts";
import { becomeDaemon, instanceFlags } from "../daemon-process.ts";

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
export function runAgent(context: Context, options: AgentOptions): never {
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
  return becomeDaemon([
    "agent",
    ...instanceFlags(context.instance),
    ...words,
    ...(options.serviceProxy === false ? ["--no-service-proxy"] : []),
    ...(options.enforceLimits ? ["--enforce-limits"] : []),
    ...(options.logLevel === undefined ? [] : ["--log-level", options.logLevel]),
  ]);
}
