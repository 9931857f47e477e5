/** `nspod port-forward`: local ports lead into a pod until Ctrl-C, or until the pod has ended. */
import { PodError } from "../../base/errors.ts";
import type { Service } from "../../spec/kubernetes.gen.ts";
import type { Pod } from "../../spec/pod.ts";
import { choosePod } from "../choose-pod.ts";
import { type Context, podsPath } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { followPod } from "../follow-pod.ts";
import { PortListener } from "../port-listener.ts";
import { parseAddresses, parsePortPair } from "../port-pairs.ts";

export interface PortForwardOptions {
  readonly address: readonly string[];
  readonly podRunningTimeout: string;
}

/** @returns 0 after Ctrl-C. @throws PodError Unavailable when the pod ends. */
export async function forwardPorts(
  context: Context,
  word: string,
  ports: readonly string[],
  options: PortForwardOptions,
): Promise<number> {
  if (ports.length === 0) {
    throw new PodError("InvalidArgument", "TYPE/NAME and list of ports are required");
  }
  const timeoutMs = parseDuration(options.podRunningTimeout, "--pod-running-timeout");
  const addresses = parseAddresses(options.address);
  const { client, screen } = context;
  const { pod: first, owner } = await choosePod(context, word);
  const path = podsPath(context.namespace, first.metadata.name);
  const service = owner?.kind === "Service" ? (owner as Service) : undefined;
  const pairs = ports.map((text) => parsePortPair(text, first, service));
  const pod = await runningPod(context, first, timeoutMs);
  using listener = new PortListener({
    client,
    path: `${path}/portforward`,
    print: (line) => screen.print(line),
    remark: (line) => screen.remark(line),
  });
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  for (const pair of pairs) await listener.listen(addresses, pair);
  await untilEnded(context, pod, stop.signal);
  if (stop.signal.aborted) return 0;
  throw new PodError("Unavailable", "lost connection to pod");
}

async function runningPod({ client }: Context, start: Pod, timeoutMs: number): Promise<Pod> {
  const signal = AbortSignal.timeout(timeoutMs);
  let pod = start;
  if (pod.status?.phase === "Running") return pod;
  if (!hasEnded(pod)) {
    for await (pod of followPod(client, start, signal)) {
      if (pod.status?.phase === "Running") return pod;
      if (hasEnded(pod)) break;
    }
  }
  throw new PodError(
    "FailedPrecondition",
    `unable to forward port because pod is not running. Current status=${pod.status?.phase ?? "Pending"}`,
  );
}

async function untilEnded({ client }: Context, start: Pod, signal: AbortSignal): Promise<void> {
  if (hasEnded(start)) return;
  for await (const pod of followPod(client, start, signal)) {
    if (hasEnded(pod)) return;
  }
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
