/**
 * Replacing and patching objects, whole or by part. Between reading the stored object and writing the next one
 * nothing waits, so a write without a resourceVersion never conflicts.
 * Source: Kubernetes API conventions, "Concurrency Control and Consistency"; API concepts, "Updates to existing
 * resources".
 */
import { randomSuffix } from "../base/ids.ts";
import { defaultObject } from "../spec/admit.ts";
import { firstDifference } from "../spec/first-difference.ts";
import { conflict, invalid } from "../spec/object-problem.ts";
import type { KubernetesObject, Resource } from "../spec/resources.ts";
import { warningsOf } from "../spec/warnings.ts";
import { admitChange, withAdmitted } from "./admission.ts";
import { mediaTypeOf, readJson } from "./body.ts";
import { inNamespace, writeParameters } from "./create-object.ts";
import { decodeBody } from "./decode-body.ts";
import { type ObjectPart, wholeObject, withGeneration } from "./object-part.ts";
import { applyPatch, patchMediaTypes } from "./patch-body.ts";
import { badRequest } from "./problem.ts";
import { findObject, objectPath, readRoute } from "./read-objects.ts";
import { type Exchange, type Route, sendObject } from "./router.ts";
import { addWarnings } from "./warning-header.ts";

/** The routes that change one part of the objects of a resource; a part of its own can be read there, too. */
export function changeRoutes(resource: Resource, part: ObjectPart): readonly Route[] {
  const { subresource } = part;
  const path = objectPath(resource) + (subresource === "" ? "" : `/${subresource}`);
  return [
    ...(subresource === "" ? [] : [readRoute(resource.kind, path)]),
    {
      method: "PUT",
      path,
      query: writeParameters,
      handle: async (exchange) => {
        const body = await readJson(exchange.request);
        await changeObject(exchange, { resource, part, change: () => body });
      },
    },
    {
      method: "PATCH",
      path,
      query: writeParameters,
      handle: async (exchange) => {
        const patch = await readJson(exchange.request, patchMediaTypes);
        const type = mediaTypeOf(exchange.request.headers["content-type"] ?? "");
        const change = (current: KubernetesObject): unknown =>
          applyPatch(type, current, patch, resource.kind);
        await changeObject(exchange, { resource, part, change });
      },
    },
  ];
}

interface Change {
  readonly resource: Resource;
  readonly part: ObjectPart;
  /** The body as it would have been sent whole. */
  readonly change: (current: KubernetesObject) => unknown;
}

async function changeObject(exchange: Exchange, { resource, part, change }: Change): Promise<void> {
  const { query, backend, response } = exchange;
  const current = findObject<KubernetesObject>(exchange, resource.kind);
  const body = decodeBody(exchange, resource, change(current));
  const wish = defaultObject(identified(exchange, body.object), { randomSuffix });
  checkPreconditions(current, wish.metadata);
  const next = withGeneration(part.take(withAdmitted(wish, current), current), current);
  const issues = part.check(next, current);
  if (issues.length > 0) throw invalid(resource.kind, current.metadata.name, issues);
  if (part === wholeObject) admitChange(backend.store, next, current);
  addWarnings(response, [...body.warnings, ...warningsOf(wish)]);
  const isDryRun = query.oneOf("dryRun", ["All"]) !== undefined;
  const isSame = firstDifference(current, next, "") === undefined;
  if (isSame) return sendObject(response, 200, current);
  sendObject(response, 200, isDryRun ? next : await backend.replaceObject(next));
}

/** @throws RequestProblem 400 when the body says it is another object than the path does. */
function identified({ parameters }: Exchange, object: KubernetesObject): KubernetesObject {
  const name = parameters.get("name");
  if (object.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  return inNamespace(object, parameters.get("namespace"));
}

/** @throws PodError Conflict. */
export function checkPreconditions(
  current: KubernetesObject,
  wanted: { readonly uid?: string; readonly resourceVersion?: string },
): void {
  const { kind, metadata } = current;
  const { uid = "", resourceVersion = "" } = wanted;
  if (uid !== "" && uid !== metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`;
    throw conflict(kind, metadata.name, why);
  }
  if (resourceVersion !== "" && resourceVersion !== metadata.resourceVersion) {
    throw conflict(kind, metadata.name);
  }
}
