/**
 * Services and what is behind them in memory, as of the last commit: endpoints from the pods that a selector finds,
 * or from the slices that somebody wrote for a Service without selector. Pods are looked at from the first Service on.
 *
 * Whoever follows it hears the name of each Service that may have changed; `isUrgent` when an endpoint leaves: it must
 * be out of every rule before its pod is told to stop. Source: Kubernetes, "Service", "EndpointSlices".
 */

import { serviceNameLabel } from "../spec/endpoint-slice-rules.ts";
import type { EndpointSlice, Namespace, Service } from "../spec/kubernetes.gen.ts";
import type { Labels } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import { shortHostname } from "../spec/pod-hostname.ts";
import { hasEndpoints } from "../spec/service-rules.ts";
import type { ObjectSource } from "../store/object-source.ts";
import type { StoredObject, WatchEvent } from "../store/watch-event.ts";

/** One address behind a Service. */
export interface ServiceAddress {
  readonly address: string;
  /** Number by name of the Service's port; ports that a pod does not have are missing. */
  readonly ports: Readonly<Record<string, number>>;
  /** Takes new connections. */
  readonly isReady: boolean;
  /** Would take them, but for its end. */
  readonly isServing: boolean;
  readonly isTerminating: boolean;
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly pod?: { readonly name: string; readonly uid: string };
}

export interface ServiceChange {
  /** `namespace/name`. */
  readonly key: string;
  readonly isUrgent: boolean;
}

export const managedByLabel = "endpointslice.kubernetes.io/managed-by";
export const sliceController = "endpointslice-controller.k8s.io";

/** What is kept of a pod. */
interface PodFacts {
  readonly pod: Pod;
  readonly text: string;
  readonly isLeaving: boolean;
}

export class ServiceState implements Disposable {
  readonly #store: ObjectSource;
  readonly #source: "pods" | "slices";
  readonly #services = new Map<string, Service>();
  /** Slices of others by key of the Service, then by their name. */
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  /** Pods with an address by namespace and uid; undefined: there was no Service yet. */
  #pods: Map<string, Map<string, PodFacts>> | undefined;
  readonly #known = new Map<string, readonly ServiceAddress[]>();
  readonly #listeners = new Set<(change: ServiceChange) => void>();
  readonly #unfollow: () => void;

  /** @param source - what endpoints are read from: pods, or slices where other nodes' pods are not known. */
  constructor(store: ObjectSource, source: "pods" | "slices" = "pods") {
    this.#store = store;
    this.#source = source;
    for (const service of store.list<Service>("Service").items)
      this.#services.set(keyFor(service), service);
    for (const slice of store.list<EndpointSlice>("EndpointSlice").items) this.#putSlice(slice);
    this.#unfollow = store.follow((change) => this.#notice(change));
  }

  /** Calls `listener` after a change; it must not write to the store. @returns ends it. */
  follow(listener: (change: ServiceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  services(): IterableIterator<Service> {
    return this.#services.values();
  }

  service(key: string): Service | undefined {
    return this.#services.get(key);
  }

  hasNamespace(name: string): boolean {
    return this.#store.get<Namespace>("Namespace", "", name) !== undefined;
  }

  /** Everything behind a Service, sorted by address. */
  addresses(service: Service): readonly ServiceAddress[] {
    const key = keyFor(service);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const isSelected = this.#source === "pods" && isSelecting(service);
    const found = isSelected ? this.#selected(service) : this.#written(key);
    const sorted = found.sort((a, b) => (a.address < b.address ? -1 : 1));
    this.#known.set(key, sorted);
    return sorted;
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#listeners.clear();
  }

  #selected(service: Service): ServiceAddress[] {
    const { selector = {}, publishNotReadyAddresses = false } = service.spec;
    const pods = this.#loadPods().get(service.metadata.namespace) ?? new Map<string, PodFacts>();
    return [...pods.values()].flatMap(({ pod }) => {
      if (!selects(selector, pod.metadata.labels)) return [];
      return [addressOf(pod, service, publishNotReadyAddresses)];
    });
  }

  #written(key: string): ServiceAddress[] {
    const slices = [...(this.#slices.get(key)?.values() ?? [])];
    return slices.flatMap((slice) => (slice.addressType === "IPv4" ? addressesOf(slice) : []));
  }

  #loadPods(): Map<string, Map<string, PodFacts>> {
    if (this.#pods === undefined) {
      this.#pods = new Map();
      for (const pod of this.#store.list<Pod>("Pod").items) this.#putPod(pod);
    }
    return this.#pods;
  }

  #notice({ type, object }: WatchEvent<StoredObject>): void {
    if (object.kind === "Pod") {
      if (this.#pods !== undefined) this.#noticePod(type, object as StoredObject & Pod);
    } else if (object.kind === "Service") {
      const service = object as StoredObject & Service;
      const key = keyFor(service);
      if (type === "DELETED") this.#services.delete(key);
      else this.#services.set(key, service);
      this.#tell(key, false);
    } else if (object.kind === "EndpointSlice") {
      const slice = object as StoredObject & EndpointSlice;
      const key = serviceOf(slice);
      if (key === undefined || this.#isKnownBetter(slice)) return;
      if (type === "DELETED") this.#slices.get(key)?.delete(slice.metadata.name);
      else this.#putSlice(slice);
      this.#tell(key, false);
    }
  }

  /** Slices that are made from pods are behind the pods. */
  #isKnownBetter(slice: EndpointSlice): boolean {
    return this.#source === "pods" && isOwn(slice);
  }

  #putSlice(slice: EndpointSlice): void {
    const key = serviceOf(slice);
    if (key === undefined || this.#isKnownBetter(slice)) return;
    const slices = this.#slices.get(key) ?? new Map<string, EndpointSlice>();
    slices.set(slice.metadata.name, slice);
    this.#slices.set(key, slices);
  }

  #noticePod(type: string, pod: Pod): void {
    const { namespace, uid } = pod.metadata;
    const before = this.#pods?.get(namespace)?.get(uid);
    if (type === "DELETED" || !hasAddress(pod)) this.#pods?.get(namespace)?.delete(uid);
    else this.#putPod(pod);
    const after = this.#pods?.get(namespace)?.get(uid);
    if (before?.text === after?.text) return;
    const isUrgent = before?.isLeaving === false && after?.isLeaving !== false;
    for (const service of this.#services.values()) {
      if (service.metadata.namespace !== namespace) continue;
      const concerns = [before, after].some(
        (facts) => facts !== undefined && isBehind(service, facts.pod.metadata.labels),
      );
      if (concerns) this.#tell(keyFor(service), isUrgent);
    }
  }

  #putPod(pod: Pod): void {
    if (!hasAddress(pod)) return;
    const { namespace, uid, labels, deletionTimestamp } = pod.metadata;
    const isLeaving = deletionTimestamp !== undefined || !isPodReady(pod);
    const text = JSON.stringify([
      labels,
      pod.status?.podIP,
      isPodReady(pod),
      deletionTimestamp !== undefined,
    ]);
    const pods = this.#pods?.get(namespace) ?? new Map<string, PodFacts>();
    pods.set(uid, { pod, text, isLeaving });
    this.#pods?.set(namespace, pods);
  }

