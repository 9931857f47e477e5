/**
 * Keeps the packet rules of Services as services and endpoints are, and the answers of the name server.
 *
 *   anything changes ──next turn──▶ rules
 *   an endpoint leaves ───at once──▶ rules      before whoever deleted the pod goes on: nothing new reaches a pod that
 *                                               is told to stop
 *
 * A Service of type LoadBalancer gets its ports on the addresses of this host, unless somebody has them.
 * Source: Kubernetes, "Virtual IPs and Service Proxies"; "Service" (type: LoadBalancer).
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Zone, ZoneService } from "../net/cluster-zone.ts";
import { forgetDatagrams } from "../net/conntrack.ts";
import { checkHostSockets } from "../net/host-ports.ts";
import { parseSubnet } from "../net/ipv4.ts";
import type { ServiceFirewall } from "../net/service-firewall.ts";
import { type ServiceEndpoint, type ServiceRoute, serviceTable } from "../net/service-table.ts";
import type { Service } from "../spec/kubernetes.gen.ts";
import { hasEndpoints, isHeadless } from "../spec/service-rules.ts";
import { changeObject } from "../store/change-object.ts";
import type { Store } from "../store/store.ts";
import { KeyQueue } from "./key-queue.ts";
import { dnsAddress } from "./service-allocator.ts";
import { keyFor, type ServiceAddress, type ServiceState, usable } from "./service-state.ts";

export interface ServiceProxyOptions {
  readonly store: Pick<Store, "follow">;
  readonly state: ServiceState;
  /** Made with the first thing that needs rules. */
  readonly firewall: () => ServiceFirewall;
  readonly subnet: string;
  readonly serviceSubnet: string;
  /** Gives Services of type LoadBalancer the address of this machine; absent: somebody else does. */
  readonly balancer?: {
    readonly store: Pick<Store, "mutate">;
    readonly nodeAddress: () => string;
  };
  /** Whether a pod has published this port of the host. */
  readonly isPublished: (protocol: string, port: number) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly report: (
    service: Service,
    event: { readonly type: "Warning"; readonly reason: string; readonly message: string },
  ) => void;
}

export class ServiceProxy implements Disposable {
  readonly #options: ServiceProxyOptions;
  readonly #queue: KeyQueue;
  /** Port of the name server on 127.0.0.1. */
  #dnsPort: number | undefined;
  /** Endpoints of datagram Services that rules lead to. */
  #datagrams: ReadonlySet<string> = new Set();
  #hasRules = false;
  #unfollow: () => void = () => undefined;

