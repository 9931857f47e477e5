/**
 * The certificates of an agent's endpoints: its own of the kubeconfig, when that is good for a server, else one that
 * signs itself, as a kubelet has; and who signs for the API server as a client.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readKubeconfig } from "../agent/kubeconfig.ts";
import type { TlsIdentity } from "../apiserver/server.ts";
import { PodError } from "../base/errors.ts";
import type { AgentConfiguration } from "./agent-configuration.ts";

/** id-kp-serverAuth, RFC 5280 section 4.2.1.12. */
const serverUsage = "1.3.6.1.5.5.7.3.1";

/** @throws PodError InvalidArgument when nothing says who may call. */
export async function kubeletPki(
  { kubeconfig, clientCaFile, nodeName = "nspod" }: AgentConfiguration,
  nowMs: number,
): Promise<TlsIdentity> {
  const { authority, certificate, key } = readKubeconfig(kubeconfig);
  const clients = clientCaFile === undefined ? authority : readFileSync(clientCaFile, "utf8");
  if (clients === undefined) {
    const why = "the kubeconfig has no certificate-authority";
    throw new PodError("InvalidArgument", `--client-ca-file: is required: ${why}`);
  }
  if (certificate !== undefined && key !== undefined && isServer(certificate)) {
    return { server: { certificate, key }, authority: { certificate: clients } };
  }
  const { issueServer } = await import("../apiserver/pki.ts");
  return { server: await issueServer(nodeName, nowMs), authority: { certificate: clients } };
}

function isServer(certificate: string): boolean {
  // The declaration says string[], an older one undefined.
  const usages: readonly string[] | undefined = new X509Certificate(certificate).keyUsage;
  return usages?.includes(serverUsage) ?? false;
}
