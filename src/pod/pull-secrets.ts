/**
 * Image pull secrets: the kubelet looks them up whenever it is about to look for an image, and says which of them do
 * not exist; the pod goes on. nspod pulls nothing, so what is in them does not matter.
 * Source: kubelet, events of the reason FailedToRetrieveImagePullSecret; Kubernetes, "Pull an Image from a Private
 * Registry".
 */
import type { Pod } from "../spec/pod.ts";
import type { EngineContext } from "./context.ts";

/** Reports the secrets that the pod names and its namespace does not have. */
export function reportMissingPullSecrets({
  context,
  pod,
}: {
  readonly context: Pick<EngineContext, "objects" | "report">;
  readonly pod: Pod;
}): void {
  const { namespace } = pod.metadata;
  const missing = (pod.spec.imagePullSecrets ?? [])
    // Kubernetes allows entries without a name, and the kubelet passes them over.
    .flatMap(({ name = "" }) => (name === "" ? [] : [name]))
    .filter((name) => context.objects.get("Secret", namespace, name) === undefined);
  if (missing.length === 0) return;
  context.report(pod, {
    type: "Warning",
    reason: "FailedToRetrieveImagePullSecret",
    message: `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`,
  });
}
