/**
 * Keeps the ConfigMap kube-root-ca.crt in every namespace: with it a pod knows the API server when it meets it.
 * Works while the daemon listens on TCP. apiserver/pki.ts makes the certificate. Source: Kubernetes, "Managing
 * Service Accounts".
 */
import { toTime } from "../base/clock.ts";
import { newPodUid } from "../base/ids.ts";
import type { ConfigMap, Namespace } from "../spec/kubernetes.gen.ts";
import { rootCaKey, rootCaName } from "../spec/service-account-token.ts";
import type { ControllerOptions } from "./garbage-collector.ts";
import { KeyQueue } from "./key-queue.ts";

export interface RootCaPublisherOptions extends ControllerOptions {
  /** PEM of the authority. */
  readonly certificate: string;
}

export class RootCaPublisher implements Disposable {
  readonly #options: RootCaPublisherOptions;
  readonly #queue: KeyQueue;
  #unfollow: () => void = () => undefined;

  constructor(options: RootCaPublisherOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (name) => this.#reconcile(name) });
  }

  /** Publishes in every namespace before it returns, so that no pod waits. */
  start(): void {
    const { store } = this.#options;
    this.#unfollow = store.follow(({ type, object: { kind, metadata } }) => {
      if (kind === "Namespace" && type === "ADDED") this.#queue.add(metadata.name);
      if (kind === "ConfigMap" && metadata.name === rootCaName) this.#queue.add(metadata.namespace);
    });
    for (const { metadata } of store.list<Namespace>("Namespace").items) {
      this.#reconcile(metadata.name);
    }
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#queue[Symbol.dispose]();
  }

  #reconcile(namespace: string): undefined {
    const { store, clock, certificate } = this.#options;
    const found = store.get<Namespace>("Namespace", "", namespace);
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return;
    const data = { [rootCaKey]: certificate };
    const known = store.get<ConfigMap>("ConfigMap", namespace, rootCaName);
    if (known === undefined) {
      const metadata = {
        name: rootCaName,
        namespace,
        uid: newPodUid(),
        creationTimestamp: toTime(clock.now()),
      };
      const object: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata, data };
      store.create(object, { durable: false });
    } else if (known.data?.[rootCaKey] !== certificate || Object.keys(known.data).length > 1) {
      store.update<ConfigMap>({ ...known, data }, { durable: false });
    }
  }
}
