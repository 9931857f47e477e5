/**
 * How to delete, from the query and from a DeleteOptions body (kubectl sends both ways).
 * Source: Kubernetes API reference, meta/v1 DeleteOptions.
 */
import { badRequest } from "./problem.ts";
import type { Query } from "./query.ts";

export interface DeleteOptions {
  /** Seconds, 0..; absent: the pod's own. */
  readonly gracePeriodSeconds?: number;
  readonly preconditions: { readonly uid?: string; readonly resourceVersion?: string };
}

// All three mean the same for pods, which own nothing.
const policies = ["Background", "Foreground", "Orphan"] as const;

/** @param body - parsed JSON or undefined. @throws RequestProblem 400 on anything unknown. */
export function decodeDeleteOptions(body: unknown, query: Query): DeleteOptions {
  query.oneOf("propagationPolicy", policies);
  const grace = query.integer("gracePeriodSeconds", 0);
  const given = decodeBody(body ?? {});
  const gracePeriodSeconds = grace ?? given.gracePeriodSeconds;
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    preconditions: given.preconditions,
  };
}

function decodeBody(body: unknown): DeleteOptions {
  let gracePeriodSeconds: number | undefined;
  let preconditions: DeleteOptions["preconditions"] = {};
  for (const [field, value] of Object.entries(objectOf(body, "The body"))) {
    switch (field) {
      case "kind":
        if (value !== "DeleteOptions") throw badRequest('kind: must be "DeleteOptions"');
        break;
      case "apiVersion":
        if (value !== "v1" && value !== "meta.k8s.io/v1") {
          throw badRequest('apiVersion: must be "v1"');
        }
        break;
      case "propagationPolicy":
        if (!policies.some((policy) => policy === value)) {
          throw badRequest(`propagationPolicy: must be ${policies.join(", ")}`);
        }
        break;
      case "gracePeriodSeconds":
        if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
          throw badRequest("gracePeriodSeconds: must be a whole number of at least 0");
        }
        gracePeriodSeconds = value;
        break;
      case "preconditions":
        preconditions = decodePreconditions(value);
        break;
      default:
        throw badRequest(`${field}: is not a field of DeleteOptions that nspod supports`);
    }
  }
  return { ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }), preconditions };
}

function decodePreconditions(value: unknown): DeleteOptions["preconditions"] {
  const { uid, resourceVersion, ...unknown } = objectOf(value, "preconditions");
  const [surplus] = Object.keys(unknown);
  if (surplus !== undefined) throw badRequest(`preconditions.${surplus}: is unknown`);
  return {
    ...(uid !== undefined && { uid: textOf(uid, "uid") }),
    ...(resourceVersion !== undefined && {
      resourceVersion: textOf(resourceVersion, "resourceVersion"),
    }),
  };
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw badRequest(`${what}: must be an object`);
}

function textOf(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw badRequest(`preconditions.${field}: must be text`);
}
