/**
 * Keeps the Node object of this machine: makes it when it is missing, and has its status follow the facts. Written
 * only when something has changed, or when a heartbeat is due.
 */
import type { Clock } from "../base/clock.ts";
import { newIdentity } from "../base/ids.ts";
import type { ContainerImage, Lease, Node } from "../spec/kubernetes.gen.ts";
import type { Store } from "../store/store.ts";
import { volumesFolder } from "../volume/local-path.ts";
import { type MachineFacts, readLevels, readMachine } from "./node-facts.ts";
import { defaultLeaseSeconds, leaseNamespace, renewedLease } from "./node-lease.ts";
import { heartbeatMs, isSameNode, nodeObject } from "./node-object.ts";

export interface NodeRegistrarOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly address: () => string;
  readonly podCidr: string;
  readonly maxPods: number;
  readonly version: string;
  /** The instance's data root. */
  readonly root: string;
  readonly images: () => readonly ContainerImage[];
}

/** The kubelet looks as often. */
export const nodeStatusPeriodMs = 10_000;

export class NodeRegistrar {
  readonly #options: NodeRegistrarOptions;
  #machine: MachineFacts | undefined;
  #images: readonly ContainerImage[] | undefined;
  #writtenAtMs = 0;

  constructor(options: NodeRegistrarOptions) {
    this.#options = options;
  }

  /** Makes the object when there is none yet: a pod needs it to be placed. An old one is refreshed later. */
  ensure(): void {
    const { store, nodeName } = this.#options;
    if (store.get("Node", "", nodeName) === undefined) this.refresh();
  }

  /** The images have changed. */
  forgetImages(): void {
    this.#images = undefined;
  }

  /** Says that the node is alive. */
  renewLease(): void {
    const { store, clock, nodeName } = this.#options;
    const facts = {
      nodeName,
      node: store.get<Node>("Node", "", nodeName),
      durationSeconds: defaultLeaseSeconds,
      nowMs: clock.now(),
    };
    const change = (current: Lease): Lease => renewedLease(facts, current);
    const options = { durable: false };
    if (store.mutate<Lease>("Lease", leaseNamespace, nodeName, change, options)) return;
    const lease = renewedLease(facts, undefined);
    const metadata = { ...lease.metadata, ...newIdentity(facts.nowMs) };
    store.create({ ...lease, metadata }, options);
  }

  /** Compares the object with the facts, and writes what differs. */
  refresh(): void {
    const { store, clock, nodeName, root, images, address, ...rest } = this.#options;
    this.#machine ??= readMachine();
    this.#images ??= images();
    const facts = {
      ...rest,
      name: nodeName,
      machine: this.#machine,
      levels: readLevels(root),
      volumesFolder: volumesFolder(root),
      address: address(),
      images: this.#images,
      nowMs: clock.now(),
    };
    const current = store.get<Node>("Node", "", nodeName);
    if (current === undefined) {
      const node = nodeObject(facts, undefined);
      const metadata = { ...node.metadata, ...newIdentity(facts.nowMs) };
      store.create({ ...node, metadata }, { durable: false });
      this.#writtenAtMs = facts.nowMs;
      return;
    }
    const next = nodeObject(facts, current);
    const isHeartbeatDue = facts.nowMs - this.#writtenAtMs >= heartbeatMs;
    if (isSameNode(current, next) && !isHeartbeatDue) return;
    store.mutate<Node>("Node", "", nodeName, (stored) => nodeObject(facts, stored), {
      durable: false,
    });
    this.#writtenAtMs = facts.nowMs;
  }
}
