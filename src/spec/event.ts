/**
 * Event of core/v1: what happened to an object, in the words that `kubectl describe` shows.
 * Source: Kubernetes API reference, core/v1 Event.
 */

import type { ObjectMeta } from "./meta.ts";

/** The object that an event speaks about; `fieldPath` narrows it to one container. */
export interface ObjectReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** For example `spec.containers{web}`. */
  readonly fieldPath?: string;
}

/** Who reported the event. */
export interface EventSource {
  readonly component?: string;
  readonly host?: string;
}

/** One event; repeated events raise `count` and move `lastTimestamp` (RFC 3339). */
export interface Event {
  readonly apiVersion: "v1";
  readonly kind: "Event";
  readonly metadata: ObjectMeta;
  readonly involvedObject: ObjectReference;
  readonly type: "Normal" | "Warning";
  /** Short and machine-readable: `Pulled`, `BackOff`, `Killing`. */
  readonly reason: string;
  readonly message: string;
  readonly source: EventSource;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly count: number;
  readonly reportingComponent: string;
  readonly reportingInstance: string;
}
