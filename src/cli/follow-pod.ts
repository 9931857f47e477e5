/** One pod as it changes, until it is gone: `follow-object.ts` for the kind that most commands are about. */
import { invariant } from "../base/assert.ts";
import type { Pod } from "../spec/pod.ts";
import { type Resource, resourceOfKind } from "../spec/resources.ts";
import type { ApiClient } from "./api-client.ts";
import { currentObject, followObject } from "./follow-object.ts";

export function podResource(): Resource {
  const resource = resourceOfKind("Pod");
  invariant(resource, "pods are served");
  return resource;
}

/** The states of this pod after `start`; ends when it is deleted or `signal` fires. */
export function followPod(
  client: ApiClient,
  start: Pod,
  signal: AbortSignal,
): AsyncGenerator<Pod, void, undefined> {
  return followObject(client, podResource(), start, signal);
}

/** The pod now; undefined when it is gone, also when another one has its name. */
export function currentPod(client: ApiClient, pod: Pod): Promise<Pod | undefined> {
  return currentObject(client, podResource(), pod);
}
