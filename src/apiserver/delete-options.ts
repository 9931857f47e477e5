/**
 * How to delete, from the query and from a DeleteOptions body (kubectl sends both ways).
 * Source: Kubernetes API reference, meta/v1 DeleteOptions.
 */
import type { PropagationPolicy } from "../spec/deletion.ts";
import { badRequest } from "./problem.ts";
import type { Query } from "./query.ts";

export interface DeleteOptions {
  /** Seconds, 0..; absent: the pod's own. */
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: PropagationPolicy;
  readonly isDryRun: boolean;
  readonly preconditions: { readonly uid?: string; readonly resourceVersion?: string };
}

const policies = ["Background", "Foreground", "Orphan"] as const satisfies PropagationPolicy[];

/** Query parameters that the decoder below reads. */
export const deleteParameters: readonly string[] = [
  "gracePeriodSeconds",
  "propagationPolicy",
  "orphanDependents",
  "dryRun",
  "pretty",
];

/** @param body - parsed JSON or undefined. @throws RequestProblem 400 on anything unknown. */
export function decodeDeleteOptions(body: unknown, query: Query): DeleteOptions {
  const fromBody = decodeBody(body ?? {});
  const grace = query.integer("gracePeriodSeconds", 0) ?? fromBody.gracePeriodSeconds;
  const orphans = query.optionalFlag("orphanDependents");
  const policy =
    query.oneOf("propagationPolicy", policies) ??
    (orphans === undefined ? fromBody.propagationPolicy : orphans ? "Orphan" : "Background");
  return {
    ...(grace !== undefined && { gracePeriodSeconds: grace }),
    ...(policy !== undefined && { propagationPolicy: policy }),
    isDryRun: query.oneOf("dryRun", ["All"]) !== undefined || fromBody.isDryRun,
    preconditions: fromBody.preconditions,
  };
}

function decodeBody(body: unknown): DeleteOptions {
  let gracePeriodSeconds: number | undefined;
  let propagationPolicy: PropagationPolicy | undefined;
  let isDryRun = false;
  let preconditions: DeleteOptions["preconditions"] = {};
  for (const [field, value] of Object.entries(objectOf(body, "The body"))) {
    // As in every Kubernetes object, null is the same as absent.
    if (value === null) continue;
    switch (field) {
      case "kind":
        if (value !== "DeleteOptions") throw badRequest('kind: must be "DeleteOptions"');
        break;
      case "apiVersion":
        // Clients say the group of what they delete.
        if (typeof value !== "string") throw badRequest('apiVersion: must be "v1"');
        break;
      case "propagationPolicy":
        propagationPolicy = policies.find((policy) => policy === value);
        if (propagationPolicy === undefined) {
          throw badRequest(`propagationPolicy: must be ${policies.join(", ")}`);
        }
        break;
      case "orphanDependents":
        if (typeof value !== "boolean") throw badRequest("orphanDependents: must be true or false");
        propagationPolicy ??= value ? "Orphan" : "Background";
        break;
      case "gracePeriodSeconds":
        if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
          throw badRequest("gracePeriodSeconds: must be a whole number of at least 0");
        }
        gracePeriodSeconds = value;
        break;
      case "dryRun":
        if (!Array.isArray(value) || value.some((item) => item !== "All")) {
          throw badRequest('dryRun: must be ["All"]');
        }
        isDryRun = value.length > 0;
        break;
      case "preconditions":
        preconditions = decodePreconditions(value);
        break;
      default:
        throw badRequest(`${field}: is not a field of DeleteOptions that nspod supports`);
    }
  }
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(propagationPolicy !== undefined && { propagationPolicy }),
    isDryRun,
    preconditions,
  };
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
