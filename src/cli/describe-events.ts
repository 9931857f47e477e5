/** The events at the end of every description. Pure. */

import { age } from "../spec/age.ts";
import type { Event } from "../spec/event.ts";
import { lines, none, tableBlock } from "./describe-layout.ts";
import { compareEvents } from "./sort-objects.ts";

export function describeEvents(events: readonly Event[], nowMs: number): readonly string[] {
  if (events.length === 0) return lines([["Events", none]]);
  const rows = [...events]
    .sort(compareEvents)
    .map((event) => [
      event.type,
      event.reason,
      eventAge(event, nowMs),
      event.source?.component || event.reportingComponent,
      (event.message ?? "").trim(),
    ]);
  return tableBlock("Events", ["Type", "Reason", "Age", "From", "Message"], rows);
}

/** `30s (x12 over 10m)`. */
export function eventAge(event: Event, nowMs: number): string {
  const last = age(event.lastTimestamp || event.metadata.creationTimestamp, nowMs);
  return event.count > 1
    ? `${last} (x${event.count} over ${age(event.firstTimestamp, nowMs)})`
    : last;
}
