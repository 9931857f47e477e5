/**
 * Replacing and patching objects, whole or by part. Between reading the stored object and writing the next one
 * nothing waits, so a write without a resourceVersion never conflicts.
 * Source: Kubernetes API conventions, "Concurrency Control and Consistency"; API concepts, "Updates to existing
 * resources".
 */
import { toTime } from "../base/clock.ts";
import { randomSuffix } from "../base/random-suffix.ts";
import { defaultObject } from "../spec/admit.ts";
import { firstDifference } from "../spec/first-difference.ts";
import { conflict, invalid } from "../spec/object-problem.ts";
import type { KubernetesObject, Resource } from "../spec/resources.ts";
import { isObject } from "../spec/schema.ts";
import { applyConfiguration, type FieldManager, type Writer } from "../spec/server-side-apply.ts";
import { warningsOf } from "../spec/warnings.ts";
import { admitChange, withAdmitted } from "./admission.ts";
import { mediaTypeOf, readJson } from "./body.ts";
import { createObject, inNamespace, writeParameters } from "./create-object.ts";
import { decodeBody } from "./decode-body.ts";
import { applyConflict, applyMediaType, managersOf, withManagers } from "./field-managers.ts";
import { admitChangeFromNode } from "./node-admission.ts";
import { type ObjectPart, wholeObject, withGeneration } from "./object-part.ts";
import { todaysBody } from "./older-body.ts";
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
        const isOlder = part.subresource === "ephemeralcontainers";
        const change = (current: KubernetesObject): unknown =>
          isOlder ? todaysBody(body, current) : body;
        await changeObject(exchange, { resource, part, change });
      },
    },
    {
      method: "PATCH",
      path,
      query: [...writeParameters, "force"],
      handle: async (exchange) => {
        const isWhole = part === wholeObject;
        const types = isWhole ? [...patchMediaTypes, applyMediaType] : patchMediaTypes;
        const patch = await readJson(exchange.request, types);
        const type = mediaTypeOf(exchange.request.headers["content-type"] ?? "");
        if (isWhole && type === applyMediaType) {
          await applyObject(exchange, resource, patch);
          return;
        }
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
  /** Who has which field afterwards; absent: whoever wrote has what has changed. */
  readonly managers?: readonly FieldManager[];
}

/** Server-side apply: makes the object, or merges what one writer wants into it. */
async function applyObject(exchange: Exchange, resource: Resource, body: unknown): Promise<void> {
  const { query, backend, clock, parameters } = exchange;
  const { kind, apiVersion } = resource;
  const [namespace, name] = [parameters.get("namespace"), parameters.get("name")];
  const manager = query.text("fieldManager");
  if (manager === undefined) throw badRequest('Parameter "fieldManager" is required for apply');
  if (!isObject(body)) throw badRequest("What is applied must be an object");
  const metadata = isObject(body["metadata"]) ? body["metadata"] : {};
  if (metadata["managedFields"] !== undefined) {
    throw badRequest("metadata.managedFields must not be set in what is applied");
  }
  const configuration = { ...body, metadata: { name, ...metadata } };
  const writer: Writer = { manager, apiVersion, time: toTime(clock.now()) };
  const current = backend.store.get<KubernetesObject>(kind, namespace, name);
  const managers = current === undefined ? [] : managersOf(current);
  const applied = applyConfiguration(
    { current: { ...current }, configuration, kind, managers },
    writer,
  );
  if (current === undefined) {
    await createObject(exchange, resource, configuration, {
      more: { managedFields: applied.managers },
    });
    return;
  }
  if (applied.conflicts.length > 0 && !query.flag("force")) {
    throw applyConflict(applied.conflicts);
  }
  const change = (): unknown => applied.object;
  const { managers: next } = applied;
  await changeObject(exchange, { resource, part: wholeObject, change, managers: next });
}

async function changeObject(
  exchange: Exchange,
  { resource, part, change, managers }: Change,
): Promise<void> {
  const { query, backend, response, clock } = exchange;
  const current = findObject<KubernetesObject>(exchange, resource.kind);
  const body = decodeBody(exchange, resource, change(current));
  const wish = defaultObject(identified(exchange, body.object), { randomSuffix });
  checkPreconditions(current, wish.metadata);
  const taken = withGeneration(part.take(withAdmitted(wish, current), current), current);
  const manager = query.text("fieldManager") ?? "unknown";
  const writer: Writer = { manager, apiVersion: resource.apiVersion, time: toTime(clock.now()) };
  const next = withManagers(taken, current, writer, managers);
  const issues = part.check(next, current, backend.nodeName);
  if (issues.length > 0) throw invalid(resource.kind, current.metadata.name, issues);
  admitChangeFromNode(exchange.user, next, current);
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
