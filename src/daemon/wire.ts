/**
 * The composition root: makes every part of the node and joins them. Nothing below this file knows
 * more of the others than the interfaces it is given.
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { EventRecorder } from "../agent/event-recorder.ts";
import { nodeNameOf } from "../agent/node-facts.ts";
import { defaultLeaseSeconds } from "../agent/node-lease.ts";
import { NodeRegistrar } from "../agent/node-registrar.ts";
import { StoreApi } from "../agent/store-api.ts";
import { TrashCollector } from "../agent/trash-collector.ts";
import { VolumeBinder } from "../agent/volume-binder.ts";
import { VolumeObjects } from "../agent/volume-objects.ts";
import { newObject } from "../apiserver/create-object.ts";
import { systemClock, toTime } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { openHierarchy } from "../cgroup/hierarchy.ts";
import { defaultCapabilities } from "../container/capabilities.ts";
import { defaultSeccomp } from "../container/seccomp.ts";
import { Controllers } from "../controller/controllers.ts";
import { ensureFirstObjects } from "../controller/first-objects.ts";
import { GarbageCollector } from "../controller/garbage-collector.ts";
import { NodeCidr } from "../controller/node-cidr.ts";
import { defaultScheduler, Scheduler } from "../controller/scheduler.ts";
import { dnsAddress, ServiceAllocator } from "../controller/service-allocator.ts";
import { ServiceState } from "../controller/service-state.ts";
import { nodeAddress } from "../net/node-address.ts";
import { seccompFolder } from "../pod/profiles.ts";
import { rehearse } from "../pod/rehearsal.ts";
import type { Pod } from "../spec/pod.ts";
import { ServiceAccountTokens, tokenKeyFile } from "../volume/service-account-tokens.ts";
import type { Configuration } from "./configuration.ts";
import type { Node } from "./daemon.ts";
import { dismantle } from "./dismantle.ts";
import { duties } from "./duties.ts";
import { NodeBackend } from "./node-backend.ts";
import { NodeEndpoints } from "./node-endpoints.ts";
import { cgroupMountPoint, mostPods } from "./node-limits.ts";
import { makeParts } from "./node-parts.ts";
import { keptNodeName, takeRole } from "./node-role.ts";
import { openImages } from "./open-images.ts";
import { openNetwork } from "./open-network.ts";
import { openStore } from "./open-store.ts";
import { PodApi } from "./pod-api.ts";
import { serveNames } from "./serve-names.ts";
import { systemInfo } from "./system-info.ts";
import { version } from "./version.ts";

/**
 * Makes the node and adopts what an earlier daemon left.
 * @throws PodError FailedPrecondition when this host lacks something without which no pod can run.
 */
