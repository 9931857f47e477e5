/** `nspod describe pod NAME…`: everything about a pod that a person may want to know. */
import type { Event } from "../../spec/event.ts";
import type { List } from "../../spec/list.ts";
import type { Pod } from "../../spec/pod.ts";
import { type Context, podsPath } from "../context.ts";
import { describePod } from "../describe-pod.ts";
import { podNames } from "../resources.ts";

export interface DescribeOptions {
  readonly selector?: string;
}

export async function describePods(
  context: Context,
  words: readonly string[],
  options: DescribeOptions,
): Promise<number> {
  const pods = await findPods(context, podNames(words), options);
  if (pods.length === 0) {
    context.screen.remark(`No resources found in ${context.namespace} namespace.`);
  }
  for (const [index, pod] of pods.entries()) {
    const { namespace, name, uid } = pod.metadata;
    const events = await context.client.json<List<Event>>(
      "GET",
      `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`,
      { query: { fieldSelector: `involvedObject.name=${name},involvedObject.uid=${uid}` } },
    );
    if (index > 0) context.screen.print("\n");
    context.screen.print(describePod(pod, events.items, Date.now()));
  }
  return 0;
}

async function findPods(
  { client, namespace }: Context,
  names: readonly string[],
  { selector }: DescribeOptions,
): Promise<readonly Pod[]> {
  if (names.length > 0) {
    const pods: Pod[] = [];
    for (const name of names) pods.push(await client.json<Pod>("GET", podsPath(namespace, name)));
    return pods;
  }
  const list = await client.json<List<Pod>>("GET", podsPath(namespace), {
    query: { labelSelector: selector },
  });
  return list.items;
}
