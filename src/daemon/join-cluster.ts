/**
 * How an agent becomes a node of a cluster: it registers and waits for the prefix of its pods, which is kept for the
 * next start.
 *
 *   kubeconfig ─▶ client ─▶ mirror ─▶ Node ─▶ spec.podCIDR
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { RemoteApi } from "../agent/remote-api.ts";
import type { RemoteNode } from "../agent/remote-node.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Node } from "../spec/kubernetes.gen.ts";

const retryMs = 1000;

/**
 * Why a node is not ready, in the words that people search for. Pure.
 * @param own - the prefix that its pods have. @param wanted - the one that the cluster leads to it.
 */
export function cidrProblem(
  own: string | undefined,
  wanted: string | undefined,
): string | undefined {
  const head = "container runtime network not ready:";
  if (own === undefined) {
    return `${head} the node has no podCIDR yet: the control plane gives it one, or --pod-cidr`;
  }
  if (wanted === undefined || wanted === own) return undefined;
  return `${head} the node was given podCIDR "${wanted}" and its pods have "${own}": run "nspod system reset" on it and start the agent again`;
}

/** Registers the node; a server that is away is tried again until the signal. */
export async function register(
  node: Pick<RemoteNode, "refresh">,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  for (;;) {
    try {
      await node.refresh();
      return;
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn({ error: messageOf(error) }, "cannot register the node");
      await sleep(retryMs, undefined, { signal });
    }
  }
}

/** The prefix that the control plane has given the node, as soon as it has. */
export async function assignedCidr(
  { objects }: Pick<RemoteApi, "objects">,
  nodeName: string,
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const look = (): void => {
    const cidr = objects.get<Node>("Node", "", nodeName)?.spec?.podCIDR;
    if (cidr !== undefined) resolve(cidr);
  };
  const unfollow = objects.follow(({ object }) => {
    if (object.kind === "Node") look();
  });
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  look();
  try {
    return await promise;
  } finally {
    unfollow();
    signal.removeEventListener("abort", stop);
  }
}
