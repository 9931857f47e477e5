/**
 * Objects of every kind through the API: what commands do with a resource of `spec/resources.ts`.
 *
 * T is the type of the kind in `kubernetes.gen.ts`; the daemon promises the shape. Objects of the cluster come without
 * a namespace on the wire and have "" here, as everywhere in nspod. Errors are the daemon's, worded as Kubernetes'.
 */
import type { Query } from "../base/format-query.ts";
import type { Event } from "../spec/event.ts";
import type { List } from "../spec/list.ts";
import type { ObjectMeta } from "../spec/meta.ts";
import { type KubernetesObject, type Resource, resourcePath } from "../spec/resources.ts";
import type { ApiClient, WatchEvent } from "./api-client.ts";

/** One object. `namespace` is "" for objects of the cluster. */
export interface ObjectName {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

/** Which objects of a resource. */
export interface Selection {
  readonly resource: Resource;
  /** "" is the cluster, or all namespaces. */
  readonly namespace: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** What every write may ask for. */
export interface WriteRequest {
  /** The daemon does everything but store it. */
  readonly isDryRun?: boolean;
  /** "status", "resize", "ephemeralcontainers". */
  readonly subresource?: string;
}

/** The kinds of patches that the daemon takes, by the word of `kubectl patch --type`. */
export const patchTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

export type PatchType = keyof typeof patchTypes;

export interface DeleteRequest {
  /** Only this incarnation: Conflict when another object has the name by now. */
  readonly uid?: string;
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly isDryRun?: boolean;
}

/** @throws PodError NotFound. */
export async function getObject<T extends KubernetesObject>(
  client: ApiClient,
  object: ObjectName,
): Promise<T> {
  return normalized(await client.json<T>("GET", pathOf(object)));
}

/** All of them: pages are put together. */
export async function listObjects<T extends KubernetesObject>(
  client: ApiClient,
  selection: Selection,
): Promise<List<T>> {
  const { resource, namespace } = selection;
  const list = await client.json<List<T>>("GET", resourcePath(resource, namespace), {
    query: queryOf(selection),
  });
  return { ...list, items: list.items.map(normalized) };
}

/** @throws PodError AlreadyExists; NotFound when the namespace does not exist. */
export async function createObject<T extends KubernetesObject>(
  client: ApiClient,
  resource: Resource,
  object: T,
  request: WriteRequest = {},
): Promise<T> {
  // As its author wrote it, an object of the cluster has no namespace at all.
  const { namespace = "" }: Partial<ObjectMeta> = object.metadata;
  const path = resourcePath(resource, namespace);
  const options = { body: object, query: writeQuery(request) };
  return normalized(await client.json<T>("POST", path, options));
}

/** @throws PodError Conflict when `metadata.resourceVersion` is set and not the stored one. */
export async function replaceObject<T extends KubernetesObject>(
  client: ApiClient,
  resource: Resource,
  object: T,
  request: WriteRequest = {},
): Promise<T> {
  const { namespace, name } = object.metadata;
  const path = pathOf({ resource, namespace, name }, request.subresource);
  const options = { body: object, query: writeQuery(request) };
  return normalized(await client.json<T>("PUT", path, options));
}

/** @param patch - a document, or for "json" a list of operations. */
export async function patchObject<T extends KubernetesObject>(
  client: ApiClient,
  object: ObjectName,
  patch: { readonly type: PatchType; readonly body: unknown },
  request: WriteRequest = {},
): Promise<T> {
  const options = {
    body: patch.body,
    contentType: patchTypes[patch.type],
    query: writeQuery(request),
  };
  return normalized(await client.json<T>("PATCH", pathOf(object, request.subresource), options));
}

/** Begins the deletion. @returns the object while something is left to do; undefined when it is gone already. */
export async function deleteObject<T extends KubernetesObject>(
  client: ApiClient,
  object: ObjectName,
  request: DeleteRequest = {},
): Promise<T | undefined> {
  const { uid, gracePeriodSeconds, propagationPolicy, isDryRun } = request;
  const answer = await client.json<T>("DELETE", pathOf(object), {
    query: writeQuery({ isDryRun: isDryRun === true }),
    body: {
      apiVersion: "v1",
      kind: "DeleteOptions",
      gracePeriodSeconds,
      propagationPolicy,
      ...(uid !== undefined && { preconditions: { uid } }),
    },
  });
  return answer.kind === "Status" ? undefined : normalized(answer);
}

/**
 * The changes after a revision; without one it begins with an ADDED of everything there is.
 * @throws PodError with data.reason "Expired" when the revision is too old.
 */
export async function* watchObjects<T extends KubernetesObject>(
  client: ApiClient,
  selection: Selection,
  options: { readonly from?: string; readonly signal: AbortSignal },
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const path = resourcePath(selection.resource, selection.namespace);
  const query = { ...queryOf(selection), resourceVersion: options.from };
  for await (const event of client.watch<T>(path, query, options.signal)) {
    yield { ...event, object: normalized(event.object) };
  }
}

/** The events about an object, and about no other that had its name. */
export async function eventsOf(
  client: ApiClient,
  { kind, metadata }: KubernetesObject,
): Promise<readonly Event[]> {
  const { namespace, name, uid } = metadata;
  const selector = `involvedObject.name=${name},involvedObject.kind=${kind}`;
  // Events of a node name it in the place of its uid, as kubelet's do.
  const fieldSelector = kind === "Node" ? selector : `${selector},involvedObject.uid=${uid}`;
  const resource = { apiVersion: "v1", plural: "events" };
  const list = await client.json<List<Event>>("GET", resourcePath(resource, namespace), {
    query: { fieldSelector },
  });
  return list.items;
}

function pathOf({ resource, namespace, name }: ObjectName, subresource?: string): string {
  const path = resourcePath(resource, namespace, encodeURIComponent(name));
  return subresource === undefined ? path : `${path}/${subresource}`;
}

function queryOf({ labelSelector, fieldSelector }: Selection): Query {
  return { labelSelector, fieldSelector };
}

function writeQuery({ isDryRun = false }: WriteRequest): Query {
  return { dryRun: isDryRun ? "All" : undefined };
}

function normalized<T extends KubernetesObject>(object: T): T {
  return {
    ...object,
    metadata: { ...object.metadata, namespace: object.metadata.namespace ?? "" },
  };
}
