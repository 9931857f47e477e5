/**
 * An event in the form of events.k8s.io/v1, which names some fields anew. Events are stored as core/v1 has them.
 * Pure. Source: Kubernetes API reference, events.k8s.io/v1 Event; conversion by the API server.
 */
import type { Event } from "./kubernetes.gen.ts";

export const newerEventVersion = "events.k8s.io/v1";

/** Field of core/v1 → its name in events.k8s.io/v1, for those that are called otherwise. */
const newNames: Readonly<Partial<Record<keyof Event, string>>> = {
  count: "deprecatedCount",
  firstTimestamp: "deprecatedFirstTimestamp",
  involvedObject: "regarding",
  lastTimestamp: "deprecatedLastTimestamp",
  message: "note",
  reportingComponent: "reportingController",
  source: "deprecatedSource",
};

export function newerEvent(event: Event): object {
  const fields = Object.entries(event).map(([field, value]) => [
    newNames[field as keyof Event] ?? field,
    value as unknown,
  ]);
  return { eventTime: null, ...Object.fromEntries(fields), apiVersion: newerEventVersion };
}

/** `regarding.name` → `involvedObject.name`: fields to select by. */
export function storedEventField(field: string): string {
  const [first = "", ...rest] = field.split(".");
  const [known = first] = Object.entries(newNames).find(([, newName]) => newName === first) ?? [];
  return [known, ...rest].join(".");
}
