/**
 * What `nspod agent` is told: what a daemon is told of its machine (configuration.ts), and how it joins a cluster.
 * Names of flags are the kubelet's where it has them.
 */
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { nodeNameOf } from "../agent/node-facts.ts";
import { defaultLeaseSeconds } from "../agent/node-lease.ts";
import { messageOf, PodError } from "../base/errors.ts";
import { parseSubnet } from "../net/ipv4.ts";
import { type Configuration, readConfiguration } from "./configuration.ts";

export interface AgentConfiguration extends Configuration {
  readonly kubeconfig: string;
  /** Absent: that of an earlier run, or the host's. */
  readonly nodeName?: string;
  /** Where the API server reaches the agent. */
  readonly port: number;
  readonly leaseSeconds: number;
  /** Prefix of the pods; absent: what the control plane gives the node. */
  readonly podCidr?: string;
  /** File of who signs for the API server as a client; absent: who signs for it as a server. */
  readonly clientCaFile?: string;
  /** Whether the agent keeps packet rules and names of Services. */
  readonly servesServices: boolean;
}

const flags = {
  kubeconfig: { type: "string" },
  "node-name": { type: "string" },
  port: { type: "string" },
  "node-lease-duration": { type: "string" },
  "pod-cidr": { type: "string" },
  "client-ca-file": { type: "string" },
  "no-service-proxy": { type: "boolean" },
} as const;

/** The kubelet's. */
const defaultPort = "10250";

/** @throws PodError InvalidArgument. */
export function readAgentConfiguration(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): AgentConfiguration {
  const own = args.filter((word) => isOwn(word));
  const configuration = readConfiguration(
    args.filter((word) => !isOwn(word)),
    env,
  );
  const given = parse(own);
  const { kubeconfig } = given;
  if (kubeconfig === undefined) throw invalid("--kubeconfig", "is required");
  const nodeName = given["node-name"];
  if (nodeName !== undefined && nodeName !== nodeNameOf(nodeName)) {
    throw invalid("--node-name", `must be a DNS subdomain: got "${nodeName}"`);
  }
  const podCidr = given["pod-cidr"];
  if (podCidr !== undefined) parseSubnet(podCidr);
  const clientCaFile = given["client-ca-file"];
  return {
    ...configuration,
    kubeconfig,
    ...(nodeName !== undefined && { nodeName }),
    port: number("--port", given.port ?? defaultPort, 65_535),
    leaseSeconds: number(
      "--node-lease-duration",
      given["node-lease-duration"] ?? String(defaultLeaseSeconds),
      3600,
    ),
    ...(podCidr !== undefined && { podCidr }),
    ...(clientCaFile !== undefined && { clientCaFile }),
    servesServices: given["no-service-proxy"] !== true,
  };
}

/** Flags of the agent come as one word: `--node-name=n1`. */
function isOwn(word: string): boolean {
  const name = /^--([a-z-]+)(?:=|$)/.exec(word)?.[1];
  return name !== undefined && Object.hasOwn(flags, name);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true }).values;
  } catch (cause) {
    throw new PodError("InvalidArgument", messageOf(cause), { cause });
  }
}

function number(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (/^[1-9]\d{0,5}$/.test(text) && value <= most) return value;
  throw invalid(flag, `must be a number from 1 to ${most}: got "${text}"`);
}

function invalid(flag: string, why: string): PodError {
  return new PodError("InvalidArgument", `${flag}: ${why}`);
}

/** The name of the node when nobody says another one. */
export function hostNodeName(): string {
  return nodeNameOf(hostname());
}
