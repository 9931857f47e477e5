/** The form that EndpointSlices had before there were slices. Source: Kubernetes API reference, v1 Endpoints. */
import type { EndpointPort, ObjectReference } from "./kubernetes.gen.ts";
import type { KubernetesObject } from "./resources.ts";

export interface Endpoints extends KubernetesObject {
  readonly apiVersion: "v1";
  readonly kind: "Endpoints";
  readonly subsets?: readonly EndpointSubset[];
}

/** Addresses that have the same ports. */
export interface EndpointSubset {
  readonly addresses?: readonly EndpointAddress[];
  readonly notReadyAddresses?: readonly EndpointAddress[];
  readonly ports?: readonly EndpointPort[];
}

export interface EndpointAddress {
  readonly ip: string;
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly targetRef?: ObjectReference;
}

/** Every ready address with every port, `10.0.0.2:80`. */
export function endpointWords({ subsets = [] }: Endpoints): readonly string[] {
  return subsets.flatMap(({ addresses = [], ports = [] }) =>
    addresses.flatMap(({ ip }) =>
      ports.length === 0 ? [ip] : ports.map(({ port }) => `${ip}:${port ?? "*"}`),
    ),
  );
}
