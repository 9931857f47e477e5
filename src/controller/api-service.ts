/**
 * Keeps the Service `kubernetes` in `default` while the daemon listens on TCP: its virtual address, the first of the
 * prefix, leads to the listener, and every container learns of it by KUBERNETES_SERVICE_HOST and _PORT. Its one
 * EndpointSlice is written like anybody's for a Service without selector, so the packet rules need nothing special.
 *
 *   pod ─▶ 10.96.0.1:443 ─▶ 127.0.0.1:6443
 *
 * Source: Kubernetes, "Accessing the Kubernetes API from a Pod".
 */
import { defaultObject } from "../spec/admit.ts";
import { serviceNameLabel } from "../spec/endpoint-slice-rules.ts";
import type { EndpointSlice, Namespace, Service } from "../spec/kubernetes.gen.ts";
import type { Store } from "../store/store.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { keepObject } from "./keep-object.ts";
import type { CacheChange } from "./object-cache.ts";
import { apiAddress, apiServiceKey } from "./service-allocator.ts";

const [namespace = "", name = ""] = apiServiceKey.split("/");

/** They tell our Service from one that a user calls the same. */
const labels = { component: "apiserver", provider: "kubernetes" };

export interface ApiServiceOptions {
  readonly serviceSubnet: string;
  /** A Service with its address. @throws PodError when another one has it. */
  readonly allocate: (service: Service) => Service;
  /** Where the daemon listens, as pods' packets get there. */
  readonly address: string;
  readonly port: number;
}

/** Looks after the namespace that the Service is in. */
export class ApiService implements Controller<Namespace> {
  readonly kind = "Namespace";
  readonly dependents: readonly string[] = [];
  readonly #context: ControllerContext;
  readonly #options: ApiServiceOptions;

  constructor(context: ControllerContext, options: ApiServiceOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** When somebody changed the Service or its slice. */
  concerns({ object: { kind, metadata } }: CacheChange): Iterable<Namespace> {
    const isOurs = metadata.name === name && metadata.namespace === namespace;
    if (!isOurs || (kind !== "Service" && kind !== "EndpointSlice")) return [];
    const found = this.#context.cache.get<Namespace>(this.kind, "", namespace);
    return found === undefined ? [] : [found];
  }

  /** @throws PodError when another Service has its address. */
  reconcile({ metadata }: Namespace): undefined {
    if (metadata.name !== namespace) return;
    keepObject<Service>(this.#context, this.#options.allocate(this.#service()));
    keepObject<EndpointSlice>(this.#context, this.#slice());
  }

  #service(): Service {
    const { port, serviceSubnet } = this.#options;
    const service: Service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace, uid: "", labels },
      spec: {
        clusterIP: apiAddress(serviceSubnet),
        ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: port }],
      },
    };
    return { ...defaultObject(service, { randomSuffix: () => "" }), status: { loadBalancer: {} } };
  }

  #slice(): EndpointSlice {
    const { address, port } = this.#options;
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, namespace, uid: "", labels: { [serviceNameLabel]: name } },
      addressType: "IPv4",
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ name: "https", port, protocol: "TCP" }],
    };
  }
}

/** Takes the Service away that an earlier daemon published: nobody listens now. */
export function withdrawApiService(store: Store): void {
  const service = store.get<Service>("Service", namespace, name);
  const isOurs = Object.entries(labels).every(
    ([key, value]) => service?.metadata.labels?.[key] === value,
  );
  if (service === undefined || !isOurs) return;
  for (const { kind, metadata } of [
    service,
    store.get<EndpointSlice>("EndpointSlice", namespace, name),
  ].flatMap((object) => object ?? [])) {
    store.delete(kind, namespace, name, metadata.uid, { durable: false });
  }
}
