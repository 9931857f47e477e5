/**
 * Publishes what is behind each Service with a selector as EndpointSlices. Slices go with their Service: they name it
 * as their owner. Source: Kubernetes, "EndpointSlices"; discovery/v1.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { toTime } from "../base/clock.ts";
import { newPodUid } from "../base/ids.ts";
import type { Logger } from "../base/log.ts";
import { serviceNameLabel } from "../spec/endpoint-slice-rules.ts";
import { firstDifference } from "../spec/first-difference.ts";
import type { Endpoint, EndpointPort, EndpointSlice, Service } from "../spec/kubernetes.gen.ts";
import { isHeadless } from "../spec/service-rules.ts";
import type { Store } from "../store/store.ts";
import { KeyQueue } from "./key-queue.ts";
import {
  isSelecting,
  keyFor,
  managedByLabel,
  type ServiceAddress,
  type ServiceState,
  sliceController,
} from "./service-state.ts";

export interface EndpointSlicesOptions {
  readonly store: Store;
  readonly state: ServiceState;
  readonly clock: Clock;
  readonly log: Logger;
}

const mostEndpoints = 100;

export class EndpointSlices implements Disposable {
  readonly #options: EndpointSlicesOptions;
  readonly #queue: KeyQueue;
  #unfollow: () => void = () => undefined;

  constructor(options: EndpointSlicesOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (key) => this.#reconcile(key) });
  }

  start(): void {
    const { state, store } = this.#options;
    const stop = state.follow(({ key }) => this.#queue.add(key));
    // Somebody deleted or changed one of ours.
    const unfollow = store.follow(({ object }) => {
      if (object.kind !== "EndpointSlice") return;
      const { namespace, labels = {} } = object.metadata;
      const service = labels[serviceNameLabel];
      if (labels[managedByLabel] === sliceController && service !== undefined) {
        this.#queue.add(`${namespace}/${service}`);
      }
    });
    this.#unfollow = () => {
      stop();
      unfollow();
    };
    for (const service of state.services()) this.#queue.add(keyFor(service));
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#queue[Symbol.dispose]();
  }

  #reconcile(key: string): void {
    const { state, store, clock } = this.#options;
    const service = state.service(key);
    // Without its Service a slice has no owner any more and is collected.
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) return;
    const { namespace, name } = service.metadata;
    const own = store
      .list<EndpointSlice>("EndpointSlice", namespace)
      .items.filter(
        ({ metadata }) =>
          metadata.labels?.[serviceNameLabel] === name &&
          metadata.labels[managedByLabel] === sliceController,
      );
    const wanted = isSelecting(service) ? slicesOf(service, state.addresses(service)) : [];
    for (const slice of wanted) {
      const known = own.find(({ metadata }) => metadata.name === slice.metadata.name);
      if (known === undefined) {
        const metadata = {
          ...slice.metadata,
          uid: newPodUid(),
          creationTimestamp: toTime(clock.now()),
          generation: 1,
        };
        store.create({ ...slice, metadata }, { durable: false });
      } else if (firstDifference(contentOf(known), contentOf(slice), "") !== undefined) {
        const generation = (known.metadata.generation ?? 0) + 1;
        const metadata = { ...known.metadata, labels: slice.metadata.labels ?? {}, generation };
        store.update({ ...slice, metadata }, { durable: false });
      }
    }
    const names = new Set(wanted.map(({ metadata }) => metadata.name));
    for (const { metadata } of own) {
      if (names.has(metadata.name)) continue;
      store.delete("EndpointSlice", namespace, metadata.name, metadata.uid, { durable: false });
    }
  }
}

function contentOf({ endpoints, ports, metadata }: EndpointSlice): object {
  return { endpoints, ports, labels: metadata.labels };
}

/** The slices of a Service; their names follow from their ports, so that they stay. Pure. */
export function slicesOf(
  service: Service,
  addresses: readonly ServiceAddress[],
): readonly EndpointSlice[] {
  const groups = new Map<string, ServiceAddress[]>();
  for (const address of addresses) {
    const text = JSON.stringify(address.ports);
    groups.set(text, [...(groups.get(text) ?? []), address]);
  }
  // A Service with nothing behind it has one empty slice, as in Kubernetes.
  if (groups.size === 0) groups.set("{}", []);
  return [...groups].flatMap(([text, group]) => {
    const numbers = JSON.parse(text) as Readonly<Record<string, number>>;
    const count = Math.max(1, Math.ceil(group.length / mostEndpoints));
    return Array.from({ length: count }, (_, index) =>
      sliceOf(service, {
        name: sliceName(service, `${text} ${index}`),
        ports: slicePorts(service, numbers),
        endpoints: group.slice(index * mostEndpoints, (index + 1) * mostEndpoints).map(endpointOf),
      }),
    );
  });
}

function sliceName({ metadata }: Service, seed: string): string {
  const hash = createHash("sha256").update(`${metadata.uid} ${seed}`).digest("hex").slice(0, 5);
  return `${metadata.name}-${hash}`;
}

function slicePorts(
  { spec }: Service,
  numbers: Readonly<Record<string, number>>,
): readonly EndpointPort[] {
  return (spec.ports ?? []).flatMap(({ name = "", protocol = "TCP", appProtocol }) => {
    const port = numbers[name];
    return port === undefined
      ? []
      : [{ name, protocol, port, ...(appProtocol && { appProtocol }) }];
  });
}

function endpointOf(address: ServiceAddress, _: number): Endpoint {
  const { isReady, isServing, isTerminating, hostname, nodeName, pod } = address;
  return {
    addresses: [address.address],
    conditions: { ready: isReady, serving: isServing, terminating: isTerminating },
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    ...(pod && { targetRef: { kind: "Pod", name: pod.name, uid: pod.uid } }),
  };
}

function sliceOf(
  service: Service,
  content: {
    readonly name: string;
    readonly ports: readonly EndpointPort[];
    readonly endpoints: readonly Endpoint[];
  },
): EndpointSlice {
  const { namespace, name, uid, labels = {} } = service.metadata;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: content.name,
      namespace,
      uid: "",
      labels: {
        ...labels,
        [managedByLabel]: sliceController,
        [serviceNameLabel]: name,
        ...(isHeadless(service.spec) && { "service.kubernetes.io/headless": "" }),
      },
      ownerReferences: [
        {
          apiVersion: "v1",
          kind: "Service",
          name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    addressType: "IPv4",
    endpoints: content.endpoints,
    ports: content.ports,
  };
}
