/**
 * The composition of `nspod agent`: the parts of a node on the mirror of an API server far away, where wire.ts puts
 * them on the store.
 */
import { EventRecorder } from "../agent/event-recorder.ts";
import { readKubeconfig } from "../agent/kubeconfig.ts";
import { KubernetesClient } from "../agent/kubernetes-client.ts";
import { NodeVolumes } from "../agent/node-volumes.ts";
import { RemoteApi } from "../agent/remote-api.ts";
import { RemoteEvents } from "../agent/remote-events.ts";
import { RemoteNode } from "../agent/remote-node.ts";
import { TrashCollector } from "../agent/trash-collector.ts";
import type { Backend } from "../apiserver/backend.ts";
import type { NodePods } from "../apiserver/kubelet-routes.ts";
import { systemClock, toTime } from "../base/clock.ts";
import { messageOf, PodError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { openHierarchy } from "../cgroup/hierarchy.ts";
import { defaultCapabilities } from "../container/capabilities.ts";
import { defaultSeccomp } from "../container/seccomp.ts";
import { dnsAddress } from "../controller/service-allocator.ts";
import { ServiceState } from "../controller/service-state.ts";
import { nodeAddress } from "../net/node-address.ts";
import type { PodEngine } from "../pod/engine.ts";
import { seccompFolder } from "../pod/profiles.ts";
import type { Node } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { volumesFolder } from "../volume/local-path.ts";
import { type AgentConfiguration, hostNodeName } from "./agent-configuration.ts";
import { dismantle } from "./dismantle.ts";
import { duties } from "./duties.ts";
import { storePath } from "./folders.ts";
import { assignedCidr, cidrProblem, register } from "./join-cluster.ts";
import { NodeBackend } from "./node-backend.ts";
import { cgroupMountPoint, mostPods } from "./node-limits.ts";
import { makeParts } from "./node-parts.ts";
import { keptNodeName, takeRole } from "./node-role.ts";
import { openImages } from "./open-images.ts";
import { openNetwork } from "./open-network.ts";
import { openStore } from "./open-store.ts";
import { serveNames } from "./serve-names.ts";
import { systemInfo } from "./system-info.ts";
import { version } from "./version.ts";

/** A node of a cluster. */
export interface AgentNode {
  readonly backend: Backend;
  readonly nodeName: string;
  readonly pods: NodePods;
  /** Asks the API server who somebody is and what they may do. */
  readonly review: (path: string, body: object) => Promise<unknown>;
  /** Begins to work; resolves when the pods of an earlier agent are adopted. */
  start(): Promise<void>;
  /** Stops working; pods keep running. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes the node. Waits for the API server when this is the first time.
 * @throws PodError FailedPrecondition when this host lacks something without which no pod can run.
 */
export async function createAgentNode(
  configuration: AgentConfiguration,
  log: Logger,
  stop: AbortSignal,
): Promise<AgentNode> {
  const { enforceLimits, allowedUnsafeSysctls, leaseSeconds, servesServices } = configuration;
  const clock = systemClock;
  const startedAt = toTime(clock.now());
  const hierarchy = openHierarchy(cgroupMountPoint(), configuration.instance.cgroup);
  const stack = new AsyncDisposableStack();
  const store = stack.use(openStore(storePath(configuration.instance), log));
  const client = stack.use(new KubernetesClient(readKubeconfig(configuration.kubeconfig)));
  takeRole(store, "agent");
  const nodeName = keptNodeName(store, configuration.nodeName ?? hostNodeName());
  const facts = store.table<string>("node");
  const volumes = volumesFolder(configuration.instance.root);
  const api = stack.use(
    new RemoteApi({ client, clock, log, nodeName, volumesFolder: volumes, servesServices }),
  );
  const ownAddress = (): string =>
    configuration.nodeIp ?? nodeAddress(configuration.instance.bridge).address;
  let podCidr = configuration.podCidr ?? facts.get("podCidr");
  let started: Promise<void> | undefined;
  const followCluster = (): Promise<void> => {
    started ??= api.start(stop);
    return started;
  };
  const images = openImages(configuration.instance, log, () => engine?.retryAll());
  const registrar = new RemoteNode({
    client,
    clock,
    log,
    nodeName,
    address: ownAddress,
    version,
    root: configuration.instance.root,
    images: () => images.list().map(({ names, sizeBytes }) => ({ names, sizeBytes })),
    kubeletPort: () => configuration.port,
    leaseSeconds,
    problem: () => {
      const wanted = api.objects.get<Node>("Node", "", nodeName)?.spec?.podCIDR;
      return cidrProblem(podCidr, configuration.podCidr ?? wanted);
    },
    maxPods: () => mostPods(Number(podCidr?.split("/")[1] ?? 24)),
  });
  let engine: PodEngine | undefined;
  if (podCidr === undefined) {
    await Promise.all([followCluster(), register(registrar, { log, signal: stop })]);
    podCidr = await assignedCidr(api, nodeName, stop);
    facts.put("podCidr", podCidr);
  }
  const instance = { ...configuration.instance, subnet: podCidr };
  const trash = stack.use(new TrashCollector(clock, instance, log));
  const events = new EventRecorder({ store: new RemoteEvents(client, log), clock, log, nodeName });
  const network = openNetwork(instance, store);
  const services = new ServiceState(api.objects, "slices");
  const parts = makeParts(
    {
      api,
      instance,
      nodeName,
      nodeAddress: ownAddress(),
      ...(servesServices && { nameserver: dnsAddress(instance.serviceSubnet) }),
      hierarchy,
      enforceLimits,
      allowedUnsafeSysctls,
      images,
      claims: api,
      tokens: api.tokens,
      network,
      store,
      services,
      events,
      trash,
      clock,
      log,
      proxyName: "kube-proxy",
    },
    stack,
  );
  const { agent, cluster, freed, housekeeping, memory, names, proxy } = parts;
  engine = parts.engine;
  const claimFolders = stack.use(
    new NodeVolumes({
      client,
      clock,
      log,
      node: { name: nodeName, labels: {}, folder: volumes },
      discard: (path) => trash.discard(path),
    }),
  );
  const pods = (): readonly Pod[] => api.objects.list<Pod>("Pod").items;

  const close = (): Promise<void> => stack.disposeAsync();
  const elsewhere = (): never => {
    throw new PodError("Unimplemented", "This node is an agent: send objects to its API server");
  };
  const backend = new NodeBackend({
    store,
    nodeName,
    images,
    engine,
    agent,
    clock,
    mountsTokens: false,
    tokens: { issue: elsewhere, read: () => undefined },
    allocate: elsewhere,
    place: elsewhere,
    pods,
    info: () => systemInfo({ instance, startedAt, hierarchy, images, pods: pods(), network }),
    dismantle: async () => {
      network.routes.remove();
      await agent.close();
      await parts.engine.collectOrphans(new Set());
      await close();
      const removeServices = (): void => network.serviceFirewall().remove();
      await dismantle({ instance, hierarchy, firewall: network.firewall, removeServices });
    },
  });

  /** Who was taken for dead says at once that it is not. */
  const noticeNode = (node: Node): void => {
    const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
    if (ready?.status === "Unknown") refresh();
  };
  let isRefreshing = false;
  const refresh = (): void => {
    if (isRefreshing || stack.disposed) return;
    isRefreshing = true;
    const failed = (error: unknown): void =>
      log.warn({ error: messageOf(error) }, "cannot report the node");
    void registrar
      .refresh()
      .catch(failed)
      .finally(() => {
        isRefreshing = false;
      });
  };

  return {
    backend,
    nodeName,
    review: (path, body) => client.json("POST", path, { body }),
    pods: { find: (namespace, name) => api.objects.get<Pod>("Pod", namespace, name), list: pods },
    close,
    start: async () => {
      await Promise.all([followCluster(), register(registrar, { log, signal: stop })]);
      void registrar.renewLease();
      api.objects.follow(({ type, object }) => {
        const isOwn = object.kind === "Node" && object.metadata.name === nodeName;
        // Gone: it is made anew.
        if (isOwn && type === "DELETED") refresh();
        else if (isOwn) noticeNode(object as unknown as Node);
      });
      cluster.start();
      if (pods().length > 0) network.bridge();
      if (servesServices) proxy.start();
      await agent.start();
      claimFolders.start();
      trash.collect();
      const shared = { network, freed, proxy, engine: parts.engine, agent, pods };
      for (const duty of duties({ ...shared, registrar, leaseSeconds })) housekeeping.add(duty);
      setImmediate(() => {
        if (stack.disposed) return;
        defaultSeccomp(defaultCapabilities, seccompFolder(parts.context));
        void memory.forgetStart();
        const isNeeded = agent.size > 0;
        if (servesServices) void serveNames(names, proxy, { store, log, isNeeded });
      });
    },
  };
}
