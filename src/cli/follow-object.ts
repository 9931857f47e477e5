/**
 * One object as it changes, until it is gone. The watch is taken up again when the daemon goes away (it may be
 * killed at any moment) or the revision is too old; nothing that matters is missed, because an object holds facts
 * and not the steps to them.
 */
import { isPodError } from "../base/errors.ts";
import type { KubernetesObject, Resource } from "../spec/resources.ts";
import { type ApiClient, isLostConnection } from "./api-client.ts";
import { getObject, watchObjects } from "./objects.ts";
import { pause } from "./pause.ts";

const retryMs = 200;

/**
 * @param start - the object as it is now: changes after its resourceVersion follow.
 * @returns the states of the object with this uid; ends when it is deleted or `signal` fires.
 */
export async function* followObject<T extends KubernetesObject>(
  client: ApiClient,
  resource: Resource,
  start: T,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const { namespace, name, uid } = start.metadata;
  const selection = { resource, namespace, fieldSelector: `metadata.name=${name}` };
  let from = start.metadata.resourceVersion;
  while (!signal.aborted) {
    try {
      const options = from === undefined ? { signal } : { from, signal };
      for await (const { type, object } of watchObjects<T>(client, selection, options)) {
        from = object.metadata.resourceVersion;
        if (type === "BOOKMARK" || object.metadata.uid !== uid) continue;
        if (type === "DELETED") return;
        yield object;
      }
      if (signal.aborted) return;
    } catch (error) {
      const isExpired = isPodError(error) && error.data["reason"] === "Expired";
      if (!isExpired && !isLostConnection(error)) throw error;
    }
    await pause(retryMs, signal);
    if (signal.aborted) return;
    const now = await currentObject(client, resource, start);
    if (now === undefined) return;
    from = now.metadata.resourceVersion;
    yield now;
  }
}

/** The object now; undefined when it is gone, also when another one has its name. */
export async function currentObject<T extends KubernetesObject>(
  client: ApiClient,
  resource: Resource,
  { metadata }: T,
): Promise<T | undefined> {
  try {
    const { namespace, name, uid } = metadata;
    const now = await getObject<T>(client, { resource, namespace, name });
    return now.metadata.uid === uid ? now : undefined;
  } catch (error) {
    if (isPodError(error, "NotFound")) return undefined;
    throw error;
  }
}

/** Waits until an object is gone. @returns false when `signal` fired before. */
export async function waitUntilGone(
  client: ApiClient,
  resource: Resource,
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<boolean> {
  const now = await currentObject(client, resource, object);
  if (now === undefined) return true;
  for await (const _ of followObject(client, resource, now, signal)) {
    // Each state but the last, which ends the loop, says the same: it is still there.
  }
  return !signal.aborted;
}
