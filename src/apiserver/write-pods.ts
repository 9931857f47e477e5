/**
 * Creating, replacing and deleting pods. The door makes a request into a whole, defaulted and valid
 * pod with an identity; the backend decides the rest.
 * Source: Kubernetes API conventions, "Metadata", "Concurrency Control"; DeleteOptions of meta/v1.
 */
import { toTime } from "../base/clock.ts";
import { isPodError, PodError } from "../base/errors.ts";
import { newPodUid, randomSuffix } from "../base/ids.ts";
import { decodePod, invalidObject } from "../spec/decode-json.ts";
import { defaultPod } from "../spec/default-pod.ts";
import { childPath } from "../spec/field-issue.ts";
import type { Pod } from "../spec/pod.ts";
import { validatePod } from "../spec/validate-pod.ts";
import { readJson } from "./body.ts";
import { decodeDeleteOptions } from "./delete-options.ts";
import { badRequest } from "./problem.ts";
import { findObject } from "./read-objects.ts";
import { type Exchange, type Route, sendJson } from "./router.ts";

const podPath = "/api/v1/namespaces/{namespace}/pods/{name}";

// fieldManager only names the writer; every body is validated strictly, whatever is asked.
const writeParameters = ["fieldManager", "fieldValidation"];

export const writePodRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/api/v1/namespaces/{namespace}/pods",
    query: writeParameters,
    handle: createPod,
  },
  { method: "PUT", path: podPath, query: writeParameters, handle: replacePod },
  {
    method: "DELETE",
    path: podPath,
    query: ["gracePeriodSeconds", "propagationPolicy"],
    handle: deletePod,
  },
];

/** As many tries as the Kubernetes API server makes to find a free generated name. */
const nameAttempts = 8;

async function createPod(exchange: Exchange): Promise<void> {
  const { request, response, backend, clock, parameters } = exchange;
  const wish = inNamespace(decodePod(await readJson(request)), parameters.get("namespace"));
  if (wish.metadata.resourceVersion) {
    throw badRequest("metadata.resourceVersion: must not be set on a pod that is to be created");
  }
  const isGenerated = wish.metadata.name === "";
  for (let attempt = 1; ; attempt++) {
    const pod = withIdentity(readyPod(wish), clock.now());
    try {
      return sendJson(response, 201, await backend.createPod(pod));
    } catch (error) {
      if (!isGenerated || attempt === nameAttempts || !isPodError(error, "AlreadyExists")) {
        throw error;
      }
    }
  }
}

/** The pod with defaults and without status. @throws PodError InvalidArgument with every issue. */
export function readyPod(wish: Pod): Pod {
  const { status: _, ...rest } = wish;
  const pod = defaultPod(rest, { randomSuffix });
  const issues = validatePod(pod);
  if (issues.length > 0) throw invalidObject(issues);
  return pod;
}

/** What only the server writes. */
function withIdentity(pod: Pod, nowMs: number): Pod {
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, ...metadata } = pod.metadata;
  return {
    ...pod,
    metadata: {
      ...metadata,
      uid: newPodUid(),
      generation: 1,
      creationTimestamp: toTime(nowMs),
    },
  };
}

function inNamespace(pod: Pod, namespace: string): Pod {
  const own = pod.metadata.namespace;
  if (own !== "" && own !== namespace) {
    throw badRequest(`metadata.namespace: must be that of the path, "${namespace}": got "${own}"`);
  }
  return { ...pod, metadata: { ...pod.metadata, namespace } };
}

async function replacePod(exchange: Exchange): Promise<void> {
  const { request, response, backend, parameters } = exchange;
  const [namespace, name] = [parameters.get("namespace"), parameters.get("name")];
  const wish = inNamespace(decodePod(await readJson(request)), namespace);
  if (wish.metadata.name !== name) {
    throw badRequest(
      `metadata.name: must be that of the path, "${name}": got "${wish.metadata.name}"`,
    );
  }
  const current = findObject<Pod>(exchange, "Pod");
  checkPreconditions(current, wish.metadata);
  const next = keepServerFields(readyPod(wish), current);
  checkUnchanged(next, current);
  sendJson(response, 200, await backend.replacePod(next));
}

function checkPreconditions(
  current: Pod,
  wanted: { readonly uid?: string; readonly resourceVersion?: string },
): void {
  const { namespace, name } = current.metadata;
  for (const field of ["uid", "resourceVersion"] as const) {
    const [want, have] = [wanted[field] ?? "", current.metadata[field]];
    if (want === "" || want === have) continue;
    throw new PodError(
      "Conflict",
      `Pod "${namespace}/${name}" has ${field} "${have}", not "${want}": it was changed in the meantime: read it again and repeat the change`,
      { data: { kind: "Pod", namespace, name } },
    );
  }
}

function keepServerFields(next: Pod, current: Pod): Pod {
  const { labels, annotations } = next.metadata;
  const { labels: _, annotations: __, ...kept } = current.metadata;
  return {
    ...next,
    metadata: { ...kept, ...(labels && { labels }), ...(annotations && { annotations }) },
    ...(current.status && { status: current.status }),
  };
}

/** A pod's spec stays as it is but for the images of its containers, as in Kubernetes. */
function checkUnchanged(next: Pod, current: Pod): void {
  const path = firstDifference(withoutImages(current), withoutImages(next), "spec");
  if (path === undefined) return;
  const message =
    "cannot be changed in a running pod, only images of containers can: delete the pod and create it anew";
  throw invalidObject([{ path, message }]);
}

function withoutImages({ spec }: Pod): object {
  const strip = (list: Pod["spec"]["containers"] | undefined): readonly object[] | undefined =>
    list?.map(({ image: _, ...container }) => container);
  const { containers, initContainers, ...rest } = spec;
  return { ...rest, containers: strip(containers), initContainers: strip(initContainers) };
}

/** Path of the first field in which two JSON values differ, whatever the order of their fields. */
function firstDifference(one: unknown, other: unknown, path: string): string | undefined {
  if (Object.is(one, other)) return undefined;
  if (!isObject(one) || !isObject(other) || Array.isArray(one) !== Array.isArray(other))
    return path;
  // A list that became longer or shorter has no single field to blame.
  if (Array.isArray(one) && one.length !== Object.keys(other).length) return path;
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const child = Array.isArray(one) ? `${path}[${key}]` : childPath(path, key);
    const found = firstDifference(one[key], other[key], child);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

async function deletePod(exchange: Exchange): Promise<void> {
  const { request, response, query, backend, parameters } = exchange;
  const [namespace, name] = [parameters.get("namespace"), parameters.get("name")];
  const options = decodeDeleteOptions(await readJson(request), query);
  const current = findObject<Pod>(exchange, "Pod");
  checkPreconditions(current, options.preconditions);
  const { gracePeriodSeconds } = options;
  const deleted = await backend.deletePod(
    namespace,
    name,
    gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
  );
  sendJson(response, 200, deleted);
}
