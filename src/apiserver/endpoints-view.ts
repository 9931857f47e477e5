/**
 * Endpoints, the form of EndpointSlices before there were slices: made from them whenever somebody reads.
 * kubectl before 1.27 shows them in `describe service`.
 * Source: Kubernetes API reference, v1 Endpoints; Kubernetes, "EndpointSlices".
 */

import type { EndpointAddress, EndpointSubset, Endpoints } from "../spec/endpoints.ts";
import type { Endpoint, EndpointSlice, Service } from "../spec/kubernetes.gen.ts";
import { notFound } from "../spec/object-problem.ts";
import { resourcePath } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";
import { answerList, answerObject, collectionPath, listParameters } from "./read-objects.ts";
import type { Exchange, Route } from "./router.ts";
import { endpointsResource as resource } from "./served-resources.ts";

const serviceLabel = "kubernetes.io/service-name";

/** The lists and the single object; there is no watch. */
export const endpointsRoutes: readonly Route[] = [
  ...[resourcePath(resource, ""), collectionPath(resource)].map(
    (path): Route => ({
      method: "GET",
      path,
      query: listParameters.filter((name) => name !== "watch"),
      handle: (exchange) => {
        const { store } = exchange.backend;
        const namespace = exchange.parameters.get("namespace") || undefined;
        const { items, resourceVersion } = store.list<Service>("Service", namespace);
        const endpoints = items.flatMap((service) => endpointsOf(store, service) ?? []);
        answerList(exchange, resource, { items: endpoints, resourceVersion });
      },
    }),
  ),
  {
    method: "GET",
    path: `${collectionPath(resource)}/{name}`,
    query: ["resourceVersion", "includeObject", "pretty"],
    handle: (exchange) => answerObject(exchange, findEndpoints(exchange)),
  },
];

function findEndpoints({ backend, parameters }: Exchange): Endpoints {
  const [namespace, name] = [parameters.get("namespace"), parameters.get("name")];
  const service = backend.store.get<Service>("Service", namespace, name);
  const endpoints = service && endpointsOf(backend.store, service);
  if (endpoints === undefined) throw notFound("Endpoints", name);
  return endpoints;
}

function endpointsOf(store: Store, { metadata }: Service): Endpoints | undefined {
  const slices = store
    .list<EndpointSlice>("EndpointSlice", metadata.namespace)
    .items.filter((slice) => slice.metadata.labels?.[serviceLabel] === metadata.name);
  return slices.length === 0 ? undefined : viewOf(metadata, slices);
}

/** @param metadata - of the Service. @param slices - its slices, at least one. */
export function viewOf(metadata: Service["metadata"], slices: readonly EndpointSlice[]): Endpoints {
  const { name, namespace, uid, creationTimestamp, labels } = metadata;
  const revisions = slices.map((slice) => Number(slice.metadata.resourceVersion ?? 0));
  const subsets = slices.flatMap(subsetOf);
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion: String(Math.max(...revisions)),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      ...(labels && { labels }),
    },
    ...(subsets.length > 0 && { subsets }),
  };
}

function subsetOf({ endpoints = [], ports = [] }: EndpointSlice): readonly EndpointSubset[] {
  const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready !== false;
  const ready = endpoints.filter(isReady).flatMap(addressesOf);
  const others = endpoints.filter((endpoint) => !isReady(endpoint)).flatMap(addressesOf);
  if (ready.length + others.length === 0) return [];
  return [
    {
      ...(ready.length > 0 && { addresses: ready }),
      ...(others.length > 0 && { notReadyAddresses: others }),
      ...(ports.length > 0 && { ports }),
    },
  ];
}

function addressesOf({
  addresses,
  nodeName,
  targetRef,
  hostname,
}: Endpoint): readonly EndpointAddress[] {
  return addresses.map((ip) => ({
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    ...(targetRef !== undefined && { targetRef }),
  }));
}
