/**
 * The text of a pod's /etc/resolv.conf from dnsPolicy, dnsConfig and the host's file.
 *
 * ClusterFirst means the name server of the cluster and its domains before the host's; with the host's network only
 * ClusterFirstWithHostNet does. Without a name server they mean the host's. Sources: Kubernetes "DNS for Services and Pods", kubelet
 * network/dns/dns.go, resolv.conf(5).
 */
import { readFileSync } from "node:fs";
import { isIP, isIPv4 } from "node:net";
import { hasCode, PodError } from "../base/errors.ts";
import type { DnsPolicy, PodDNSConfig } from "../spec/pod.ts";
import { clusterDomain } from "../spec/pod-hostname.ts";

export interface ResolverConfig {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  /** `ndots:5` as `["ndots", "5"]`; flags without value as "". In the order of the file. */
  readonly options: ReadonlyMap<string, string>;
}

export interface PodResolver {
  /** Content of the pod's file. */
  readonly text: string;
  /** Sentences for Warning events with the reason DNSConfigForming. */
  readonly warnings: readonly string[];
}

// Kubernetes validation: MaxDNSNameservers, MaxDNSSearchPaths, MaxDNSSearchListChars.
const maxNameservers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;

const hostFile = "/etc/resolv.conf";
/** What systemd-resolved forwards to, when /etc/resolv.conf names its own 127.0.0.53. */
const resolvedFile = "/run/systemd/resolve/resolv.conf";

/** Reads resolv.conf(5): the last `search` or `domain` counts, unknown lines are left out. */
export function parseResolvConf(text: string): ResolverConfig {
  const nameservers: string[] = [];
  let searches: string[] = [];
  const options = new Map<string, string>();
  for (const row of text.split("\n")) {
    const [keyword, ...words] = row
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver" && words[0] !== undefined) nameservers.push(words[0]);
    else if (keyword === "search") searches = words;
    else if (keyword === "domain") searches = words.slice(0, 1);
    else if (keyword === "options") {
      for (const word of words) {
        const [name = "", value = ""] = splitOnce(word);
        options.set(name, value);
      }
    }
  }
  return { nameservers, searches, options };
}

function splitOnce(word: string): [string, string] {
  const colon = word.indexOf(":");
  return colon < 0 ? [word, ""] : [word.slice(0, colon), word.slice(colon + 1)];
}

function isLoopback(server: string): boolean {
  return (isIPv4(server) && server.startsWith("127.")) || server === "::1";
}

/**
 * The host's resolver for pods. Servers on loopback addresses cannot be reached from a pod's
 * network namespace: systemd-resolved's own upstreams take their place.
 * @param files - reads a file, undefined when there is none.
 */
export function hostResolver(
  hostNetwork: boolean,
  files: (path: string) => string | undefined = readIfThere,
): { readonly config: ResolverConfig; readonly warnings: readonly string[] } {
  const config = parseResolvConf(files(hostFile) ?? "");
  const usable = config.nameservers.filter((server) => !isLoopback(server));
  if (hostNetwork || usable.length === config.nameservers.length) return { config, warnings: [] };
  const upstream = parseResolvConf(files(resolvedFile) ?? "");
  const servers = upstream.nameservers.filter((server) => !isLoopback(server));
  if (usable.length === 0 && servers.length > 0) {
    return { config: { ...upstream, nameservers: servers }, warnings: [] };
  }
  const local = config.nameservers.filter(isLoopback).join(", ");
  return {
    config: { ...config, nameservers: usable },
    warnings: [
      `Nameserver ${local} of "${hostFile}" cannot be reached from a pod and was left out${usable.length === 0 ? ": names will not resolve: set dnsConfig.nameservers" : ""}`,
    ],
  };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // A host without the file resolves nothing, and so do its pods.
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** The name server of the cluster as a pod sees it. */
export interface ClusterResolver {
  readonly nameserver: string;
  /** Of the pod: names are looked up in it first. */
  readonly namespace: string;
}

/** What the kubelet writes for ClusterFirst; the host's options are not taken over. */
function clusterConfig(
  { nameserver, namespace }: ClusterResolver,
  host: ResolverConfig,
): ResolverConfig {
  const own = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return {
    nameservers: [nameserver],
    searches: [...own, ...host.searches],
    options: new Map([["ndots", "5"]]),
  };
}

/**
 * The pod's file. Pure.
 * @param cluster - absent: there is no name server of the cluster, or the pod has the host's network.
 * @throws PodError InvalidArgument for values that would break the file.
 */
export function podResolver(
  policy: DnsPolicy,
  dnsConfig: PodDNSConfig | undefined,
  host: ResolverConfig,
  cluster?: ClusterResolver,
): PodResolver {
  const none: ResolverConfig = { nameservers: [], searches: [], options: new Map() };
  const wantsCluster = policy === "ClusterFirst" || policy === "ClusterFirstWithHostNet";
  const known = wantsCluster && cluster !== undefined ? clusterConfig(cluster, host) : host;
  const base = policy === "None" ? none : known;
  const options = new Map(base.options);
  for (const { name, value = "" } of dnsConfig?.options ?? []) options.set(name, value);
  const servers = unique([...base.nameservers, ...(dnsConfig?.nameservers ?? [])]);
  const searches = unique([...base.searches, ...(dnsConfig?.searches ?? [])]);
  check(servers, searches, options);
  const warnings: string[] = [];
  const keptServers = servers.slice(0, maxNameservers);
  if (keptServers.length < servers.length) {
    warnings.push(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${keptServers.join(" ")}`,
    );
  }
  const keptSearches = limitSearches(searches);
  if (keptSearches.length < searches.length) {
    warnings.push(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${keptSearches.join(" ")}`,
    );
  }
  return { text: format(keptServers, keptSearches, options), warnings };
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}

function limitSearches(searches: readonly string[]): string[] {
  const kept: string[] = [];
  let length = 0;
  for (const search of searches.slice(0, maxSearches)) {
    length += search.length + (kept.length > 0 ? 1 : 0);
    if (length > maxSearchCharacters) break;
    kept.push(search);
  }
  return kept;
}

/** One word each: a space or line break would be an entry of its own (security: NET-08). */
function check(
  servers: readonly string[],
  searches: readonly string[],
  options: ReadonlyMap<string, string>,
): void {
  // A link-local IPv6 server may carry its link: fe80::1%eth0.
  const badServer = servers.find((server) => isIP(server.replace(/%[\w.-]+$/, "")) === 0);
  if (badServer !== undefined) {
    throw new PodError(
      "InvalidArgument",
      `${JSON.stringify(badServer)} is not a nameserver's address`,
    );
  }
  const words = [...searches, ...[...options].map(([name, value]) => optionText(name, value))];
  const bad = words.find((word) => !/^[\w.:/-]+$/.test(word));
  if (bad !== undefined) {
    throw new PodError("InvalidArgument", `${JSON.stringify(bad)} cannot stand in resolv.conf`);
  }
}

function optionText(name: string, value: string): string {
  return value === "" ? name : `${name}:${value}`;
}

function format(
  servers: readonly string[],
  searches: readonly string[],
  options: ReadonlyMap<string, string>,
): string {
  const lines = [
    ...(searches.length === 0 ? [] : [`search ${searches.join(" ")}`]),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.size === 0
      ? []
      : [`options ${[...options].map(([name, value]) => optionText(name, value)).join(" ")}`]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
