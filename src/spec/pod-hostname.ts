/**
 * What a pod is called: inside it, and in its /etc/hosts. Pure.
 * Source: Kubernetes, "DNS for Services and Pods", pod's hostname and subdomain fields.
 */
import type { Pod } from "./pod.ts";

/** The domain of a cluster that was not told another one. */
export const clusterDomain = "cluster.local";
/** Linux takes no longer host name (HOST_NAME_MAX). */
const maxHostname = 64;

/** First label of the pod's name in the network: hostnameOverride, hostname, or the pod's name cut to 63 bytes. */
export function shortHostname({ metadata, spec }: Pod): string {
  const { hostnameOverride, hostname } = spec;
  return hostnameOverride || hostname || metadata.name.slice(0, 63).replace(/[-.]+$/, "");
}

/** Full name of a pod with a subdomain; undefined without, and with hostnameOverride. */
export function podFqdn(pod: Pod): string | undefined {
  const { subdomain, hostnameOverride } = pod.spec;
  if (!subdomain || hostnameOverride) return undefined;
  const { namespace } = pod.metadata;
  return `${shortHostname(pod)}.${subdomain}.${namespace}.svc.${clusterDomain}`;
}

/**
 * The host name that the kernel gets.
 * @returns `problem`: why the pod cannot have the name that it asks for, in the kubelet's words.
 */
export function kernelHostname(pod: Pod): { readonly name: string } | { readonly problem: string } {
  const fqdn = podFqdn(pod);
  if (pod.spec.setHostnameAsFQDN !== true || fqdn === undefined) {
    return { name: shortHostname(pod) };
  }
  if (fqdn.length <= maxHostname) return { name: fqdn };
  return {
    problem: `failed to construct FQDN from Pod hostname and cluster domain, FQDN ${fqdn} is too long (${maxHostname} characters is the max, ${fqdn.length} characters requested)`,
  };
}