  #tell(key: string, isUrgent: boolean): void {
    this.#known.delete(key);
    for (const listener of this.#listeners) listener({ key, isUrgent });
  }
}

export function keyFor({ metadata }: Pick<Service, "metadata">): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Whether its endpoints are the pods that a selector finds. */
export function isSelecting({ spec }: Service): boolean {
  return hasEndpoints(spec) && Object.keys(spec.selector ?? {}).length > 0;
}

/** Whether the selector of a Service finds a pod with these labels. */
export function isBehind(service: Service, labels: Labels | undefined): boolean {
  return isSelecting(service) && selects(service.spec.selector ?? {}, labels);
}

/** Addresses for new connections: the ready ones, or else those that end but still serve. */
export function usable(addresses: readonly ServiceAddress[]): readonly ServiceAddress[] {
  const ready = addresses.filter(({ isReady }) => isReady);
  if (ready.length > 0) return ready;
  return addresses.filter(({ isServing, isTerminating }) => isServing && isTerminating);
}

function serviceOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined ? undefined : `${metadata.namespace}/${name}`;
}

function isOwn({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.[managedByLabel] === sliceController;
}

function selects(selector: Labels, labels: Labels = {}): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function hasAddress({ status }: Pod): boolean {
  const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
  return !hasEnded && status?.podIP !== undefined && status.podIP !== "";
}

function isPodReady({ status }: Pod): boolean {
  return (
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false
  );
}

function addressOf(pod: Pod, service: Service, isAlwaysReady: boolean): ServiceAddress {
  const { name, uid, deletionTimestamp } = pod.metadata;
  const isTerminating = deletionTimestamp !== undefined;
  const isServing = isAlwaysReady || isPodReady(pod);
  const hasName = pod.spec.subdomain === service.metadata.name && pod.spec.hostname;
  return {
    address: pod.status?.podIP ?? "",
    ports: portsOf(pod, service),
    isReady: isAlwaysReady || (isServing && !isTerminating),
    isServing,
    isTerminating,
    ...(hasName && { hostname: shortHostname(pod) }),
    ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }),
    pod: { name, uid },
  };
}

/** Target ports as numbers; a name is looked up in the pod. */
function portsOf(pod: Pod, { spec }: Service): Readonly<Record<string, number>> {
  const containers = [
    ...pod.spec.containers,
    ...(pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always"),
  ];
  const entries = (spec.ports ?? []).flatMap(({ name = "", port, targetPort = port, protocol }) => {
    if (typeof targetPort === "number") return [[name, targetPort] as const];
    const found = containers
      .flatMap(({ ports = [] }) => ports)
      .find((each) => each.name === targetPort && (each.protocol ?? "TCP") === protocol);
    return found === undefined ? [] : [[name, found.containerPort] as const];
  });
  return Object.fromEntries(entries);
}

function addressesOf({ endpoints = [], ports = [] }: EndpointSlice): ServiceAddress[] {
  const numbers = Object.fromEntries(
    ports.flatMap(({ name = "", port }) => (port === undefined ? [] : [[name, port]])),
  );
  return endpoints.flatMap(({ addresses, conditions = {}, hostname, nodeName }) => {
    const isReady = conditions.ready ?? true;
    const [address] = addresses;
    if (address === undefined) return [];
    return [
      {
        address,
        ports: numbers,
        isReady,
        isServing: conditions.serving ?? isReady,
        isTerminating: conditions.terminating ?? false,
        ...(hostname !== undefined && { hostname }),
        ...(nodeName !== undefined && { nodeName }),
      },
    ];
  });
}
