/**
 * Service: defaults, rules, and what a change may not touch. What a Service is given later (its address and its node
 * ports) comes from the allocator of services; here it is only kept from one version to the next.
 * Source: Kubernetes API reference, core/v1 Service; "Service"; pkg/apis/core/validation for the sentences.
 */

import { isIPv4 } from "node:net";
import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { KindRules } from "./kind-rules.ts";
import type { Service, ServicePort, ServiceSpec } from "./kubernetes.gen.ts";
import { quote } from "./quote.ts";
import {
  type Complaint,
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabelValue,
  checkPort,
  checkPortName,
  checkQualifiedName,
} from "./validate-names.ts";

export const serviceRules: KindRules<Service> = {
  hasStatus: true,
  checkName: checkServiceName,
  fill: (service) => ({ ...service, spec: fillSpec(service.spec) }),
  begin: (service) => ({ ...service, status: { loadBalancer: {} } }),
  validate: ({ spec }, report) => validateSpec(spec, report),
  validateUpdate,
};

/** What ClientIP affinity lasts when nothing is said, in seconds. */
const defaultAffinitySeconds = 10_800;
const mostAffinitySeconds = 86_400;

/** Of all Services that are no ExternalName: nothing else has an address or ports. */
export function hasEndpoints({ type }: Pick<ServiceSpec, "type">): boolean {
  return type !== "ExternalName";
}

export function isHeadless({ clusterIP, type }: Pick<ServiceSpec, "clusterIP" | "type">): boolean {
  return clusterIP === "None" && type !== "ExternalName";
}

/** Whether ports of the node lead to the Service. */
export function hasNodePorts({ type }: Pick<ServiceSpec, "type">): boolean {
  return type === "NodePort" || type === "LoadBalancer";
}

/** DNS label that begins with a letter (RFC 1035). */
function checkServiceName(name: string): Complaint {
  return /^\d/.test(name) ? `must begin with a letter: got ${quote(name)}` : checkDnsLabel(name);
}

function fillSpec(spec: ServiceSpec): ServiceSpec {
  const type = spec.type ?? "ClusterIP";
  const sessionAffinity = spec.sessionAffinity ?? "None";
  const filled: ServiceSpec = {
    ...spec,
    ...(spec.ports && { ports: spec.ports.map(fillPort) }),
    type,
    sessionAffinity,
    ...(sessionAffinity === "ClientIP" && {
      sessionAffinityConfig: {
        clientIP: {
          timeoutSeconds:
            spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds,
        },
      },
    }),
  };
  if (type === "ExternalName") return filled;
  const isPublic = hasNodePorts({ type }) || (spec.externalIPs ?? []).length > 0;
  const [address] = spec.clusterIPs ?? [];
  const clusterIP = spec.clusterIP || address;
  return {
    ...filled,
    ...(clusterIP && { clusterIP, clusterIPs: spec.clusterIPs ?? [clusterIP] }),
    ipFamilies: spec.ipFamilies ?? ["IPv4"],
    ipFamilyPolicy: spec.ipFamilyPolicy ?? "SingleStack",
    internalTrafficPolicy: spec.internalTrafficPolicy ?? "Cluster",
    ...(isPublic && { externalTrafficPolicy: spec.externalTrafficPolicy ?? "Cluster" }),
    ...(type === "LoadBalancer" && {
      allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts ?? true,
    }),
  };
}

function fillPort(port: ServicePort): ServicePort {
  const { targetPort } = port;
  return {
    ...port,
    protocol: port.protocol ?? "TCP",
    targetPort:
      targetPort === undefined || targetPort === "" || targetPort === 0 ? port.port : targetPort,
  };
}

function validateSpec(spec: ServiceSpec, report: Report): void {
  const at = (field: string): string => childPath("spec", field);
  const check = (path: string, complaint: Complaint): void => {
    if (complaint !== undefined) report(path, complaint);
  };
  for (const [key, value] of Object.entries(spec.selector ?? {})) {
    check(childPath(at("selector"), key), checkQualifiedName(key) ?? checkLabelValue(value));
  }
  validatePorts(spec, report);
  validateAddresses(spec, report);
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds !== undefined && (seconds < 1 || seconds > mostAffinitySeconds)) {
    check(
      "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
      `must be between 1 and ${mostAffinitySeconds}: got ${seconds}`,
    );
  }
  if (spec.sessionAffinity === "None" && spec.sessionAffinityConfig !== undefined) {
    check("spec.sessionAffinityConfig", 'must not be set when sessionAffinity is "None"');
  }
  if (spec.type === "ExternalName") {
    const name = (spec.externalName ?? "").replace(/\.$/, "");
    check(at("externalName"), name === "" ? "is required" : checkDnsSubdomain(name));
  }
}

