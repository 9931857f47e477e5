/**
 * What the door serves beside the kinds that are stored: older versions of them, and kinds of which there are none.
 * Both are for clients that would not go on without: kubectl before 1.21 makes CronJobs and PodDisruptionBudgets in
 * v1beta1, and `apply --prune` asks for every kind of a fixed list before it removes anything.
 */
import { newerEventVersion } from "../spec/newer-event.ts";
import { type Resource, resourceOfKind, resources } from "../spec/resources.ts";

/** Other names of stored kinds: the fields are the same. */
export const olderResources: readonly Resource[] = [
  ...olderVersion("CronJob", "batch/v1beta1"),
  ...olderVersion("PodDisruptionBudget", "policy/v1beta1"),
];

function olderVersion(kind: string, apiVersion: string): readonly Resource[] {
  const resource = resourceOfKind(kind);
  return resource === undefined ? [] : [{ ...resource, apiVersion }];
}

export interface AbsentResource extends Resource {
  /** What to use in its place. */
  readonly advice: string;
}

const ingress = {
  kind: "Ingress",
  plural: "ingresses",
  singular: "ingress",
  shortNames: ["ing"],
  isNamespaced: true,
  advice: "use a Service of type NodePort and a proxy in a pod",
} as const;

/** Lists of these are empty, and nothing can be made. */
export const absentResources: readonly AbsentResource[] = [
  {
    kind: "ReplicationController",
    apiVersion: "v1",
    plural: "replicationcontrollers",
    singular: "replicationcontroller",
    shortNames: ["rc"],
    isNamespaced: true,
    advice: "use a Deployment",
  },
  { ...ingress, apiVersion: "networking.k8s.io/v1" },
  { ...ingress, apiVersion: "extensions/v1beta1" },
];

/** Endpoints as they were before EndpointSlices: a view of these. */
export const endpointsResource: Resource = {
  kind: "Endpoints",
  apiVersion: "v1",
  plural: "endpoints",
  singular: "endpoints",
  shortNames: ["ep"],
  isNamespaced: true,
};

/** Events as events.k8s.io/v1 has them: to be read. They are written as core/v1 has them. */
export const newerEventsResource: Resource = {
  kind: "Event",
  apiVersion: newerEventVersion,
  plural: "events",
  singular: "event",
  shortNames: ["ev"],
  isNamespaced: true,
};

/** Every resource that has object verbs, the version that is preferred first. */
export const writableResources: readonly Resource[] = [...resources, ...olderResources];

/** Resources that can only be read. */
export const readableResources: readonly Resource[] = [
  endpointsResource,
  newerEventsResource,
  ...absentResources,
];

/** The version that objects of a served kind are stored in. */
export function storedVersion({ kind, apiVersion }: Resource): string {
  return resourceOfKind(kind)?.apiVersion ?? apiVersion;
}
