/**
 * Networks for pods to come: network namespaces with their link, address and routes, made ahead
 * in the pauses. Making one takes 1.5 ms on an idle machine and more than 10 ms while other
 * namespaces end, because all of them wait for the kernel's one lock of links; a pod that joins
 * a ready one waits for nothing (decision 0211).
 *
 *   set an address aside → new namespace (only its descriptor holds it) → link, address, route
 *                                                                          └─▶ assign() hands it to a pod
 *
 * Nothing is to be undone: the kernel removes a namespace and both ends of its link with the last
 * descriptor, also when this process is killed.
 */
import { closeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { K } from "../sys/abi.ts";
import { spawnAside } from "../sys/ffi.ts";
import { netlinkSocket, withNetlinkSocket } from "../sys/netlink.ts";
import { Program } from "../sys/program.ts";
import { decodeLink, getLink } from "../sys/rtnetlink.ts";
import { type Attachment, attachmentFor, compileAttach } from "./attach.ts";
import type { AddressPool } from "./ipam.ts";

/** A pod's network: what it is to be. Disposed of when the pod's first process is in it. */
export interface PodNetwork extends Disposable {
  readonly attachment: Attachment;
  /** Descriptor of a namespace that has all of it; absent: to be made. */
  readonly namespace?: number;
}

/** Enough for the pods of one manifest. */
const most = 4;
/** Small subnets need their addresses for pods: one of so many is set aside at most. */
const addressesPerReady = 32;
/** Pods that come one after the other are not to wait for what is made for later ones. */
const pauseMs = 100;

export interface ReadyNetworksOptions {
  readonly addresses: AddressPool;
  /** The bridge as it is now; undefined before the first pod needs it. */
  readonly bridge: () => { readonly index: number; readonly mtu?: number } | undefined;
  readonly clock: Pick<Clock, "after">;
}

type Ready = Required<Omit<PodNetwork, typeof Symbol.dispose>>;

class Assigned implements PodNetwork {
  readonly attachment: Attachment;
  readonly namespace?: number;

  constructor(attachment: Attachment, namespace?: number) {
    this.attachment = attachment;
    if (namespace !== undefined) this.namespace = namespace;
  }

  [Symbol.dispose](): void {
    if (this.namespace !== undefined) closeSync(this.namespace);
  }
}

export class ReadyNetworks implements AsyncDisposable {
  readonly #options: ReadyNetworksOptions;
  readonly #ready: Ready[] = [];
  #cancel: (() => void) | undefined;
  #making: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ReadyNetworksOptions) {
    this.#options = options;
  }

  /** Addresses of the networks that wait for a pod. */
  get addresses(): readonly string[] {
    return this.#ready.map(({ attachment }) => attachment.address);
  }

  /**
   * The network of a pod; its address is reserved. The same attachment however often it is called.
   * @param bridge - as it is now.
   * @param isShared - the pod's namespaces belong to the host's users, like those that are ready.
   * @throws PodError ResourceExhausted when no address is free.
   */
  assign(
    podUid: string,
    bridge: { readonly index: number; readonly mtu?: number },
    isShared: boolean,
  ): PodNetwork {
    const { addresses } = this.#options;
    const isNew = addresses.find(podUid) === undefined;
    const ready = isNew && isShared ? this.#take(bridge.index) : undefined;
    try {
      const address = addresses.reserve(podUid, ready?.attachment.address);
      if (ready === undefined) return new Assigned(attachmentFor(address, bridge, addresses));
      return new Assigned(ready.attachment, ready.namespace);
    } catch (error) {
      if (ready !== undefined) this.#drop(ready);
      throw error;
    } finally {
      this.refill();
    }
  }

  /** Makes what is missing when it has been quiet for a moment. */
  refill(): void {
    if (this.#isClosed) return;
    this.#cancel?.();
    this.#cancel = this.#options.clock.after(pauseMs, () => {
      this.#cancel = undefined;
      this.#making = this.#making.then(() => this.#fill());
    });
  }

  /** Gives all of them up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#making;
    for (const ready of this.#ready.splice(0)) this.#drop(ready);
  }

  /** The oldest one whose link is still what we made: anybody may remove links of this host. */
  #take(bridge: number): Ready | undefined {
    for (;;) {
      const ready = this.#ready.shift();
      if (ready === undefined || isPort(ready.attachment.hostLink, bridge)) return ready;
      this.#drop(ready);
    }
  }

  #drop({ namespace, attachment }: Ready): void {
    closeSync(namespace);
    this.#options.addresses.putBack(attachment.address);
  }

  async #fill(): Promise<void> {
    const { addresses } = this.#options;
    const limit = Math.min(most, Math.floor(addresses.capacity / addressesPerReady));
    // A new pod comes first: its assign() has asked for another time.
    while (this.#ready.length < limit && !this.#isClosed && this.#cancel === undefined) {
      const made = await this.#make();
      if (made === undefined) return;
      if (this.#isClosed) this.#drop(made);
      else this.#ready.push(made);
    }
  }

  /** Undefined when it cannot be made now: a pod that needs one gets the reason. */
  async #make(): Promise<Ready | undefined> {
    const { addresses } = this.#options;
    const bridge = this.#options.bridge();
    if (bridge === undefined) return undefined;
    let address: string | undefined;
    let namespace: number | undefined;
    try {
      address = addresses.setAside();
      namespace = await newNamespace();
      const attachment = attachmentFor(address, bridge, addresses);
      await furnish(namespace, attachment);
      return { attachment, namespace };
    } catch {
      if (namespace !== undefined) closeSync(namespace);
      if (address !== undefined) addresses.putBack(address);
      return undefined;
    }
  }
}

/** A child that shares our descriptors opens its own namespace and ends: the descriptor stays. */
async function newNamespace(): Promise<number> {
  const action = "Cannot create a network namespace";
  const program = new Program(action).from("network namespace");
  const flags = K.O_RDONLY | K.O_CLOEXEC;
  const namespace = program.open("openat", [K.AT_FDCWD, "/proc/self/ns/net", flags, 0]);
  const cloneFlags = K.CLONE_NEWNET | K.CLONE_FILES;
  const { registers } = await spawnAside(action, program, { cloneFlags });
  return Number(registers[namespace.number]);
}

async function furnish(namespace: number, attachment: Attachment): Promise<void> {
  const action = `Cannot prepare a network for address ${attachment.address}`;
  await withNetlinkSocket((host) => {
    const program = new Program(action);
    compileJoin(program, namespace);
    compileAttach(program, attachment, host);
    return spawnAside(action, program);
  });
}

/** Adds the joining of a namespace that is ready. */
export function compileJoin(program: Program, namespace: number): void {
  program.from("network: made ahead").call("setns", [namespace, K.CLONE_NEWNET]);
}

function isPort(name: string, bridge: number): boolean {
  try {
    const [reply] = netlinkSocket().query(`Cannot look up link "${name}"`, getLink(name));
    return reply !== undefined && decodeLink(reply).master === bridge;
  } catch {
    // ENODEV, above all: somebody removed it.
    return false;
  }
}
