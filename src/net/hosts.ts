/**
 * The text of a pod's /etc/hosts, as the kubelet writes it (pkg/kubelet/kubelet_pods.go,
 * managedHostsFileContent). Pure.
 */
import { isIP } from "node:net";
import { PodError } from "../base/errors.ts";
import type { HostAlias } from "../spec/pod.ts";

export interface HostsOptions {
  readonly hostname: string;
  /** Full name of a pod with a subdomain. */
  readonly fqdn?: string;
  /** The pod's address; absent for a pod without network. */
  readonly address?: string;
  readonly hostAliases?: readonly HostAlias[];
}

const head = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;

/** The file of a pod with a network namespace of its own. */
export function podHosts({ hostname, fqdn, address, hostAliases = [] }: HostsOptions): string {
  const names = fqdn === undefined ? [hostname] : [fqdn, hostname];
  const own = address === undefined ? "" : line(address, names);
  return `${head}${own}${aliasLines(hostAliases)}`;
}

/** The file of a hostNetwork pod: the host's, and the aliases. */
export function hostNetworkHosts(hostFile: string, hostAliases: readonly HostAlias[] = []): string {
  const end = hostFile === "" || hostFile.endsWith("\n") ? "" : "\n";
  return `# Kubernetes-managed hosts file (host network).\n${hostFile}${end}${aliasLines(hostAliases)}`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return "";
  const lines = aliases.map(({ ip, hostnames = [] }) => line(ip, hostnames));
  return `\n# Entries added by HostAliases.\n${lines.join("")}`;
}

/** Words are checked here too: a line break in one would be an entry of its own. */
function line(ip: string, names: readonly string[]): string {
  if (isIP(ip) === 0) {
    throw new PodError(
      "InvalidArgument",
      `${JSON.stringify(ip)} is not an IP address for /etc/hosts`,
    );
  }
  const bad = names.find((name) => !/^[^\s#\0]+$/.test(name));
  if (bad !== undefined) {
    throw new PodError(
      "InvalidArgument",
      `${JSON.stringify(bad)} is not a host name for /etc/hosts`,
    );
  }
  return `${[ip, ...names].join("\t")}\n`;
}