export async function createNode(configuration: Configuration, log: Logger): Promise<Node> {
  const { instance, enforceLimits, allowedUnsafeSysctls, nodeGraceMs } = configuration;
  const clock = systemClock;
  const startedAt = toTime(clock.now());
  const hierarchy = openHierarchy(cgroupMountPoint(), instance.cgroup);
  const stack = new AsyncDisposableStack();
  const store = stack.use(openStore(join(instance.root, "nspod.db"), log));
  ensureFirstObjects(store, clock.now());
  takeRole(store, "daemon");
  const nodeName = keptNodeName(store, nodeNameOf(hostname()));
  const images = openImages(instance, log, () => {
    engine.retryAll();
    registrar.forgetImages();
  });
  const trash = stack.use(new TrashCollector(clock, instance, log));
  const events = new EventRecorder({ store, clock, log, nodeName });
  const network = openNetwork(instance, store);
  const volumes = new VolumeObjects({
    store,
    clock,
    nodeName,
    root: instance.root,
    discard: (path) => trash.discard(path),
    report: (object, event) => events.record(object, event, "persistentvolume-controller"),
  });
  const claims = stack.use(new VolumeBinder({ store, objects: volumes, clock, log }));
  const ownAddress = (): string => configuration.nodeIp ?? nodeAddress(instance.bridge).address;
  const registrar = new NodeRegistrar({
    store,
    clock,
    nodeName,
    address: ownAddress,
    podCidr: instance.subnet,
    maxPods: mostPods(network.addresses.prefixLength),
    version,
    root: instance.root,
    images: () => images.list().map(({ names, sizeBytes }) => ({ names, sizeBytes })),
  });
  registrar.ensure();
  const services = new ServiceState(store);
  const allocator = new ServiceAllocator(instance.serviceSubnet, services);
  const podApi = new PodApi({
    store,
    listen: configuration.listen,
    serviceSubnet: instance.serviceSubnet,
    allocate: (service) => allocator.allocate(service),
  });
  const tokens = new ServiceAccountTokens(join(instance.root, tokenKeyFile));
  const parts = makeParts(
    {
      api: new StoreApi({ store, log, nodeName }),
      instance,
      nodeName,
      nodeAddress: ownAddress(),
      nameserver: dnsAddress(instance.serviceSubnet),
      hierarchy,
      enforceLimits,
      allowedUnsafeSysctls,
      images,
      claims,
      tokens,
      network,
      store,
      services,
      events,
      trash,
      clock,
      log,
      proxyName: "service-controller",
      balancer: { store, nodeAddress: ownAddress },
    },
    stack,
  );
  const { context, engine, agent, state, proxy, names, cluster, housekeeping, memory, freed } =
    parts;

  const scheduler = new Scheduler({
    store,
    state,
    claims,
    clock,
    log,
    report: (object, event) => events.record(object, event, defaultScheduler),
  });
  const followers = [
    proxy,
    cluster,
    stack.use(
      new NodeCidr({
        store,
        clock,
        log,
        clusterCidr: configuration.clusterCidr,
        report: (object, event) => events.record(object, event, "cidrAllocator"),
      }),
    ),
    stack.use(new GarbageCollector({ store, clock, log })),
    stack.use(scheduler),
  ];
  const controllers = stack.use(
    new Controllers({
      store,
      services,
      nodeGraceMs,
      clock,
      log,
      create: (wish) => backend.createNow(newObject(backend, wish, clock.now())),
      report: (object, event, component) => events.record(object, event, component),
    }),
  );

  const close = (): Promise<void> => stack.disposeAsync();
  const removeServices = (): void => network.serviceFirewall().remove();
  const pods = (): readonly Pod[] => store.list<Pod>("Pod").items;
  const backend = new NodeBackend({
    store,
    nodeName,
    endpoints: new NodeEndpoints({
      root: instance.root,
      node: (name) => store.get("Node", "", name),
    }),
    images,
    engine,
    agent,
    clock,
    mountsTokens: podApi.isReachable,
    tokens,
    allocate: (service) => allocator.allocate(service),
    place: (pod) => scheduler.place(pod),
    info: () => systemInfo({ instance, startedAt, hierarchy, images, pods: pods(), network }),
    dismantle: async () => {
      network.routes.remove();
      await close();
      await dismantle({ instance, hierarchy, firewall: network.firewall, removeServices });
    },
  });

  if (pods().length > 0) network.bridge();
  claims.start();
  for (const follower of followers) follower.start();
  await agent.start();
  controllers.start();
  trash.collect();
  const dropOldEvents = (): void => store.dropOldEvents();
  const shared = { network, freed, proxy, engine, agent, pods };
  // Several signs of life in what this cluster calls silence.
  const leaseSeconds = Math.min(defaultLeaseSeconds, nodeGraceMs / 1000);
  const own = { registrar, leaseSeconds, dropOldEvents };
  for (const duty of duties({ ...shared, ...own })) housekeeping.add(duty);
  // 40 ms when it is not on disk yet: not in the way of the first pod.
  setImmediate(() => {
    const filter = defaultSeccomp(defaultCapabilities, seccompFolder(context));
    if (!stack.disposed) registrar.refresh();
    if (!stack.disposed) registrar.renewLease();
    if (!stack.disposed) void serveNames(names, proxy, { store, log, isNeeded: agent.size > 0 });
    const adopted = agent.size;
    const isOver = (): boolean => stack.disposed || agent.size > adopted;
    // What it warms up is what pods need, and stays.
    void memory.forgetStart().then(() => rehearse(context, filter, isOver));
  });
  return {
    backend,
    publishApi: (api) => podApi.publish(api, controllers),
    isEmpty: () => agent.size === 0 && pods().length === 0 && controllers.isIdle,
    close,
  };
}
