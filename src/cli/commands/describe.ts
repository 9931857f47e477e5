/** `nspod describe`: everything about objects that a person may want to know. */
import type { Event } from "../../spec/event.ts";
import type { Pod } from "../../spec/pod.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { describeObject } from "../describe-object.ts";
import { describePod } from "../describe-pod.ts";
import { parseObjectsOrPods, parseResource, type Wanted } from "../object-arguments.ts";
import { eventsOf, getObject, listObjects } from "../objects.ts";
import { sortObjects } from "../sort-objects.ts";

export interface DescribeOptions {
  readonly selector?: string;
  readonly allNamespaces?: boolean;
  readonly showEvents?: boolean;
}

/** @param words - `pod NAME…`, `TYPE/NAME…`, `TYPE`, or names of pods; nothing is all pods. */
export async function describeObjects(
  context: Context,
  words: readonly string[],
  options: DescribeOptions,
): Promise<number> {
  const wanted = parseObjectsOrPods(words.length === 0 ? ["pods"] : words);
  let count = 0;
  for (const each of wanted) {
    for (const object of await find(context, each, options)) {
      if (count++ > 0) context.screen.print("\n");
      context.screen.print(await describe(context, object, options));
    }
  }
  if (count === 0) {
    const scope = options.allNamespaces ? "" : ` in ${context.namespace} namespace.`;
    context.screen.remark(`No resources found${scope}`);
  }
  return 0;
}

async function find(
  { client, namespace }: Context,
  { resource, name }: Wanted,
  { selector, allNamespaces }: DescribeOptions,
): Promise<readonly KubernetesObject[]> {
  const scope = resource.isNamespaced && !allNamespaces ? namespace : "";
  if (name !== undefined) return [await getObject(client, { resource, namespace: scope, name })];
  const selection = { resource, namespace: scope, labelSelector: selector };
  return sortObjects((await listObjects<KubernetesObject>(client, selection)).items);
}

async function describe(
  { client }: Context,
  object: KubernetesObject,
  { showEvents = true }: DescribeOptions,
): Promise<string> {
  const events: readonly Event[] = showEvents ? await eventsOf(client, object) : [];
  const nowMs = Date.now();
  // The kind says the type.
  if (object.kind === "Pod") return describePod(object as Pod, events, nowMs);
  const hasPods = object.kind === "PersistentVolumeClaim" || object.kind === "Node";
  const pods = hasPods
    ? await listObjects<Pod>(client, {
        resource: parseResource("pods"),
        namespace: object.metadata.namespace,
      })
    : { items: [] };
  return describeObject(object, { events, pods: pods.items, nowMs });
}
