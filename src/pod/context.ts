/** What the engine works with: the node, in the form of arguments. The daemon puts it together. */

import type { Clock } from "../base/clock.ts";
import type { Instance } from "../base/instance.ts";
import type { Logger } from "../base/log.ts";
import type { Hierarchy } from "../cgroup/hierarchy.ts";
import type { Beginnings } from "../container/beginnings.ts";
import type { StoredImage } from "../image/store-types.ts";
import type { Firewall } from "../net/firewall.ts";
import type { AddressPool } from "../net/ipam.ts";
import type { ReadyNetworks } from "../net/ready-networks.ts";
import type { CapabilityName } from "../spec/capabilities.ts";
import type { Service } from "../spec/kubernetes.gen.ts";
import type { ObjectReader } from "../spec/object-reader.ts";
import type { Pod } from "../spec/pod.ts";
import type { Table } from "../store/table.ts";
import type { Places } from "../volume/places.ts";
import type { ServiceAccountTokens } from "../volume/service-account-tokens.ts";
import type { ClaimBinder } from "../volume/volume-kind.ts";
import type { EnvironmentMemory } from "./container-environment.ts";
import type { ContainerList } from "./container-refs.ts";
import type { PodRecord } from "./record.ts";

/** An event in the words of the kubelet. */
export interface PodEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** Name of the container it is about, for `involvedObject.fieldPath`. */
  readonly container?: { readonly list: ContainerList; readonly name: string };
}

/** The image store as the engine sees it. */
export interface ImageFinder {
  /** By name, id or prefix of an id. */
  find(reference: string): StoredImage | undefined;
  /** Absolute folders of the unpacked layers, lowest first. */
  layerFolders(image: StoredImage): readonly string[];
}

/** Why the node does not run a pod. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** What the node says of a pod, as the other pods that are bound to it leave room. */
export interface NodeRoom {
  /** Why the pod cannot be here; undefined when it can. */
  readonly refuse: (pod: Pod) => Refusal | undefined;
  /** Why the pod cannot have the resources of its spec: for good (Infeasible), or for now (Deferred). */
  readonly refuseResize: (
    pod: Pod,
  ) => { readonly reason: "Infeasible" | "Deferred"; readonly message: string } | undefined;
}

/** What the node has and allows of the things that a security context may ask for. */
export interface NodeSecurity {
  readonly hasAppArmor: boolean;
  /** Names, or beginnings with "*" at their end, that pods may set besides the safe ones. */
  readonly allowedUnsafeSysctls: readonly string[];
}

export interface EngineContext {
  readonly instance: Instance;
  /** /proc/sys/kernel/random/boot_id: runtime state of another boot is gone. */
  readonly bootId: string;
  readonly nodeName: string;
  /** Address of the node, for status.hostIP. */
  readonly nodeAddress: string;
  /** All Services, for the variables that name them; absent: there are none. */
  readonly services?: () => Iterable<Service>;
  /** Address of the cluster's name server; absent: pods ask the host's. */
  readonly nameserver?: string;
  readonly nodeMemoryBytes: number;
  /** What "ALL" stands for: the capabilities of this process. */
  readonly nodeCapabilities: readonly CapabilityName[];
  readonly hierarchy: Hierarchy;
  /** Refuse a pod whose limits this host cannot enforce, instead of warning. */
  readonly enforceLimits: boolean;
  readonly security: NodeSecurity;
  readonly room: NodeRoom;
  readonly images: ImageFinder;
  readonly objects: ObjectReader;
  /** Binds the claims of pods to persistent volumes. */
  readonly claims: ClaimBinder;
  /** Asks file systems of the node that may not answer. */
  readonly places: Places;
  /** Walks through volumes that are under way. */
  readonly walks: Places;
  readonly tokens: Pick<ServiceAccountTokens, "get">;
  readonly environments: EnvironmentMemory;
  readonly beginnings: Beginnings;
  readonly addresses: AddressPool;
  readonly networks: ReadyNetworks;
  readonly firewall: Firewall;
  /** The bridge, made on first use. */
  readonly bridge: () => { readonly index: number };
  readonly records: Table<PodRecord>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Uids that hold an address or packet rules. */
  readonly owners: () => Iterable<string>;
  /** The kernel forgets the connections of a freed address, before the address is used again. */
  readonly forgetConnections: (address: string) => void;
  /** Takes a tree below the root folder away; its files go in the background. */
  readonly discard: (path: string) => void;
  /** The same of a tree below the run folder. */
  readonly discardRuntime: (path: string) => void;
  /** Records an event of a pod. */
  readonly report: (pod: Pod, event: PodEvent) => void;
  /** Something happened to a pod: ask `sync` again. */
  readonly wake: (uid: string) => void;
}
