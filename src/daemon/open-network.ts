/** The network of an instance: addresses, rules, and the bridge that is made with the first pod that needs it. */
import { systemClock } from "../base/clock.ts";
import type { Instance } from "../base/instance.ts";
import { linkNameOf } from "../net/attach.ts";
import { ensureBridge } from "../net/bridge.ts";
import { Firewall } from "../net/firewall.ts";
import { AddressPool, type Lease } from "../net/ipam.ts";
import { type NodeRoute, NodeRoutes } from "../net/node-routes.ts";
import { ReadyNetworks } from "../net/ready-networks.ts";
import { RulesMonitor } from "../net/rules-monitor.ts";
import { ServiceFirewall } from "../net/service-firewall.ts";
import type { Store } from "../store/store.ts";

export interface Network {
  readonly addresses: AddressPool;
  readonly networks: ReadyNetworks;
  readonly firewall: Firewall;
  /** To the pods of other nodes. */
  readonly routes: NodeRoutes;
  readonly serviceFirewall: () => ServiceFirewall;
  readonly bridge: () => { readonly index: number };
  /** The host's ends of links by name: the pod's uid, "" without a pod yet. */
  readonly links: () => Readonly<Record<string, string>>;
  readonly leaseOwners: () => readonly string[];
  /** Addresses that were freed and may not be used again yet. */
  readonly restingAddresses: () => readonly string[];
}

/** Opens what the store knows of the network; nothing is made yet. */
export function openNetwork(
  { subnet, serviceSubnet, bridge: name }: Instance,
  store: Store,
): Network {
  const leases = store.table<Lease>("leases");
  const all = (): Lease[] => leases.list().map(({ value }) => value);
  const addresses = new AddressPool({
    subnet,
    clock: systemClock,
    storage: {
      list: all,
      put: (lease) => leases.put(lease.address, lease),
      remove: (address) => void leases.delete(address),
    },
  });
  const routes = store.table<NodeRoute>("routes");
  const firewall = new Firewall({ bridge: name, subnet });
  let services: ServiceFirewall | undefined;
  let bridge: { readonly index: number } | undefined;
  const repair = (): void => {
    try {
      firewall.repair();
      services?.ensure();
    } catch {
      // The duty "packet rules" tries again soon, and tells why it cannot.
    }
  };
  const networks = new ReadyNetworks({ addresses, bridge: () => bridge, clock: systemClock });
  return {
    addresses,
    networks,
    firewall,
    routes: new NodeRoutes({
      list: () => routes.list().map(({ value }) => value),
      put: (route) => routes.put(route.podCidr, route),
      remove: (podCidr) => void routes.delete(podCidr),
    }),
    serviceFirewall: () => {
      services ??= new ServiceFirewall({ bridge: name, subnet, serviceSubnet });
      return services;
    },
    bridge: () => {
      if (bridge === undefined) {
        bridge = ensureBridge(name, addresses.gateway, addresses.prefixLength, serviceSubnet);
        firewall.ensure();
        // For as long as the process lives.
        new RulesMonitor(systemClock, repair);
        networks.refill();
      }
      return bridge;
    },
    restingAddresses: () =>
      all().flatMap(({ address, releasedAtMs }) => (releasedAtMs === undefined ? [] : [address])),
    links: () => {
      const held = all().filter(({ releasedAtMs }) => releasedAtMs === undefined);
      return Object.fromEntries([
        ...held.map(({ address, podUid }) => [linkNameOf(address), podUid]),
        ...networks.addresses.map((address) => [linkNameOf(address), ""]),
      ]);
    },
    leaseOwners: () =>
      all().flatMap(({ podUid, releasedAtMs }) => (releasedAtMs === undefined ? [podUid] : [])),
  };
}
