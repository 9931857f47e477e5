/** `run --wait`: follows pods until all have reached the goal, one never can, or time is up. */
import type { Event } from "../spec/event.ts";
import type { List } from "../spec/list.ts";
import type { Pod } from "../spec/pod.ts";
import type { ApiClient } from "./api-client.ts";
import { type Context, podsPath } from "./context.ts";
import { failedProbes } from "./failed-probes.ts";
import { followPod } from "./follow-pod.ts";
import { describeWaiting, firstFailure, type Goal, waitState } from "./pod-outcome.ts";
import { WaitProgress } from "./wait-progress.ts";

/** Log lines of the failed container that the report shows. */
const reportedLines = 10;

/** @returns 0, or 1 after a report of the first pod that did not get there. */
export async function waitForPods(
  context: Context,
  pods: readonly Pod[],
  goal: Goal,
  timeoutMs: number,
): Promise<number> {
  const signal = AbortSignal.timeout(timeoutMs);
  const results = await waitForAll(context, pods, goal, signal);
  const failed = results.find((result) => result.why !== undefined);
  if (failed?.why === undefined) return 0;
  const { pod, why } = failed;
  const label = `${pod.metadata.namespace}/${pod.metadata.name}`;
  context.screen.remark(`nspod: Pod "${label}" is not ${goal}: ${why}`);
  for (const line of await unhealthy(context, pod)) context.screen.remark(`  ${line}`);
  await reportLog(context, pod);
  return 1;

  async function unhealthy({ client }: Context, broken: Pod): Promise<readonly string[]> {
    const { namespace, name, uid } = broken.metadata;
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const fieldSelector = `involvedObject.name=${name},involvedObject.uid=${uid}`;
    return await client.json<List<Event>>("GET", path, { query: { fieldSelector } }).then(
      ({ items }) => failedProbes(broken, items),
      // An extra, too.
      () => [],
    );
  }

  async function reportLog({ client, screen }: Context, broken: Pod): Promise<void> {
    const container = firstFailure(broken)?.container;
    if (container === undefined) return;
    const { namespace, name } = broken.metadata;
    const log = await client
      .text("GET", podsPath(namespace, name, "log"), {
        query: { container, tailLines: reportedLines },
      })
      // The report is an extra: without a log the reason stands alone.
      .catch(() => "");
    if (log !== "") screen.remark(`Its last lines:\n${log.trimEnd().replace(/^/gm, "  ")}`);
  }
}

interface WaitResult {
  readonly pod: Pod;
  /** Why it is not there; undefined when it is. */
  readonly why: string | undefined;
}

async function waitForAll(
  context: Context,
  pods: readonly Pod[],
  goal: Goal,
  signal: AbortSignal,
): Promise<readonly WaitResult[]> {
  using progress = new WaitProgress(context);
  const { client } = context;
  return await Promise.all(pods.map((pod) => waitForPod({ client, progress, goal, signal }, pod)));
}

async function waitForPod(
  {
    client,
    progress,
    goal,
    signal,
  }: {
    readonly client: ApiClient;
    readonly progress: WaitProgress;
    readonly goal: Goal;
    readonly signal: AbortSignal;
  },
  start: Pod,
): Promise<WaitResult> {
  let pod = start;
  const judge = (): WaitResult | undefined => {
    const result = waitState(pod, goal);
    if (result.state === "pending") return undefined;
    return { pod, why: result.state === "failed" ? result.why : undefined };
  };
  const atOnce = judge();
  if (atOnce !== undefined) return atOnce;
  progress.watch(pod);
  for await (const now of followPod(client, start, signal)) {
    pod = now;
    const result = judge();
    if (result !== undefined) return result;
    progress.update(pod);
  }
  const why = signal.aborted
    ? `gave up waiting: ${describeWaiting(pod)}`
    : "it was deleted while we waited";
  return { pod, why };
}
