/**
 * `deployments/NAME/scale` and those of other kinds with replicas: the size alone, in the same form for every kind.
 * Source: Kubernetes API reference, autoscaling/v1 Scale.
 */
import { schemaOf } from "../spec/definition-schema.ts";
import { IssueList, messageText } from "../spec/field-issue.ts";
import type { LabelSelector, Scale } from "../spec/kubernetes.gen.ts";
import { invalid } from "../spec/object-problem.ts";
import type { KubernetesObject, Resource } from "../spec/resources.ts";
import { isObject } from "../spec/schema.ts";
import { mediaTypeOf, readJson } from "./body.ts";
import { checkPreconditions } from "./change-object.ts";
import { writeParameters } from "./create-object.ts";
import { withGeneration } from "./object-part.ts";
import { applyPatch, patchMediaTypes } from "./patch-body.ts";
import { badRequest } from "./problem.ts";
import { answerObject, findObject, objectPath } from "./read-objects.ts";
import { type Exchange, type Route, sendObject } from "./router.ts";

interface Scaled extends KubernetesObject {
  readonly spec: { readonly replicas?: number; readonly selector: LabelSelector };
  readonly status?: { readonly replicas?: number };
}

const scaledKinds: readonly string[] = ["Deployment", "ReplicaSet", "StatefulSet"];

export function hasScale({ kind }: Resource): boolean {
  return scaledKinds.includes(kind);
}

export function scaleRoutes(resource: Resource): readonly Route[] {
  const path = `${objectPath(resource)}/scale`;
  const find = (exchange: Exchange): Scaled => findObject<Scaled>(exchange, resource.kind);
  return [
    {
      method: "GET",
      path,
      query: ["includeObject", "pretty"],
      handle: (exchange) => answerObject(exchange, scaleOf(find(exchange))),
    },
    {
      method: "PUT",
      path,
      query: writeParameters,
      handle: async (exchange) => {
        const body = await readJson(exchange.request);
        await changeScale(exchange, find(exchange), body);
      },
    },
    {
      method: "PATCH",
      path,
      query: writeParameters,
      handle: async (exchange) => {
        const patch = await readJson(exchange.request, patchMediaTypes);
        const type = mediaTypeOf(exchange.request.headers["content-type"] ?? "");
        const current = find(exchange);
        await changeScale(exchange, current, applyPatch(type, scaleOf(current), patch, "Scale"));
      },
    },
  ];
}

async function changeScale(exchange: Exchange, current: Scaled, body: unknown): Promise<void> {
  const { query, backend, response } = exchange;
  const scale = decodeScale(body);
  const { name } = current.metadata;
  if (scale.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${scale.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  checkPreconditions(current, scale.metadata);
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0) {
    const message = `must be greater than or equal to 0: got ${replicas}`;
    throw invalid("Scale", name, [{ path: "spec.replicas", message }]);
  }
  const next: Scaled = { ...current, spec: { ...current.spec, replicas } };
  const isDryRun = query.oneOf("dryRun", ["All"]) !== undefined;
  const isSame = (current.spec.replicas ?? 1) === replicas;
  const counted = withGeneration(next, current) as Scaled;
  const stored = isSame || isDryRun ? counted : await backend.replaceObject(counted);
  sendObject(response, 200, scaleOf(stored));
}

/** @throws RequestProblem 400. */
function decodeScale(body: unknown): Scale {
  const { issues, report } = new IssueList();
  const identity = { apiVersion: "autoscaling/v1", kind: "Scale" };
  const whole = isObject(body) ? { ...identity, ...body } : body;
  const scale = schemaOf<Scale>("Scale").decode(whole, "", { report });
  if (issues.length === 0) return scale;
  const complaints = issues.map(({ path, message }) => `${path}: ${messageText(message)}`);
  throw badRequest(`Scale in version "v1" cannot be handled as a Scale: ${complaints.join(", ")}`);
}

function scaleOf({ metadata, spec, status }: Scaled): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: {
      name,
      namespace,
      uid,
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    spec: { replicas: spec.replicas ?? 1 },
    status: { replicas: status?.replicas ?? 0, selector: selectorText(spec.selector) },
  };
}

/** The selector as a query takes it: `app=web,tier in (a,b)`. */
function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    return `${key} ${operator.toLowerCase()} (${values.join(",")})`;
  });
  return [...labels, ...expressions].join(",");
}
