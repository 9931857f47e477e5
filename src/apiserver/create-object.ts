/**
 * Creating objects. The door makes a body into a whole, defaulted and valid object with an identity; the backend
 * stores it. Source: Kubernetes API conventions, "Metadata", "Names"; API concepts, "Dry-run".
 */
import { isPodError } from "../base/errors.ts";
import { newIdentity } from "../base/ids.ts";
import { randomSuffix } from "../base/random-suffix.ts";
import { defaultObject, rulesOf, validateNew } from "../spec/admit.ts";
import { alreadyExists, invalid } from "../spec/object-problem.ts";
import type { KubernetesObject, Resource } from "../spec/resources.ts";
import { warningsOf } from "../spec/warnings.ts";
import { admitNew } from "./admission.ts";
import type { Admission } from "./backend.ts";
import { readJson } from "./body.ts";
import { decodeBody } from "./decode-body.ts";
import { admitFromNode } from "./node-admission.ts";
import { badRequest } from "./problem.ts";
import { collectionPath } from "./read-objects.ts";
import { type Exchange, type Route, sendObject } from "./router.ts";
import { addWarnings } from "./warning-header.ts";

/** Query parameters of every write; fieldManager only names the writer. */
export const writeParameters: readonly string[] = [
  "dryRun",
  "fieldManager",
  "fieldValidation",
  "pretty",
];

/** As many tries as the Kubernetes API server makes to find a free generated name. */
const nameAttempts = 8;

export function createRoute(resource: Resource): Route {
  return {
    method: "POST",
    path: collectionPath(resource),
    query: writeParameters,
    handle: async (exchange) => {
      const receivedMs = performance.now();
      await createObject(exchange, resource, await readJson(exchange.request), { receivedMs });
    },
  };
}

interface CreateContext {
  /** What only the server writes into its metadata. */
  readonly more?: object;
  /** When the request came in, of performance.now(). */
  readonly receivedMs?: number;
}

/**
 * Creates an object and answers with it.
 * @param value - its JSON.
 */
export async function createObject(
  exchange: Exchange,
  resource: Resource,
  value: unknown,
  { more = {}, receivedMs }: CreateContext = {},
): Promise<void> {
  const { response, query, backend, clock, parameters } = exchange;
  const body = decodeBody(exchange, resource, value);
  const isDryRun = query.oneOf("dryRun", ["All"]) !== undefined;
  const wish = inNamespace(body.object, parameters.get("namespace"));
  if (wish.metadata.resourceVersion) {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  addWarnings(response, [...body.warnings, ...warningsOf(wish)]);
  admitFromNode(exchange.user, wish);
  const admitted = admitNew(backend, wish);
  const isGenerated = wish.metadata.name === "";
  for (let attempt = 1; ; attempt++) {
    const identified = withIdentity(readyObject(admitted), clock.now());
    const object = { ...identified, metadata: { ...identified.metadata, ...more } };
    try {
      const { kind, metadata } = object;
      if (isDryRun && backend.store.get(kind, metadata.namespace, metadata.name) !== undefined) {
        throw alreadyExists(kind, metadata.name);
      }
      const created = isDryRun ? object : await backend.createObject(object, receivedMs);
      return sendObject(response, 201, created);
    } catch (error) {
      if (!isGenerated || attempt === nameAttempts || !isPodError(error, "AlreadyExists")) {
        throw error;
      }
    }
  }
}

/** The object with defaults and the status that it begins with. @throws PodError InvalidArgument with every issue. */
export function readyObject<T extends KubernetesObject>(wish: T): T {
  const { hasStatus = false, begin } = rulesOf(wish.kind);
  const { status: _, ...rest } = wish as T & { readonly status?: unknown };
  // Only the status is gone, which no kind must have.
  const object = defaultObject((hasStatus ? rest : wish) as T, { randomSuffix });
  const issues = validateNew(object);
  if (issues.length > 0) throw invalid(object.kind, object.metadata.name, issues);
  return begin === undefined ? object : (begin(object) as T);
}

/**
 * An object as a controller makes it, which passes the same door: admitted, defaulted, valid, with an identity.
 * @throws PodError as for a request.
 */
export function newObject<T extends KubernetesObject>(
  admission: Admission,
  wish: T,
  nowMs: number,
): T {
  // Each step gives the kind that it gets.
  return withIdentity(readyObject(admitNew(admission, wish)), nowMs) as T;
}

/** What only the server writes. */
function withIdentity(object: KubernetesObject, nowMs: number): KubernetesObject {
  const {
    deletionTimestamp: _,
    deletionGracePeriodSeconds: __,
    generation: ___,
    ...metadata
  } = object.metadata;
  const { hasGeneration, identify } = rulesOf(object.kind);
  const identified = {
    ...object,
    metadata: {
      ...metadata,
      ...newIdentity(nowMs),
      ...(hasGeneration && { generation: 1 }),
    },
  };
  return identify?.(identified) ?? identified;
}

/** @throws RequestProblem 400 when the object names another namespace than the path. */
export function inNamespace<T extends KubernetesObject>(object: T, namespace: string): T {
  const own = object.metadata.namespace;
  if (own !== "" && own !== namespace) {
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request: got "${own}", the path says "${namespace}"`,
    );
  }
  return { ...object, metadata: { ...object.metadata, namespace } };
}
