/**
 * Deleting one object or all that match. The answer is the object while something is left to do, else a Status.
 * Source: Kubernetes API reference, DeleteOptions; API concepts, "Deletion".
 */
import { groupOf } from "../spec/object-problem.ts";
import type { KubernetesObject, Resource } from "../spec/resources.ts";
import type { Deletion } from "../store/delete-object.ts";
import { admitDeletion } from "./admission.ts";
import { readJson } from "./body.ts";
import { checkPreconditions } from "./change-object.ts";
import { type DeleteOptions, decodeDeleteOptions, deleteParameters } from "./delete-options.ts";
import type { Status } from "./problem.ts";
import { collectionPath, findObject, listParameters, objectPath } from "./read-objects.ts";
import {
  type Exchange,
  type Route,
  sendJson,
  sendObject,
  servedVersion,
  shownObject,
} from "./router.ts";
import { Selection } from "./selection.ts";

export function deleteRoutes(resource: Resource): readonly Route[] {
  return [
    {
      method: "DELETE",
      path: objectPath(resource),
      query: deleteParameters,
      handle: (exchange) => deleteOne(exchange, resource),
    },
    {
      method: "DELETE",
      path: collectionPath(resource),
      query: [...new Set([...deleteParameters, ...listParameters])],
      handle: (exchange) => deleteAll(exchange, resource),
    },
  ];
}

async function deleteOne(exchange: Exchange, resource: Resource): Promise<void> {
  const { request, response, query } = exchange;
  const options = decodeDeleteOptions(await readJson(request), query);
  const current = findObject<KubernetesObject>(exchange, resource.kind);
  const { object, isGone } = await deleteObject(exchange, current, options);
  if (isGone) sendJson(response, 200, success(resource, object));
  else sendObject(response, 200, object);
}

async function deleteAll(exchange: Exchange, resource: Resource): Promise<void> {
  const { request, response, query, backend, parameters } = exchange;
  const { kind, apiVersion } = resource;
  const options = decodeDeleteOptions(await readJson(request), query);
  const selection = new Selection(query, kind);
  const namespace = parameters.get("namespace") || undefined;
  const all = backend.store.list<KubernetesObject>(kind, namespace).items;
  const wanted = all.filter((object) => selection.matches(object));
  const deletions = await Promise.all(
    wanted.map((object) => deleteObject(exchange, object, options)),
  );
  sendJson(response, 200, {
    kind: `${kind}List`,
    apiVersion,
    metadata: { resourceVersion: backend.store.resourceVersion },
    items: deletions.map(({ object }) => shownObject(object, servedVersion(response))),
  });
}

async function deleteObject(
  { backend }: Exchange,
  current: KubernetesObject,
  { preconditions, isDryRun, gracePeriodSeconds, propagationPolicy }: DeleteOptions,
): Promise<Deletion<KubernetesObject>> {
  checkPreconditions(current, preconditions);
  admitDeletion(current);
  if (isDryRun) return { object: current, isGone: false };
  return await backend.deleteObject(current, {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(propagationPolicy !== undefined && { propagationPolicy }),
  });
}

function success({ plural, apiVersion }: Resource, { metadata }: KubernetesObject): Status {
  const group = groupOf(apiVersion);
  const { name, uid } = metadata;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(group !== "" && { group }), kind: plural, uid },
  };
}
