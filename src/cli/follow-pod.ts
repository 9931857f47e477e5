/**
 * One pod as it changes, until it is gone. The watch is taken up again when the daemon goes away
 * (it may be killed at any moment) or the revision is too old; nothing that matters is missed,
 * because a pod's status holds facts and not the steps to them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isPodError } from "../base/errors.ts";
import type { Pod } from "../spec/pod.ts";
import { type ApiClient, isLostConnection } from "./api-client.ts";
import { podsPath } from "./context.ts";

const retryMs = 200;

/**
 * @param start - the pod as it is now: changes after its resourceVersion follow.
 * @returns the states of the pod with this uid; ends when it is deleted or `signal` fires.
 */
export async function* followPod(
  client: ApiClient,
  start: Pod,
  signal: AbortSignal,
): AsyncGenerator<Pod, void, undefined> {
  const { namespace, name, uid } = start.metadata;
  let resourceVersion = start.metadata.resourceVersion;
  while (!signal.aborted) {
    try {
      const query = { fieldSelector: `metadata.name=${name}`, resourceVersion };
      for await (const { type, object } of client.watch<Pod>(podsPath(namespace), query, signal)) {
        resourceVersion = object.metadata.resourceVersion;
        if (type === "BOOKMARK" || object.metadata.uid !== uid) continue;
        if (type === "DELETED") return;
        yield object;
      }
      if (signal.aborted) return;
    } catch (error) {
      const isExpired = isPodError(error) && error.data["reason"] === "Expired";
      if (!isExpired && !isLostConnection(error)) throw error;
    }
    const now = await readAgain(client, start, signal);
    if (now === undefined) return;
    resourceVersion = now.metadata.resourceVersion;
    yield now;
  }
}

/** The pod now; undefined when it is gone, also when another one has its name. */
export async function currentPod(client: ApiClient, pod: Pod): Promise<Pod | undefined> {
  try {
    const path = podsPath(pod.metadata.namespace, pod.metadata.name);
    const now = await client.json<Pod>("GET", path);
    return now.metadata.uid === pod.metadata.uid ? now : undefined;
  } catch (error) {
    if (isPodError(error, "NotFound")) return undefined;
    throw error;
  }
}

async function readAgain(
  client: ApiClient,
  pod: Pod,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  await sleep(retryMs, undefined, { signal }).catch(() => undefined);
  if (signal.aborted) return undefined;
  return await currentPod(client, pod);
}
