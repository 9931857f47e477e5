/**
 * Gives Services what they have for themselves: a virtual address and ports of the node. The Services in the store are
 * the record of who has what; one that is gone gave everything back. Addresses go round in a ring, so one that was
 * freed comes again last. Source: Kubernetes, "Service ClusterIP allocation", "Service" (type: NodePort).
 */
import { randomInt } from "node:crypto";
import { contains, formatAddress, parseAddress, parseSubnet, type Subnet } from "../net/ipv4.ts";
import type { Service, ServicePort } from "../spec/kubernetes.gen.ts";
import { invalid } from "../spec/object-problem.ts";
import { hasEndpoints, hasNodePorts, isHeadless } from "../spec/service-rules.ts";
import { keyFor, type ServiceState } from "./service-state.ts";

/** The name server's address in a prefix of virtual addresses, as in clusters that others make: the tenth. */
export function dnsAddress(serviceSubnet: string): string {
  return formatAddress(parseSubnet(serviceSubnet).base + 10);
}

/** The API server's: the first. Nobody else gets it. */
export function apiAddress(serviceSubnet: string): string {
  return formatAddress(parseSubnet(serviceSubnet).base + 1);
}

/** Key of the Service that leads to the API server. */
export const apiServiceKey = "default/kubernetes";

const firstNodePort = 30_000;
const nodePortCount = 2768;

export class ServiceAllocator {
  readonly #state: Pick<ServiceState, "services">;
  readonly #subnet: Subnet;
  readonly #text: string;
  #last: number;

  constructor(serviceSubnet: string, state: Pick<ServiceState, "services">) {
    this.#state = state;
    this.#subnet = parseSubnet(serviceSubnet);
    this.#text = serviceSubnet;
    // Not the same one after each restart: addresses of deleted Services may still be in use.
    this.#last = this.#subnet.base + 16 + randomInt(Math.max(1, this.#subnet.size - 17));
  }

  /**
   * The Service with all that it wants; what it has stays.
   * @throws PodError InvalidArgument when another Service has what it names, or nothing is free.
   */
  allocate(service: Service): Service {
    const { spec } = service;
    if (!hasEndpoints(spec)) return withoutAddress(service);
    const others = [...this.#state.services()].filter((each) => keyFor(each) !== keyFor(service));
    const addressed = isHeadless(spec) ? service : this.#withAddress(service, others);
    return hasNodePorts(spec) ? withNodePorts(addressed, others) : withoutNodePorts(addressed);
  }

  #withAddress(service: Service, others: readonly Service[]): Service {
    const taken = new Set(others.flatMap(({ spec }) => spec.clusterIP ?? []));
    taken.add(dnsAddress(this.#text));
    if (keyFor(service) !== apiServiceKey) taken.add(apiAddress(this.#text));
    const wanted = service.spec.clusterIP;
    const refuse = (message: string): Error =>
      invalid("Service", service.metadata.name, [{ path: "spec.clusterIPs", message }]);
    if (wanted) {
      if (!contains(this.#subnet, parseAddress(wanted))) {
        throw refuse(
          `Invalid value: ["${wanted}"]: failed to allocate IP ${wanted}: the provided IP is not in the valid range of ${this.#text}`,
        );
      }
      if (taken.has(wanted)) {
        throw refuse(
          `Invalid value: ["${wanted}"]: failed to allocate IP ${wanted}: provided IP is already allocated`,
        );
      }
      return { ...service, spec: { ...service.spec, clusterIP: wanted, clusterIPs: [wanted] } };
    }
    const { base, size } = this.#subnet;
    // Neither the network's own address nor the last one.
    for (let step = 1; step <= size; step++) {
      const number = base + 1 + ((this.#last - base - 1 + step) % (size - 2));
      const address = formatAddress(number);
      if (taken.has(address)) continue;
      this.#last = number;
      return { ...service, spec: { ...service.spec, clusterIP: address, clusterIPs: [address] } };
    }
    throw refuse(
      `no address of ${this.#text} is free: delete Services or use a larger --service-subnet`,
    );
  }
}

/** Type ExternalName: an address from before goes. */
function withoutAddress(service: Service): Service {
  const {
    clusterIP: _,
    clusterIPs: __,
    ipFamilies: ___,
    ipFamilyPolicy: ____,
    ...spec
  } = service.spec;
  return withoutNodePorts({ ...service, spec });
}

function withoutNodePorts(service: Service): Service {
  const ports = service.spec.ports?.map(({ nodePort: _, ...port }): ServicePort => port);
  return ports === undefined ? service : { ...service, spec: { ...service.spec, ports } };
}

function withNodePorts(service: Service, others: readonly Service[]): Service {
  const { spec, metadata } = service;
  if (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts === false) {
    if ((spec.ports ?? []).every(({ nodePort = 0 }) => nodePort === 0)) return service;
  }
  const keyOf = (protocol: string | undefined, port: number): string =>
    `${protocol ?? "TCP"} ${port}`;
  const taken = new Set(
    others.flatMap(({ spec: other }) =>
      (other.ports ?? []).flatMap(({ protocol, nodePort = 0 }) =>
        nodePort === 0 ? [] : [keyOf(protocol, nodePort)],
      ),
    ),
  );
  const fail = (index: number, message: string): Error =>
    invalid("Service", metadata.name, [{ path: `spec.ports[${index}].nodePort`, message }]);
  // Those that are asked for first, so that no port is given by chance that the next one names.
  (spec.ports ?? []).forEach(({ protocol, nodePort = 0 }, index) => {
    if (nodePort === 0) return;
    if (nodePort < firstNodePort || nodePort >= firstNodePort + nodePortCount) {
      throw fail(
        index,
        `Invalid value: ${nodePort}: provided port is not in the valid range. The range of valid ports is ${firstNodePort}-${firstNodePort + nodePortCount - 1}`,
      );
    }
    if (taken.has(keyOf(protocol, nodePort))) {
      throw fail(index, `Invalid value: ${nodePort}: provided port is already allocated`);
    }
    taken.add(keyOf(protocol, nodePort));
  });
  const ports = (spec.ports ?? []).map((port, index): ServicePort => {
    if (port.nodePort) return port;
    const start = randomInt(nodePortCount);
    for (let step = 0; step < nodePortCount; step++) {
      const nodePort = firstNodePort + ((start + step) % nodePortCount);
      if (taken.has(keyOf(port.protocol, nodePort))) continue;
      taken.add(keyOf(port.protocol, nodePort));
      return { ...port, nodePort };
    }
    throw fail(index, "no port of the node is free");
  });
  return { ...service, spec: { ...spec, ports } };
}
