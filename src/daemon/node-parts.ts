/**
 * What a node has wherever its objects are, in the daemon's store (wire.ts) or with an API server far away (wire-agent.ts):
 *
 *   agent ─▶ engine      runs the pods
 *   proxy, names         lead packets and names to Services
 *   cluster              routes to the pods of other nodes
 *   housekeeping         what is looked after from time to time (duties.ts)
 */
import { Agent } from "../agent/agent.ts";
import type { ClusterApi } from "../agent/cluster-api.ts";
import { Housekeeping } from "../agent/housekeeping.ts";
import { ClusterState } from "../controller/cluster-state.ts";
import { ServiceProxy, type ServiceProxyOptions } from "../controller/service-proxy.ts";
import type { DnsServer } from "../net/dns-server.ts";
import type { EngineContext } from "../pod/context.ts";
import { PodEngine } from "../pod/engine.ts";
import { tidyAside } from "../sys/ffi.ts";
import { ClusterNetwork } from "./cluster-network.ts";
import { type EngineParts, engineContext } from "./engine-context.ts";
import { nameServer } from "./serve-names.ts";
import { TidyMemory } from "./tidy-memory.ts";

export interface GivenParts extends Omit<EngineParts, "objects" | "state" | "freed" | "wake"> {
  readonly api: ClusterApi;
  /** Who speaks in events of Services. */
  readonly proxyName: string;
  readonly balancer?: ServiceProxyOptions["balancer"];
}

export interface NodeParts {
  readonly context: EngineContext;
  readonly state: ClusterState;
  readonly engine: PodEngine;
  readonly agent: Agent;
  readonly proxy: ServiceProxy;
  readonly names: DnsServer;
  readonly cluster: ClusterNetwork;
  readonly housekeeping: Housekeeping;
  readonly memory: TidyMemory;
  /** Addresses that no pod has any more and that the kernel may still know connections of. */
  readonly freed: Set<string>;
}

/** @param stack - takes the parts: pods keep running when it is disposed of. */
export function makeParts(
  { api, proxyName, balancer, ...given }: GivenParts,
  stack: AsyncDisposableStack,
): NodeParts {
  const { instance, nodeName, network, services, events, clock, log } = given;
  const { objects } = api;
  stack.use(network.networks);
  const state = stack.use(new ClusterState(objects));
  stack.use(services);
  const freed = new Set(network.restingAddresses());
  const context = engineContext({
    ...given,
    objects,
    state,
    freed,
    wake: (uid) => agent.wake(uid),
  });
  const engine = new PodEngine(context);
  const agent = new Agent({ api, engine, events, clock, log, nodeName });
  stack.defer(() => agent.close());
  const memory = stack.use(new TidyMemory({ clock, tidy: tidyAside }));
  state.follow(() => {
    agent.noticeRoom();
    memory.noteWork();
  });
  const cluster = stack.use(new ClusterNetwork({ objects, nodeName, ...network, log }));
  const proxy = stack.use(
    new ServiceProxy({
      store: objects,
      state: services,
      firewall: network.serviceFirewall,
      subnet: instance.subnet,
      serviceSubnet: instance.serviceSubnet,
      ...(balancer !== undefined && { balancer }),
      isPublished: (protocol, port) => network.firewall.publishes(protocol, port),
      clock,
      log,
      report: (service, event) => events.record(service, event, proxyName),
    }),
  );
  const names = stack.adopt(nameServer(proxy, log), (server) => server.close());
  const housekeeping = stack.use(new Housekeeping(clock, log));
  return { context, state, engine, agent, proxy, names, cluster, housekeeping, memory, freed };
}
