/** The files that every container of a pod gets bound: hosts, hostname, resolv.conf. */
import { closeSync, fchmodSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { hostname as nodeHostname } from "node:os";
import { join } from "node:path";
import { hasCode, PodError } from "../base/errors.ts";
import { hostResolver, podResolver } from "../net/dns.ts";
import { hostNetworkHosts, podHosts } from "../net/hosts.ts";
import type { Pod } from "../spec/pod.ts";
import { kernelHostname, podFqdn, shortHostname } from "../spec/pod-hostname.ts";
import type { PodFolders } from "./folders.ts";

export interface HostFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

/** Where the files are. */
export function hostFilePaths({ etc }: Pick<PodFolders, "etc">): HostFiles {
  return {
    hosts: join(etc, "hosts"),
    hostname: join(etc, "hostname"),
    resolvConf: join(etc, "resolv.conf"),
  };
}

/**
 * Host name inside the pod; the node's with hostNetwork.
 * @throws PodError FailedPrecondition when setHostnameAsFQDN asks for more than Linux takes
 */
export function podHostname(pod: Pod): string {
  if (pod.spec.hostNetwork) return nodeHostname();
  const hostname = kernelHostname(pod);
  if ("name" in hostname) return hostname.name;
  throw new PodError("FailedPrecondition", hostname.problem);
}

/**
 * Writes the files into the folder `etc`, which exists; containers see them through binds, so an existing file keeps its inode only
 * as long as nobody writes it again: this is called once per sandbox.
 * @param nameserver - address of the cluster's name server.
 * @returns sentences about what had to be left out, for Warning events.
 */
export function writeHostFiles(
  pod: Pod,
  folders: PodFolders,
  address: string | undefined,
  nameserver?: string,
): readonly string[] {
  const { hostNetwork = false, hostAliases = [], dnsPolicy, dnsConfig } = pod.spec;
  const hostname = podHostname(pod);
  const fqdn = podFqdn(pod);
  const paths = hostFilePaths(folders);
  const host = hostResolver(hostNetwork);
  const policy = dnsPolicy ?? "ClusterFirst";
  const isOutside = nameserver === undefined || (hostNetwork && policy === "ClusterFirst");
  const cluster = isOutside ? undefined : { nameserver, namespace: pod.metadata.namespace };
  const resolver = podResolver(policy, dnsConfig, host.config, cluster);
  const hosts = hostNetwork
    ? hostNetworkHosts(readHostFile("/etc/hosts"), hostAliases)
    : podHosts({
        hostname: shortHostname(pod),
        hostAliases,
        ...(fqdn === undefined ? {} : { fqdn }),
        ...(address === undefined ? {} : { address }),
      });
  writeFor(paths.hosts, hosts);
  writeFor(paths.hostname, `${hostname}\n`);
  writeFor(paths.resolvConf, resolver.text);
  return [...host.warnings, ...resolver.warnings];
}

/** In place, for everybody to read: no container is there yet, and the next sandbox writes them again. */
function writeFor(path: string, content: string): void {
  const fd = openSync(path, "w");
  try {
    fchmodSync(fd, 0o644);
    writeFileSync(fd, content);
  } finally {
    closeSync(fd);
  }
}

function readHostFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}
