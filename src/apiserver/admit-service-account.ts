/**
 * The service account that a new pod runs as: it must exist, gives the pod its image pull secrets when the pod names
 * none, and its token where pods can reach the API (decision 0604). Plugin ServiceAccount.
 * Source: Kubernetes, "Managing Service Accounts"; "Configure Service Accounts for Pods".
 */
import { randomSuffix } from "../base/random-suffix.ts";
import type { ServiceAccount } from "../spec/kubernetes.gen.ts";
import { forbidden } from "../spec/object-problem.ts";
import type { Pod, PodSpec } from "../spec/pod.ts";
import { missingServiceAccount, serviceAccountOf } from "../spec/service-account.ts";
import { mountToken } from "../spec/service-account-token.ts";
import type { Admission } from "./backend.ts";

/** @throws PodError PermissionDenied in the words of the plugin. */
export function admitServiceAccount({ store, mountsTokens }: Admission, pod: Pod): Pod {
  const missing = missingServiceAccount(pod, store);
  if (missing !== undefined) throw forbidden("Pod", pod.metadata.name, missing);
  const { namespace } = pod.metadata;
  const account = store.get<ServiceAccount>("ServiceAccount", namespace, serviceAccountOf(pod));
  const spec = withPullSecrets(pod.spec, account);
  const wantsToken =
    spec.automountServiceAccountToken ?? account?.automountServiceAccountToken ?? true;
  return { ...pod, spec: mountsTokens && wantsToken ? mountToken(spec, randomSuffix()) : spec };
}

function withPullSecrets(spec: PodSpec, account: ServiceAccount | undefined): PodSpec {
  const { imagePullSecrets = [] } = account ?? {};
  const hasOwn = (spec.imagePullSecrets ?? []).length > 0;
  return hasOwn || imagePullSecrets.length === 0 ? spec : { ...spec, imagePullSecrets };
}
