/**
 * Keeps the ConfigMap kube-root-ca.crt in every namespace: with it a pod knows the API server when it meets it.
 * Works while the daemon listens on TCP. apiserver/pki.ts makes the certificate. Source: Kubernetes, "Managing
 * Service Accounts".
 */
import { toTime } from "../base/clock.ts";
import { newPodUid } from "../base/ids.ts";
import type { ConfigMap, Namespace } from "../spec/kubernetes.gen.ts";
import { rootCaKey, rootCaName } from "../spec/service-account-token.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import type { CacheChange } from "./object-cache.ts";

export class RootCaPublisher implements Controller<Namespace> {
  readonly kind = "Namespace";
  readonly dependents: readonly string[] = [];
  readonly #context: ControllerContext;
  readonly #certificate: string;

  /** @param certificate - PEM of the authority. */
  constructor(context: ControllerContext, certificate: string) {
    this.#context = context;
    this.#certificate = certificate;
  }

  /** The namespace whose ConfigMap somebody changed. */
  concerns({ object: { kind, metadata } }: CacheChange): Iterable<Namespace> {
    if (kind !== "ConfigMap" || metadata.name !== rootCaName) return [];
    const namespace = this.#context.cache.get<Namespace>(this.kind, "", metadata.namespace);
    return namespace === undefined ? [] : [namespace];
  }

  reconcile({ metadata: { name: namespace, deletionTimestamp } }: Namespace): undefined {
    const { store, clock } = this.#context;
    if (deletionTimestamp !== undefined) return;
    const data = { [rootCaKey]: this.#certificate };
    const known = store.get<ConfigMap>("ConfigMap", namespace, rootCaName);
    if (known === undefined) {
      const creationTimestamp = toTime(clock.now());
      const metadata = { name: rootCaName, namespace, uid: newPodUid(), creationTimestamp };
      const object: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata, data };
      store.create(object, { durable: false });
    } else if (JSON.stringify(known.data) !== JSON.stringify(data)) {
      store.update<ConfigMap>({ ...known, data }, { durable: false });
    }
  }
}
