/** `run --wait`: follows pods until all have reached the goal, one never can, or time is up. */
import type { Event } from "../spec/event.ts";
import type { List } from "../spec/list.ts";
import type { Pod } from "../spec/pod.ts";
import { type Context, podsPath } from "./context.ts";
import { failedProbes } from "./failed-probes.ts";
import { followPod } from "./follow-pod.ts";
import { describeWaiting, firstFailure, type Goal, waitState } from "./pod-outcome.ts";

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
  const results = await Promise.all(pods.map((pod) => waitForPod(context, pod, goal, signal)));
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

async function waitForPod(
  { client }: Context,
  start: Pod,
  goal: Goal,
  signal: AbortSignal,
): Promise<{ readonly pod: Pod; readonly why: string | undefined }> {
  let pod = start;
  const judge = (): { readonly pod: Pod; readonly why: string | undefined } | undefined => {
    const result = waitState(pod, goal);
    if (result.state === "pending") return undefined;
    return { pod, why: result.state === "failed" ? result.why : undefined };
  };
  const atOnce = judge();
  if (atOnce !== undefined) return atOnce;
  for await (const now of followPod(client, start, signal)) {
    pod = now;
    const result = judge();
    if (result !== undefined) return result;
  }
  const why = signal.aborted
    ? `gave up waiting: ${describeWaiting(pod)}`
    : "it was deleted while we waited";
  return { pod, why };
}