function validatePorts(spec: ServiceSpec, report: Report): void {
  const ports = spec.ports ?? [];
  if (ports.length === 0 && hasEndpoints(spec) && !isHeadless(spec)) {
    report("spec.ports", "is required");
  }
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  ports.forEach((port, index) => {
    const path = itemPath("spec.ports", index);
    const check = (field: string, complaint: Complaint): void => {
      if (complaint !== undefined) report(childPath(path, field), complaint);
    };
    const { name = "", protocol = "TCP", targetPort = 0, nodePort = 0 } = port;
    if (name === "") {
      if (ports.length > 1) check("name", "is required: there is more than one port");
    } else {
      check("name", names.has(name) ? `must be unique: got ${quote(name)}` : checkDnsLabel(name));
    }
    names.add(name);
    check("port", checkPort(port.port));
    check(
      "targetPort",
      typeof targetPort === "number" ? checkPort(targetPort) : checkPortName(targetPort),
    );
    const number = `${protocol} ${port.port}`;
    if (numbers.has(number)) check("port", `${protocol} port ${port.port} is there twice`);
    numbers.add(number);
    if (nodePort === 0) return;
    const key = `${protocol} ${nodePort}`;
    if (!hasNodePorts(spec)) check("nodePort", `may not be used when type is "${spec.type}"`);
    else if (nodePorts.has(key)) check("nodePort", `${nodePort} is there twice`);
    else check("nodePort", checkPort(nodePort));
    nodePorts.add(key);
  });
}

function validateAddresses(spec: ServiceSpec, report: Report): void {
  const { clusterIP = "", clusterIPs = [], type } = spec;
  if (type === "ExternalName") {
    if (clusterIP !== "" && clusterIP !== "None") {
      report("spec.clusterIP", 'may not be set when type is "ExternalName"');
    }
    return;
  }
  if (clusterIP === "None" && hasNodePorts(spec)) {
    report("spec.clusterIP", `may not be "None" when type is "${type}"`);
  } else if (clusterIP !== "" && clusterIP !== "None" && !isIPv4(clusterIP)) {
    report("spec.clusterIP", `must be an IPv4 address or "None": got ${quote(clusterIP)}`);
  }
  if (clusterIPs.length > 1) report("spec.clusterIPs", "must have one address: there is only IPv4");
  else if ((clusterIPs[0] ?? clusterIP) !== clusterIP) {
    report("spec.clusterIPs", "first value must match clusterIP");
  }
  if ((spec.ipFamilies ?? []).some((family) => family !== "IPv4")) {
    report("spec.ipFamilies", "must be IPv4: pods have no IPv6 addresses");
  }
  if (spec.ipFamilyPolicy === "RequireDualStack") {
    report("spec.ipFamilyPolicy", "must not be RequireDualStack: pods have no IPv6 addresses");
  }
  (spec.externalIPs ?? []).forEach((address, index) => {
    const isUsable = isIPv4(address) && !/^(?:0|127|169\.254|22[4-9]|2[3-5]\d)\./.test(address);
    if (!isUsable) {
      report(
        itemPath("spec.externalIPs", index),
        `must be an IPv4 address that others can send to: got ${quote(address)}`,
      );
    }
  });
}

function validateUpdate(next: Service, current: Service, report: Report): void {
  const isAddressed = hasEndpoints(next.spec) && hasEndpoints(current.spec);
  if (!isAddressed || !current.spec.clusterIP) return;
  if (next.spec.clusterIP !== current.spec.clusterIP) {
    report("spec.clusterIP", "field is immutable");
  }
}

/** A wish with what the Service was given when it was made, as long as it still wants that. */
export function keepAllocated(wish: Service, current: Service): Service {
  const { spec } = wish;
  if (!hasEndpoints(spec) || !hasEndpoints(current.spec)) return wish;
  const { clusterIP, clusterIPs } = current.spec;
  const known = new Map(
    (current.spec.ports ?? []).map((port) => [`${port.protocol} ${port.port}`, port.nodePort]),
  );
  const taken = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort));
  const ports = spec.ports?.map((port) => {
    const nodePort = known.get(`${port.protocol} ${port.port}`);
    if (port.nodePort || !nodePort || taken.has(nodePort)) return port;
    return { ...port, nodePort };
  });
  return {
    ...wish,
    spec: {
      ...spec,
      ...(!spec.clusterIP && clusterIP && clusterIPs && { clusterIP, clusterIPs }),
      ...(ports && hasNodePorts(spec) && { ports }),
    },
  };
}
