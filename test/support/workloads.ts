// Waiting for objects of any kind, and the workloads of test/manifests/workloads.yaml.
// Invariant: waiting follows the watch of the API, never the clock.
import { followObject } from "../../src/cli/follow-object.ts";
import { getObject, listObjects } from "../../src/cli/objects.ts";
import type { DaemonSet, Deployment, StatefulSet } from "../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { type KubernetesObject, type Resource, resourceOfKind } from "../../src/spec/resources.ts";
import { readManifests } from "./manifest-file.ts";
import { patient } from "./patience.ts";
import type { Pods } from "./pods.ts";

export function resource(kind: string): Resource {
  const found = resourceOfKind(kind);
  if (found === undefined) throw new Error(`"${kind}" is no kind that nspod serves`);
  return found;
}

/** Creates the workload of one kind. */
export async function createWorkload(pods: Pods, kind: string): Promise<void> {
  for (const object of readManifests("workloads")) {
    if (object.kind === kind) await pods.createObject(object);
  }
}

/** Follows an object until `check` is content. @throws Error with its last state after `ms`. */
export async function untilObject<T extends KubernetesObject>(
  { client }: Pods,
  kind: T["kind"],
  name: string,
  check: (object: T) => boolean,
  ms = 20_000,
): Promise<T> {
  const found = resource(kind);
  const at = { resource: found, namespace: found.isNamespaced ? "default" : "", name };
  let object = await getObject<T>(client, at);
  if (check(object)) return object;
  const signal = AbortSignal.timeout(patient(ms));
  for await (object of followObject<T>(client, at.resource, object, signal)) {
    if (check(object)) return object;
  }
  throw new Error(`Waited ${ms} ms in vain for ${kind} "${name}": ${JSON.stringify(object)}`);
}

/** The pods of an app that nobody has asked to end. */
export async function podsOf({ client }: Pods, app: string): Promise<readonly Pod[]> {
  const { items } = await listObjects<Pod>(client, {
    resource: resource("Pod"),
    namespace: "default",
    labelSelector: `app=${app}`,
  });
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Whether the controller has seen the last wish, and every pod is of it and available. */
export function isRolledOut(object: Deployment | StatefulSet | DaemonSet): boolean {
  if ((object.status?.observedGeneration ?? 0) < (object.metadata.generation ?? 0)) return false;
  if (object.kind === "DaemonSet") {
    const {
      desiredNumberScheduled = 0,
      updatedNumberScheduled,
      numberAvailable,
    } = object.status ?? {};
    return (
      desiredNumberScheduled === updatedNumberScheduled &&
      numberAvailable === updatedNumberScheduled
    );
  }
  const { replicas = 1 } = object.spec;
  const { updatedReplicas = 0, availableReplicas = 0, replicas: all = 0 } = object.status ?? {};
  return updatedReplicas === replicas && availableReplicas === replicas && all === replicas;
}
