/**
 * Routes of this host to the pods of other nodes on the same network: `10.87.1.0/24 via 192.0.2.7`.
 *
 * Invariant: a route is written down before it is made and until it is gone, so that what a killed daemon made is known
 * and nothing else is touched. Source: rtnetlink(7); Kubernetes, "Cluster Networking".
 */
import { networkInterfaces } from "node:os";
import { netlinkSocket } from "../sys/netlink.ts";
import { decodeLink, delRoute, getLink, newRoute } from "../sys/rtnetlink.ts";
import { contains, formatAddress, parseAddress, parseSubnet } from "./ipv4.ts";

/** Where the pods of a node are. */
export interface NodeRoute {
  /** Prefix of the pods. */
  readonly podCidr: string;
  /** Address of the node. */
  readonly gateway: string;
}

/** Durable storage of routes, keyed by the prefix. */
export interface RouteStorage {
  list(): readonly NodeRoute[];
  put(route: NodeRoute): void;
  remove(podCidr: string): void;
}

export class NodeRoutes {
  readonly #storage: RouteStorage;

  constructor(storage: RouteStorage) {
    this.#storage = storage;
  }

  /** Whether it has made none, nor did anybody before. */
  get isEmpty(): boolean {
    return this.#storage.list().length === 0;
  }

  /**
   * Makes the routes be these.
   * @returns those that cannot be: their node is on no network of this host.
   */
  apply(wanted: readonly NodeRoute[]): readonly NodeRoute[] {
    const known = this.#storage.list();
    for (const route of known) {
      if (!wanted.some((each) => isSame(each, route))) this.#remove(route);
    }
    return wanted.filter((route) => !this.#add(route));
  }

  /** Removes every route that it made. */
  remove(): void {
    for (const route of this.#storage.list()) this.#remove(route);
  }

  #add(route: NodeRoute): boolean {
    const link = linkTo(route.gateway);
    if (link === undefined) return false;
    this.#storage.put(route);
    const message = newRoute({
      index: link,
      destination: destinationOf(route),
      gateway: route.gateway,
    });
    netlinkSocket().request(actionOf(route), message, { tolerate: ["EEXIST"] });
    return true;
  }

  #remove(route: NodeRoute): void {
    const message = delRoute({ destination: destinationOf(route), gateway: route.gateway });
    // ESRCH: the route went with its link.
    netlinkSocket().request(actionOf(route), message, { tolerate: ["ESRCH"] });
    this.#storage.remove(route.podCidr);
  }
}

function isSame(one: NodeRoute, other: NodeRoute): boolean {
  return one.podCidr === other.podCidr && one.gateway === other.gateway;
}

function actionOf({ podCidr, gateway }: NodeRoute): string {
  return `Cannot change the route to the pods "${podCidr}" of node ${gateway}`;
}

function destinationOf({ podCidr }: NodeRoute): { address: string; prefixLength: number } {
  const { base, prefixLength } = parseSubnet(podCidr);
  return { address: formatAddress(base), prefixLength };
}

/** Index of the link whose network has an address. */
function linkTo(address: string): number | undefined {
  const wanted = parseAddress(address);
  for (const [name, list] of Object.entries(networkInterfaces())) {
    const isNear = list?.some(({ family, cidr, address: own }) => {
      return (
        family === "IPv4" &&
        cidr !== null &&
        own !== address &&
        contains(parseNetwork(cidr), wanted)
      );
    });
    if (!isNear) continue;
    const [reply] = netlinkSocket().query(`Cannot look up link "${name}"`, getLink(name));
    if (reply !== undefined) return decodeLink(reply).index;
  }
  return undefined;
}

/** `192.0.2.7/24` is in `192.0.2.0/24`. */
function parseNetwork(cidr: string): ReturnType<typeof parseSubnet> {
  const [address = "", length = "32"] = cidr.split("/");
  const size = 2 ** (32 - Number(length));
  const base = parseAddress(address);
  return parseSubnet(`${formatAddress(base - (base % size))}/${length}`);
}
