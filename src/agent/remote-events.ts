/**
 * Events for an API server: sent in order, in the background. What cannot be sent is dropped: events are news, and
 * nothing depends on them.
 */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { StoredObject } from "../store/watch-event.ts";
import type { EventSink } from "./cluster-api.ts";
import type { KubernetesClient } from "./kubernetes-client.ts";

/** Those that may happen again and raise a count. */
const mostKnown = 1000;

/** More than this waits for a server that does not answer: the oldest go. */
const mostWaiting = 1000;

interface Send {
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly body: StoredObject;
}

export class RemoteEvents implements EventSink {
  readonly #client: Pick<KubernetesClient, "json">;
  readonly #log: Logger;
  readonly #known = new Map<string, StoredObject>();
  readonly #waiting: Send[] = [];
  #isSending = false;

  constructor(client: Pick<KubernetesClient, "json">, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  create<T extends StoredObject>(object: T): T {
    this.#remember(object);
    this.#send({ method: "POST", path: collectionOf(object), body: withoutIdentity(object) });
    return object;
  }

  mutate<T extends StoredObject>(
    kind: string,
    namespace: string,
    name: string,
    change: (current: T) => T,
  ): T | undefined {
    // What was created here under this name is what is asked for.
    const known = this.#known.get(`${kind}/${namespace}/${name}`) as T | undefined;
    if (known === undefined) return undefined;
    const next = change(known);
    this.#remember(next);
    const path = `${collectionOf(next)}/${name}`;
    this.#send({ method: "PUT", path, body: withoutIdentity(next) });
    return next;
  }

  together(work: () => void): void {
    work();
  }

  #remember(object: StoredObject): void {
    const { kind, metadata } = object;
    const key = `${kind}/${metadata.namespace}/${metadata.name}`;
    this.#known.delete(key);
    this.#known.set(key, object);
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostKnown && oldest !== undefined) this.#known.delete(oldest);
  }

  #send(send: Send): void {
    this.#waiting.push(send);
    if (this.#waiting.length > mostWaiting) this.#waiting.shift();
    if (!this.#isSending) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#isSending = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { method, path, body } = next;
      try {
        await this.#client.json(method, path, { body });
      } catch (error) {
        this.#log.debug({ event: body.metadata.name, error: messageOf(error) }, "lost an event");
      }
    }
    this.#isSending = false;
  }
}

function collectionOf({ metadata }: StoredObject): string {
  return `/api/v1/namespaces/${metadata.namespace}/events`;
}

/** The server gives these. */
function withoutIdentity(object: StoredObject): StoredObject {
  const { name, namespace } = object.metadata;
  return { ...object, metadata: { name, namespace } as StoredObject["metadata"] };
}
