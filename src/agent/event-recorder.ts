/**
 * Writes the events of pods and other objects. Events can wait: they are collected for a few milliseconds, so that
 * starting a container does not wait for its own announcement. The same event again raises the
 * count of the first one (Kubernetes tools/events: aggregation by object, reason and message).
 */
import { randomUUID } from "node:crypto";
import { type Clock, toTime } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { PodEvent } from "../pod/context.ts";
import type { Event } from "../spec/event.ts";
import type { StoredObject } from "../store/watch-event.ts";
import type { EventSink } from "./cluster-api.ts";

export interface EventRecorderOptions {
  readonly store: EventSink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
}

const flushDelayMs = 20;

interface Pending {
  readonly object: StoredObject;
  readonly event: PodEvent;
  readonly atMs: number;
  readonly component: string;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #pending: Pending[] = [];
  /** Names of the events that an object has, by what they say. */
  readonly #known = new Map<string, Map<string, string>>();
  #cancelFlush: (() => void) | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** @param component - who reports: "kubelet" or "default-scheduler", the words people grep for. */
  record(object: StoredObject, event: PodEvent, component = "kubelet"): void {
    const { clock } = this.#options;
    this.#pending.push({ object, event, atMs: clock.now(), component });
    this.#cancelFlush ??= clock.after(flushDelayMs, () => this.flush());
  }

  /** Writes what waits. */
  flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const pending = this.#pending.splice(0);
    if (pending.length === 0) return;
    const { store, log } = this.#options;
    try {
      const writeAll = (): void => {
        for (const each of pending) this.#write(each);
      };
      store.together(writeAll, { durable: false });
    } catch (error) {
      log.warn({ error: messageOf(error), lost: pending.length }, "cannot record events");
    }
  }

  /** The pod is gone: its events stay, new ones would be of another pod. */
  forget(uid: string): void {
    this.#known.delete(uid);
  }

  #write(pending: Pending): void {
    const { store } = this.#options;
    const { object, event, atMs } = pending;
    const { uid } = object.metadata;
    const namespace = namespaceOf(object);
    const names = this.#known.get(uid) ?? new Map<string, string>();
    this.#known.set(uid, names);
    const key = [event.type, event.reason, event.message, event.container?.name].join("\0");
    const name = names.get(key);
    const repeated =
      name === undefined
        ? undefined
        : store.mutate<Event>(
            "Event",
            namespace,
            name,
            (old) => ({ ...old, count: old.count + 1, lastTimestamp: toTime(atMs) }),
            { durable: false },
          );
    if (repeated) return;
    const created = this.#newEvent(pending);
    names.set(key, created.metadata.name);
    store.create(created, { durable: false });
  }

  #newEvent({ object, event, atMs, component }: Pending): Event {
    const { nodeName } = this.#options;
    const { apiVersion, kind } = object;
    const { name, uid, namespace: own } = object.metadata;
    const namespace = namespaceOf(object);
    const time = toTime(atMs);
    const { container } = event;
    const eventUid = randomUUID();
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: {
        name: `${name}.${eventUid.slice(-12)}`,
        namespace,
        uid: eventUid,
        creationTimestamp: time,
      },
      involvedObject: {
        apiVersion,
        kind,
        ...(own === "" ? {} : { namespace: own }),
        name,
        uid,
        ...(container === undefined
          ? {}
          : { fieldPath: `spec.${container.list}{${container.name}}` }),
      },
      type: event.type,
      reason: event.reason,
      message: event.message,
      source: { component, host: nodeName },
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
      reportingComponent: component,
      reportingInstance: nodeName,
    };
  }
}

/** Events about objects of the cluster are in the namespace "default". */
function namespaceOf({ metadata }: StoredObject): string {
  return metadata.namespace === "" ? "default" : metadata.namespace;
}
