/**
 * Keeps the ConfigMap kube-root-ca.crt in every namespace: with it a pod knows the API server when it meets it.
 * Works while the daemon listens on TCP. apiserver/pki.ts makes the certificate. Source: Kubernetes, "Managing
 * Service Accounts".
 */
import type { ConfigMap, Namespace } from "../spec/kubernetes.gen.ts";
import { rootCaKey, rootCaName } from "../spec/service-account-token.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { keepObject } from "./keep-object.ts";
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
    if (deletionTimestamp !== undefined) return;
    keepObject<ConfigMap>(this.#context, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: rootCaName, namespace, uid: "" },
      data: { [rootCaKey]: this.#certificate },
    });
  }
}
