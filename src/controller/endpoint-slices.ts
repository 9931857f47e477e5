/**
 * Publishes what is behind each Service with a selector as EndpointSlices. Slices go with their Service: they name it
 * as their owner. Source: Kubernetes, "EndpointSlices"; discovery/v1.
 */
import { createHash } from "node:crypto";
import { newIdentity } from "../base/ids.ts";
import { serviceNameLabel } from "../spec/endpoint-slice-rules.ts";
import { firstDifference } from "../spec/first-difference.ts";
import type { Endpoint, EndpointPort, EndpointSlice, Service } from "../spec/kubernetes.gen.ts";
import { isHeadless } from "../spec/service-rules.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import type { CacheChange } from "./object-cache.ts";
import { controllerReference } from "./ownership.ts";
import {
  isBehind,
  isSelecting,
  managedByLabel,
  type ServiceAddress,
  type ServiceState,
  sliceController,
} from "./service-state.ts";

export interface EndpointSlicesContext extends ControllerContext {
  readonly services: ServiceState;
}

const mostEndpoints = 100;

export class EndpointSlices implements Controller<Service> {
  readonly kind = "Service";
  readonly dependents: readonly string[] = ["EndpointSlice"];
  readonly #context: EndpointSlicesContext;

  constructor(context: EndpointSlicesContext) {
    this.#context = context;
  }

  concerns({ object, previous }: CacheChange): Iterable<Service> {
    if (object.kind !== "Pod") return [];
    const states = previous === undefined ? [object] : [previous, object];
    return this.#context.cache
      .list<Service>("Service", object.metadata.namespace)
      .filter((service) => states.some(({ metadata }) => isBehind(service, metadata.labels)));
  }

  /** Without its Service a slice has no owner any more and is collected. */
  reconcile(service: Service): undefined {
    const { services, store, cache, clock } = this.#context;
    if (service.metadata.deletionTimestamp !== undefined) return;
    const { namespace } = service.metadata;
    const own = cache
      .owned<EndpointSlice>("EndpointSlice", service.metadata)
      .filter(({ metadata }) => metadata.labels?.[managedByLabel] === sliceController);
    const wanted = isSelecting(service) ? slicesOf(service, services.addresses(service)) : [];
    for (const slice of wanted) {
      const known = own.find(({ metadata }) => metadata.name === slice.metadata.name);
      if (known === undefined) {
        const metadata = { ...slice.metadata, ...newIdentity(clock.now()), generation: 1 };
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
  const { namespace, name, labels = {} } = service.metadata;
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
      ownerReferences: [controllerReference(service)],
    },
    addressType: "IPv4",
    endpoints: content.endpoints,
    ports: content.ports,
  };
}
