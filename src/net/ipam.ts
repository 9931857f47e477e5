/**
 * The addresses of one instance's pods.
 *
 * Invariants: a lease is written before its address is returned; one address never has two pods;
 * a freed address rests, because others may still hold connections and neighbour entries of it
 * (security: NET-11). Addresses are handed out in a ring, so the one freed last comes last.
 */
import type { Clock } from "../base/clock.ts";
import { PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import { contains, formatAddress, parseAddress, parseSubnet, type Subnet } from "./ipv4.ts";

/** One address; without `releasedAtMs` a pod holds it, with it the address rests. */
export interface Lease {
  readonly podUid: string;
  readonly address: string;
  /** Wall clock, ms since 1970. */
  readonly releasedAtMs?: number;
}

/** Durable storage of leases, keyed by address. `put` has written when it returns. */
export interface LeaseStorage {
  list(): readonly Lease[];
  put(lease: Lease): void;
  remove(address: string): void;
}

export interface AddressPoolOptions {
  /** IPv4 prefix, at most 30 bits, e.g. "10.85.0.0/16". */
  readonly subnet: string;
  readonly storage: LeaseStorage;
  readonly clock: Clock;
  /** How long a freed address rests, default 60 000. */
  readonly restMs?: number;
}

export class AddressPool {
  /** The subnet's first address: the bridge's. */
  readonly gateway: string;
  readonly prefixLength: number;
  readonly #subnet: Subnet;
  readonly #text: string;
  readonly #storage: LeaseStorage;
  readonly #clock: Clock;
  readonly #restMs: number;
  readonly #leases = new Map<number, Lease>();
  readonly #held = new Map<string, number>();
  /** Taken aside in memory, for pods to come. */
  readonly #aside = new Set<number>();
  #last: number;

  constructor({ subnet, storage, clock, restMs = 60_000 }: AddressPoolOptions) {
    this.#subnet = parseSubnet(subnet);
    if (this.#subnet.prefixLength > 30) {
      throw new PodError(
        "InvalidArgument",
        `Subnet "${subnet}" has no room for pods: use /30 or more`,
      );
    }
    this.#text = subnet;
    this.#storage = storage;
    this.#clock = clock;
    this.#restMs = restMs;
    this.prefixLength = this.#subnet.prefixLength;
    this.gateway = formatAddress(this.#subnet.base + 1);
    this.#last = this.#subnet.base + 1;
    for (const lease of storage.list()) this.#remember(lease);
  }

  /** How many pods have room. */
  get capacity(): number {
    // Without network address, gateway and broadcast address.
    return this.#subnet.size - 3;
  }

  /**
   * The pod's address; the same one however often it is called.
   * @param aside - what setAside() returned: it becomes the pod's, unless the pod has one.
   * @throws PodError ResourceExhausted when no address is free.
   */
  reserve(podUid: string, aside?: string): string {
    const known = this.find(podUid);
    if (known !== undefined) return known;
    const address = aside === undefined ? this.#nextFree() : parseAddress(aside);
    const lease: Lease = { podUid, address: formatAddress(address) };
    failpoint("net/ipam.reserve");
    this.#storage.put(lease);
    this.#remember(lease);
    this.#aside.delete(address);
    if (aside === undefined) this.#last = address;
    return lease.address;
  }

  /**
   * An address for a pod to come: nobody else gets it until putBack() or the end of this process.
   * @throws PodError ResourceExhausted when no address is free.
   */
  setAside(): string {
    const address = this.#nextFree();
    this.#aside.add(address);
    this.#last = address;
    return formatAddress(address);
  }

  /** Gives an address back that was set aside and is no pod's. */
  putBack(aside: string): void {
    this.#aside.delete(parseAddress(aside));
  }

  /** Gives the pod's addresses back; they rest from now on. Nothing to give back is fine. */
  release(podUid: string): void {
    for (const [number, lease] of this.#leases) {
      if (lease.podUid !== podUid || lease.releasedAtMs !== undefined) continue;
      const resting: Lease = { ...lease, releasedAtMs: this.#clock.now() };
      failpoint("net/ipam.release");
      this.#storage.put(resting);
      this.#leases.set(number, resting);
    }
    this.#held.delete(podUid);
  }

  /** The address that a pod holds. */
  find(podUid: string): string | undefined {
    const address = this.#held.get(podUid);
    return address === undefined ? undefined : formatAddress(address);
  }

  #remember(lease: Lease): void {
    const address = parseAddress(lease.address);
    this.#leases.set(address, lease);
    if (lease.releasedAtMs === undefined) this.#held.set(lease.podUid, address);
    if (contains(this.#subnet, address)) this.#last = Math.max(this.#last, address);
  }

  #nextFree(): number {
    const [first, count] = [this.#subnet.base + 2, this.capacity];
    for (let step = 1; step <= count; step++) {
      const address = first + ((this.#last - first + step + count) % count);
      if (this.#isFree(address)) return address;
    }
    const resting = [...this.#leases.values()].filter((each) => each.releasedAtMs !== undefined);
    throw new PodError(
      "ResourceExhausted",
      `Cannot reserve an address: all ${count} of subnet "${this.#text}" are taken, ${resting.length} of them rest up to ${this.#restMs / 1000} s after their pod: delete pods or use a larger --subnet`,
    );
  }

  #isFree(address: number): boolean {
    if (this.#aside.has(address)) return false;
    const lease = this.#leases.get(address);
    if (lease === undefined) return true;
    if (lease.releasedAtMs === undefined) return false;
    const restedMs = this.#clock.now() - lease.releasedAtMs;
    if (restedMs < 0) {
      // The wall clock went back: the rest starts again rather than lasting for years.
      const restarted = { ...lease, releasedAtMs: this.#clock.now() };
      this.#storage.put(restarted);
      this.#leases.set(address, restarted);
      return false;
    }
    if (restedMs < this.#restMs) return false;
    this.#leases.delete(address);
    this.#storage.remove(lease.address);
    return true;
  }
}
