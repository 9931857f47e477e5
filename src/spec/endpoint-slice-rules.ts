/**
 * EndpointSlice: the addresses behind a Service, written by the controller or, for a Service without selector, by hand.
 * Source: Kubernetes API reference, discovery.k8s.io/v1 EndpointSlice; "EndpointSlices".
 */

import { isIPv4, isIPv6 } from "node:net";
import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { KindRules } from "./kind-rules.ts";
import type { EndpointSlice } from "./kubernetes.gen.ts";
import { quote } from "./quote.ts";
import { type Complaint, checkDnsLabel, checkDnsSubdomain, checkPort } from "./validate-names.ts";

/** Label that names the Service of a slice. */
export const serviceNameLabel = "kubernetes.io/service-name";

export const endpointSliceRules: KindRules<EndpointSlice> = {
  hasGeneration: true,
  fill: (slice) => ({
    ...slice,
    // A port without a number means all ports: the proxy of a Service ignores it.
    ...(slice.ports && {
      ports: slice.ports.map((port) => ({
        ...port,
        name: port.name ?? "",
        protocol: port.protocol ?? "TCP",
      })),
    }),
  }),
  validate,
  validateUpdate: (next, current, report) => {
    if (next.addressType !== current.addressType) report("addressType", "field is immutable");
  },
};

const mostEndpoints = 1000;
const mostAddresses = 100;
const mostPorts = 100;

const checks: Readonly<Record<EndpointSlice["addressType"], (address: string) => Complaint>> = {
  IPv4: (address) =>
    isIPv4(address) ? checkAddress(address) : `must be an IPv4 address: got ${quote(address)}`,
  IPv6: (address) =>
    isIPv6(address) ? checkAddress(address) : `must be an IPv6 address: got ${quote(address)}`,
  FQDN: (name) => checkDnsSubdomain(name.replace(/\.$/, "")),
};

/** Addresses of this machine alone would open its own programs to whoever may write a slice. */
function checkAddress(address: string): Complaint {
  return /^(?:0\.|127\.|169\.254\.|22[4-9]\.|2[3-5]\d\.|::1?$|fe[89ab]|ff)/i.test(address)
    ? `may not be an unspecified, loopback, link-local or multicast address: got ${quote(address)}`
    : undefined;
}

function validate(slice: EndpointSlice, report: Report): void {
  const { endpoints = [], ports = [], addressType } = slice;
  if (endpoints.length > mostEndpoints) {
    report("endpoints", `must have at most ${mostEndpoints} items: got ${endpoints.length}`);
  }
  endpoints.forEach(({ addresses, hostname }, index) => {
    const path = itemPath("endpoints", index);
    const count = addresses.length;
    if (count === 0 || count > mostAddresses) {
      report(childPath(path, "addresses"), `must have 1 to ${mostAddresses} items: got ${count}`);
    }
    addresses.forEach((address, place) => {
      const complaint = checks[addressType](address);
      if (complaint !== undefined) report(itemPath(childPath(path, "addresses"), place), complaint);
    });
    const complaint = hostname === undefined ? undefined : checkDnsLabel(hostname);
    if (complaint !== undefined) report(childPath(path, "hostname"), complaint);
  });
  if (ports.length > mostPorts) {
    report("ports", `must have at most ${mostPorts} items: got ${ports.length}`);
  }
  const names = new Set<string>();
  ports.forEach(({ name = "", port }, index) => {
    const path = itemPath("ports", index);
    const complaint = name === "" ? undefined : checkDnsLabel(name);
    if (complaint !== undefined) report(childPath(path, "name"), complaint);
    if (names.has(name)) report(childPath(path, "name"), `must be unique: got ${quote(name)}`);
    names.add(name);
    const wrong = port === undefined ? undefined : checkPort(port);
    if (wrong !== undefined) report(childPath(path, "port"), wrong);
  });
}
