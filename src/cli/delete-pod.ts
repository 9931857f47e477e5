/** Deletes one pod that the caller knows by uid, never another one that has its name by now. */
import { isPodError } from "../base/errors.ts";
import type { Pod } from "../spec/pod.ts";
import type { ApiClient } from "./api-client.ts";
import { podsPath } from "./context.ts";
import { waitUntilGone as waitUntilObjectGone } from "./follow-object.ts";
import { podResource } from "./follow-pod.ts";

/**
 * Asks for the deletion; a pod that is gone already is fine.
 * @param gracePeriodSeconds - undefined: the pod's own.
 */
export async function deletePod(
  client: ApiClient,
  { metadata }: Pod,
  gracePeriodSeconds: number | undefined,
): Promise<void> {
  try {
    await client.json("DELETE", podsPath(metadata.namespace, metadata.name), {
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        gracePeriodSeconds,
        preconditions: { uid: metadata.uid },
      },
    });
  } catch (error) {
    // Conflict: another pod has the name by now.
    if (!isPodError(error, "NotFound") && !isPodError(error, "Conflict")) throw error;
  }
}

/** Deletes a pod and waits until it is gone. @param gracePeriodSeconds - undefined: the pod's own. */
export async function removePod(
  client: ApiClient,
  pod: Pod,
  gracePeriodSeconds: number | undefined,
): Promise<void> {
  await deletePod(client, pod, gracePeriodSeconds);
  await waitUntilGone(client, pod, new AbortController().signal);
}

/** Waits until a pod is gone. @returns false when `signal` fired before. */
export async function waitUntilGone(
  client: ApiClient,
  pod: Pod,
  signal: AbortSignal,
): Promise<boolean> {
  return await waitUntilObjectGone(client, podResource(), pod, signal);
}
