/**
 * Rules for the pod's names: hostname, hostAliases (lines of /etc/hosts) and dnsConfig (lines of resolv.conf).
 *
 * All of these texts are written into files line by line, so none may hold a control byte or a space
 * (CVE-2022-4318 smuggled a second line). Source: Kubernetes, "DNS for Services and Pods"; resolv.conf(5).
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { HostAlias, PodDNSConfig, PodSpec } from "./pod.ts";
import { quote } from "./quote.ts";
import { validateHostnames } from "./validate-hostname.ts";
import { checkDnsSubdomain, checkIpAddress } from "./validate-names.ts";

/** Limits of Kubernetes; the resolver reads three nameservers. */
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;

/** Checks the pod's names, hostAliases, dnsPolicy and dnsConfig. */
export function validateDns(spec: PodSpec, report: Report): void {
  if (spec.dnsPolicy === "None" && (spec.dnsConfig?.nameservers ?? []).length === 0) {
    report("spec.dnsConfig.nameservers", "must name at least one server while dnsPolicy is None");
  }
  if (spec.dnsConfig !== undefined) {
    validateDnsConfig(spec.dnsConfig, report);
  }
  validateHostnames(spec, report);
  for (const [index, alias] of (spec.hostAliases ?? []).entries()) {
    validateHostAlias(alias, itemPath("spec.hostAliases", index), report);
  }
}

function validateHostAlias(alias: HostAlias, path: string, report: Report): void {
  const complaint = checkIpAddress(alias.ip);
  if (complaint !== undefined) {
    report(childPath(path, "ip"), complaint);
  }
  for (const [index, name] of (alias.hostnames ?? []).entries()) {
    const nameComplaint = checkDnsSubdomain(name);
    if (nameComplaint !== undefined) {
      report(itemPath(childPath(path, "hostnames"), index), nameComplaint);
    }
  }
}

function validateDnsConfig(config: PodDNSConfig, report: Report): void {
  const path = "spec.dnsConfig";
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > MAX_NAMESERVERS) {
    report(`${path}.nameservers`, `must be at most ${MAX_NAMESERVERS}: got ${nameservers.length}`);
  }
  for (const [index, server] of nameservers.entries()) {
    const complaint = checkIpAddress(server);
    if (complaint !== undefined) {
      report(itemPath(`${path}.nameservers`, index), complaint);
    }
  }
  if (searches.length > MAX_SEARCHES) {
    report(`${path}.searches`, `must be at most ${MAX_SEARCHES}: got ${searches.length}`);
  }
  const characters = searches.join(" ").length;
  if (characters > MAX_SEARCH_CHARACTERS) {
    report(
      `${path}.searches`,
      `must be at most ${MAX_SEARCH_CHARACTERS} characters in total: got ${characters}`,
    );
  }
  for (const [index, search] of searches.entries()) {
    const complaint = checkSearch(search);
    if (complaint !== undefined) {
      report(itemPath(`${path}.searches`, index), complaint);
    }
  }
  for (const [index, { name, value }] of options.entries()) {
    const at = itemPath(`${path}.options`, index);
    if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) {
      report(childPath(at, "name"), `must be one printable word without ":": got ${quote(name)}`);
    }
    if (value !== undefined && !/^[\x21-\x7e]*$/.test(value)) {
      report(childPath(at, "value"), `must be one printable word: got ${quote(value)}`);
    }
  }
}

/** A search domain may end in "." (or be just that) and may have "_" in its parts. */
function checkSearch(search: string): string | undefined {
  const domain = search.endsWith(".") ? search.slice(0, -1) : search;
  if (search === ".") {
    return undefined;
  }
  const complaint = checkDnsSubdomain(domain.replaceAll("_", "x"));
  return complaint === undefined ? undefined : `must be a DNS domain: got ${quote(search)}`;
}
