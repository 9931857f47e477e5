/** What the engine of a node is given: the same for the node of a daemon and for that of an agent. */
import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import type { EventRecorder } from "../agent/event-recorder.ts";
import type { TrashCollector } from "../agent/trash-collector.ts";
import { hasAppArmor } from "../container/app-armor.ts";
import { Beginnings } from "../container/beginnings.ts";
import { readOwnCapabilities } from "../container/capabilities.ts";
import type { ClusterState } from "../controller/cluster-state.ts";
import type { ServiceState } from "../controller/service-state.ts";
import type { EngineContext } from "../pod/context.ts";
import { damagedRecord, isPodRecord } from "../pod/damaged-record.ts";
import type { PodRecord } from "../pod/record.ts";
import { refuseOnNode } from "../scheduler/admit-to-node.ts";
import { refuseResize } from "../scheduler/fit-resize.ts";
import type { Store } from "../store/store.ts";
import { Places } from "../volume/places.ts";
import { withState } from "./node-limits.ts";
import type { Network } from "./open-network.ts";

type Given = Pick<
  EngineContext,
  | "instance"
  | "nodeName"
  | "nodeAddress"
  | "nameserver"
  | "hierarchy"
  | "enforceLimits"
  | "images"
  | "objects"
  | "claims"
  | "tokens"
  | "clock"
  | "log"
  | "wake"
>;

export interface EngineParts extends Given {
  readonly allowedUnsafeSysctls: readonly string[];
  readonly network: Network;
  /** Where the node keeps its records. */
  readonly store: Store;
  readonly state: ClusterState;
  readonly services: ServiceState;
  readonly events: EventRecorder;
  readonly trash: TrashCollector;
  /** Takes addresses that no pod has any more and that the kernel may still know connections of. */
  readonly freed: Set<string>;
}

export function engineContext(parts: EngineParts): EngineContext {
  const { allowedUnsafeSysctls, network, store, state, services, events, trash, freed, ...given } =
    parts;
  const ownState = () => state.node(given.nodeName);
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return {
    ...given,
    ...network,
    bootId,
    services: () => services.services(),
    nodeMemoryBytes: totalmem(),
    nodeCapabilities: readOwnCapabilities(),
    security: { hasAppArmor: hasAppArmor(), allowedUnsafeSysctls },
    room: {
      refuse: (pod) => withState(ownState(), (node) => refuseOnNode(pod, node)),
      refuseResize: (pod) => withState(ownState(), (node) => refuseResize(pod, node)),
    },
    environments: new Map(),
    beginnings: new Beginnings(),
    places: new Places(given.clock, 2),
    walks: new Places(given.clock, 1),
    records: store.table<PodRecord>("pods", {
      isWhole: isPodRecord,
      instead: (uid) => damagedRecord(uid, bootId, given.clock.now()),
    }),
    forgetConnections: (address) => freed.add(address),
    owners: () => [...network.leaseOwners(), ...network.firewall.pods()],
    discard: (path) => trash.discard(path),
    discardRuntime: (path) => trash.discardRuntime(path),
    report: (pod, event) => events.record(pod, event),
  };
}
