/**
 * Gives every node that joins a prefix for its pods, out of the cluster's.
 *
 *   10.87.0.0/16 ─▶ n1 10.87.0.0/24 · n2 10.87.1.0/24 · …
 *
 * What a Node says is what is taken: there is no other list. Source: Kubernetes, node IPAM controller, range allocator.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { contains, formatAddress, parseSubnet } from "../net/ipv4.ts";
import type { Node } from "../spec/kubernetes.gen.ts";
import type { Store } from "../store/store.ts";
import type { StoredObject } from "../store/watch-event.ts";
import { KeyQueue } from "./key-queue.ts";
import type { SchedulerEvent } from "./scheduler.ts";

export interface NodeCidrOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  /** The prefix of all; undefined: nodes are given none. */
  readonly clusterCidr: string | undefined;
  readonly report: (object: StoredObject, event: SchedulerEvent) => void;
}

/** Of one node: 254 addresses. */
const nodePrefixLength = 24;

/** The first prefix of the cluster's that no node has; undefined when all are taken. Pure. */
export function freeCidr(clusterCidr: string, taken: readonly string[]): string | undefined {
  const all = parseSubnet(clusterCidr);
  const length = Math.max(nodePrefixLength, all.prefixLength);
  const size = 2 ** (32 - length);
  const known = taken.map((text) => parseSubnet(text));
  for (let base = all.base; contains(all, base); base += size) {
    const text = `${formatAddress(base)}/${length}`;
    const own = parseSubnet(text);
    const isFree = known.every((each) => !contains(each, base) && !contains(own, each.base));
    if (isFree) return text;
  }
  return undefined;
}

export class NodeCidr implements Disposable {
  readonly #options: NodeCidrOptions;
  readonly #queue: KeyQueue;
  #unfollow: () => void = () => undefined;

  constructor(options: NodeCidrOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (name) => this.#reconcile(name) });
  }

  start(): void {
    const { store } = this.#options;
    this.#unfollow = store.follow(({ type, object }) => {
      if (object.kind === "Node" && type === "ADDED") this.#queue.add(object.metadata.name);
      // There may be one for who waits.
      if (object.kind === "Node" && type === "DELETED") this.#addAll();
    });
    this.#addAll();
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#queue[Symbol.dispose]();
  }

  #addAll(): void {
    for (const { metadata, spec } of this.#nodes()) {
      if (spec?.podCIDR === undefined) this.#queue.add(metadata.name);
    }
  }

  #reconcile(name: string): undefined {
    const { store, clusterCidr, report } = this.#options;
    const node = store.get<Node>("Node", "", name);
    if (node === undefined || node.spec?.podCIDR !== undefined || clusterCidr === undefined) return;
    const taken = this.#nodes().flatMap(({ spec }) => spec?.podCIDR ?? []);
    const podCIDR = freeCidr(clusterCidr, taken);
    if (podCIDR === undefined) {
      const message = `Node ${name} status is now: CIDRNotAvailable`;
      report(node, { type: "Normal", reason: "CIDRNotAvailable", message });
      return;
    }
    // Durable: two nodes with one prefix would be worse than a moment.
    store.mutate<Node>("Node", "", name, (current) => ({
      ...current,
      spec: { ...current.spec, podCIDR, podCIDRs: [podCIDR] },
    }));
  }

  #nodes(): readonly Node[] {
    return this.#options.store.list<Node>("Node").items;
  }
}
