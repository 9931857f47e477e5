/** What the daemon looks after from time to time, besides what events tell it. */
import type { Agent } from "../agent/agent.ts";
import { ClaimCapacity, claimCapacityPeriodMs } from "../agent/claim-capacity.ts";
import { enforceEphemeralStorage } from "../agent/ephemeral-storage.ts";
import type { Duty } from "../agent/housekeeping.ts";
import { renewPeriodMs } from "../agent/node-lease.ts";
import { nodeStatusPeriodMs } from "../agent/node-registrar.ts";
import { enforceVolumeLimits, volumeLimitPeriodMs } from "../agent/volume-limits.ts";
import type { ServiceProxy } from "../controller/service-proxy.ts";
import { forgetConnections } from "../net/conntrack.ts";
import type { PodEngine } from "../pod/engine.ts";
import type { Pod } from "../spec/pod.ts";
import type { Network } from "./open-network.ts";

/** Packet rules that somebody flushed are back after this long (security: NET-06). */
const rulesPeriodMs = 10_000;
/** Well below the time that a freed address rests. */
const connectionsPeriodMs = 15_000;
const eventsPeriodMs = 60_000;

export interface DutyParts {
  readonly network: Network;
  /** Addresses that no pod has any more and that the kernel may still know connections of. */
  readonly freed: Set<string>;
  readonly proxy: ServiceProxy;
  readonly engine: PodEngine;
  readonly agent: Agent;
  /** Pods of the node, at least. */
  readonly pods: () => readonly Pod[];
  readonly registrar: {
    refresh(): unknown;
    renewLease(): void | Promise<void>;
  };
  readonly leaseSeconds: number;
  /** Absent: events are kept elsewhere. */
  readonly dropOldEvents?: () => void;
}

export function duties(parts: DutyParts): readonly Duty[] {
  const { network, freed, proxy, engine, agent, pods, registrar, leaseSeconds } = parts;
  const { dropOldEvents } = parts;
  const capacity = new ClaimCapacity(engine.context);
  return [
    {
      name: "packet rules",
      periodMs: rulesPeriodMs,
      run: () => {
        if (agent.size > 0) network.firewall.ensure();
        proxy.ensure();
      },
    },
    {
      name: "connections",
      periodMs: connectionsPeriodMs,
      run: () => {
        const addresses = [...freed];
        // First: a kernel that cannot forget them says so once.
        freed.clear();
        forgetConnections(addresses);
      },
    },
    {
      name: "volume limits",
      periodMs: volumeLimitPeriodMs,
      run: async () => {
        const all = pods();
        await enforceVolumeLimits(engine, all);
        await enforceEphemeralStorage(engine, all);
      },
    },
    {
      name: "capacity of claims",
      periodMs: claimCapacityPeriodMs,
      run: () => capacity.look(pods()),
    },
    {
      name: "node status",
      periodMs: nodeStatusPeriodMs,
      run: async () => void (await registrar.refresh()),
    },
    {
      name: "node lease",
      periodMs: renewPeriodMs(leaseSeconds),
      run: () => registrar.renewLease(),
    },
    ...(dropOldEvents === undefined
      ? []
      : [{ name: "old events", periodMs: eventsPeriodMs, run: dropOldEvents }]),
  ];
}