  constructor(options: ServiceProxyOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({
      clock,
      log,
      reconcile: (key) => (key === "" ? this.#sync() : this.#publish(key)),
    });
  }

  start(): void {
    const { state, store } = this.#options;
    const stop = state.follow(({ key, isUrgent }) => {
      if (state.service(key)?.spec.type === "LoadBalancer") this.#queue.add(key);
      this.#queue.add("");
      if (isUrgent) this.#syncNow();
    });
    // The first pod asks for names, also when there is no Service.
    const unfollow = store.follow(({ object }) => {
      if (!this.#hasRules && object.kind === "Pod") this.#queue.add("");
    });
    this.#unfollow = () => {
      stop();
      unfollow();
    };
    const services = [...state.services()];
    for (const service of services) {
      if (service.spec.type === "LoadBalancer") this.#queue.add(keyFor(service));
    }
    if (services.length === 0) return;
    this.#queue.add("");
    // A pod may have been deleted in the last moment of an earlier daemon: its end goes on soon.
    this.#syncNow();
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#queue[Symbol.dispose]();
  }

  /** The name server listens. @param isNeeded - there are pods. */
  serveNames(port: number, isNeeded: boolean): void {
    this.#dnsPort = port;
    if (isNeeded || this.#hasRules) this.#queue.add("");
  }

  /** Puts back what somebody else changed. */
  ensure(): void {
    if (this.#hasRules) this.#options.firewall().ensure();
  }

  /** What the name server answers from. */
  zone(): Zone {
    const { state, subnet, serviceSubnet } = this.#options;
    return {
      subnets: [parseSubnet(subnet), parseSubnet(serviceSubnet)],
      hasNamespace: (name) => state.hasNamespace(name),
      service: (namespace, name) => {
        const service = state.service(`${namespace}/${name}`);
        return service && zoneService(service, state.addresses(service));
      },
      servicesOf: (address) =>
        [...state.services()]
          .map((service) => zoneService(service, state.addresses(service)))
          .filter(
            ({ clusterAddress, externalName, endpoints }) =>
              clusterAddress === address ||
              (clusterAddress === undefined &&
                externalName === undefined &&
                endpoints.some((each) => each.address === address)),
          ),
    };
  }

  #syncNow(): void {
    try {
      this.#sync();
    } catch (error) {
      // The queue has it, too, and tries again.
      this.#options.log.warn({ error: messageOf(error) }, "cannot take an endpoint out at once");
    }
  }

  #sync(): undefined {
    const { state, firewall, subnet } = this.#options;
    const routes = [...state.services()]
      .flatMap((service) => routesOf(service, state.addresses(service)))
      .concat(this.#dnsRoutes());
    firewall().apply(serviceTable(routes, { subnet }));
    this.#hasRules = true;
    this.#forgetGone(routes);
  }

  #dnsRoutes(): ServiceRoute[] {
    const port = this.#dnsPort;
    if (port === undefined) return [];
    return (["UDP", "TCP"] as const).map((protocol) => ({
      id: `dns ${protocol}`,
      protocol,
      clusterAddress: dnsAddress(this.#options.serviceSubnet),
      port: 53,
      externalAddresses: [],
      nodePorts: [],
      endpoints: [{ address: "127.0.0.1", port }],
    }));
  }

  /** Datagrams have no end that the kernel could see: a flow would go to where it went. */
  #forgetGone(routes: readonly ServiceRoute[]): void {
    const now = new Set(
      routes.flatMap(({ protocol, endpoints }) =>
        protocol === "UDP" ? endpoints.map(({ address, port }) => `${address}:${port}`) : [],
      ),
    );
    const gone = [...this.#datagrams].filter((each) => !now.has(each));
    this.#datagrams = now;
    if (gone.length === 0) return;
    const endpoints = gone.map((text): ServiceEndpoint => {
      const [address = "", port] = text.split(":");
      return { address, port: Number(port) };
    });
    setImmediate(() => {
      try {
        forgetDatagrams(endpoints);
      } catch (error) {
        this.#options.log.warn({ error: messageOf(error) }, "cannot forget connections");
      }
    });
  }

  /** Type LoadBalancer: the node's address is its address, when its ports are free. */
  #publish(key: string): undefined {
    const { state, balancer, report } = this.#options;
    const service = state.service(key);
    if (service?.spec.type !== "LoadBalancer" || balancer === undefined) return;
    const { store, nodeAddress } = balancer;
    const isPublic = isBalanced(service);
    const why = isPublic ? undefined : this.#whyNot(service);
    const ip = why === undefined ? nodeAddress() : undefined;
    if (ip === service.status?.loadBalancer?.ingress?.[0]?.ip) {
      return;
    }
    if (why !== undefined) {
      report(service, { type: "Warning", reason: "SyncLoadBalancerFailed", message: why });
      return;
    }
    const loadBalancer = { ingress: [{ ip: ip ?? "", ipMode: "VIP" }] };
    changeObject<Service>(store, service, (current) =>
      current.spec.type === "LoadBalancer"
        ? { ...current, status: { ...current.status, loadBalancer } }
        : undefined,
    );
  }

  #whyNot(service: Service): string | undefined {
    const { state, isPublished } = this.#options;
    const key = keyFor(service);
    for (const { port, protocol = "TCP" } of service.spec.ports ?? []) {
      const what = `Port ${port}/${protocol} of the node`;
      if (isPublished(protocol, port)) return `${what} is the hostPort of a pod`;
      const owner = [...state.services()].find(
        (other) =>
          keyFor(other) !== key &&
          isBalanced(other) &&
          (other.spec.ports ?? []).some(
            (each) => each.port === port && (each.protocol ?? "TCP") === protocol,
          ),
      );
      if (owner !== undefined) return `${what} belongs to Service "${keyFor(owner)}"`;
      try {
        checkHostSockets({
          pod: key,
          ports: [{ hostPort: port, containerPort: port, protocol }],
        });
      } catch {
        return `${what} is used by a program of this host`;
      }
    }
    return undefined;
  }
}

/** Whether the ports of a Service are ports of this host. */
function isBalanced({ spec, status }: Service): boolean {
  return spec.type === "LoadBalancer" && (status?.loadBalancer?.ingress ?? []).length > 0;
}

/** One route per port; none for Services without a virtual address. Pure. */
export function routesOf(
  service: Service,
  addresses: readonly ServiceAddress[],
): readonly ServiceRoute[] {
  const { spec } = service;
  if (!hasEndpoints(spec) || isHeadless(spec) || !spec.clusterIP) return [];
  const { clusterIP, externalIPs = [], sessionAffinity, sessionAffinityConfig } = spec;
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const targets = usable(addresses);
  return (spec.ports ?? []).map(({ name = "", port, protocol = "TCP", nodePort = 0 }) => ({
    id: `${keyFor(service)}:${name}`,
    protocol,
    clusterAddress: clusterIP,
    port,
    externalAddresses: externalIPs,
    nodePorts: [...(nodePort === 0 ? [] : [nodePort]), ...(isBalanced(service) ? [port] : [])],
    ...(sessionAffinity === "ClientIP" && seconds !== undefined && { affinitySeconds: seconds }),
    endpoints: targets.flatMap(({ address, ports }) => {
      const number = ports[name];
      return number === undefined ? [] : [{ address, port: number }];
    }),
  }));
}

/** A Service as names know it. Pure. */
export function zoneService(
  { metadata, spec }: Service,
  addresses: readonly ServiceAddress[],
): ZoneService {
  const { name, namespace } = metadata;
  if (spec.type === "ExternalName") {
    return { name, namespace, externalName: spec.externalName ?? "", ports: [], endpoints: [] };
  }
  const isWithoutAddress = isHeadless(spec);
  const ready = addresses.filter(({ isReady }) => isReady);
  return {
    name,
    namespace,
    ...(!isWithoutAddress && spec.clusterIP && { clusterAddress: spec.clusterIP }),
    ports: (spec.ports ?? []).map(({ name: portName = "", protocol = "TCP", port }) => ({
      name: portName,
      protocol,
      port: isWithoutAddress ? (ready[0]?.ports[portName] ?? port) : port,
    })),
    endpoints: ready.map(({ address, hostname }) => ({
      address,
      ...(hostname !== undefined && { hostname }),
    })),
  };
}
