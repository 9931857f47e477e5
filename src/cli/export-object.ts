/**
 * An object as its author could have written it: without what the server writes, and without every field that the
 * defaults give back. Pure.
 */
import { isDeepStrictEqual } from "node:util";
import { defaultObject } from "../spec/admit.ts";
import type { Toleration } from "../spec/kubernetes.gen.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { isObject } from "../spec/schema.ts";
import { lastAppliedAnnotation } from "./last-applied.ts";

type Json = Readonly<Record<string, unknown>>;

/** What controllers write on objects for themselves. */
const serverMarks: readonly string[] = [
  lastAppliedAnnotation,
  "deployment.kubernetes.io/revision",
  "kubernetes.io/metadata.name",
  "pv.kubernetes.io/bind-completed",
  "pv.kubernetes.io/bound-by-controller",
  "volume.kubernetes.io/selected-node",
  "volume.kubernetes.io/storage-provisioner",
];

/** Fields that the server fills in by what it finds, by kind. */
const serverFields: Readonly<Record<string, readonly string[]>> = {
  // The priority comes from the class.
  Pod: ["nodeName", "serviceAccount", "priority", "preemptionPolicy"],
  Service: ["clusterIP", "clusterIPs", "healthCheckNodePort"],
  PersistentVolumeClaim: ["volumeName"],
  PersistentVolume: ["claimRef"],
  Namespace: ["finalizers"],
};

/** The manifest; it says no namespace, so that it can be applied to any. */
export function exportObject(object: KubernetesObject): object {
  const { apiVersion, kind, metadata, ...fields } = object;
  const { status: _, ...content } = fields as Json;
  const { labels, annotations } = metadata;
  const own = { name: metadata.name, ...marks({ labels, annotations }) };
  const spec = isObject(content["spec"])
    ? { spec: withoutServerFields(kind, content["spec"]) }
    : {};
  return {
    apiVersion,
    kind,
    metadata: own,
    ...pruned({ apiVersion, kind }, { ...content, ...spec }),
  };
}

/** Labels and annotations that people wrote. */
function marks(
  given: Readonly<Record<string, Readonly<Record<string, string>> | undefined>>,
): Json {
  const kept = Object.entries(given).map(([field, map = {}]) => {
    const entries = Object.entries(map).filter(([key]) => !serverMarks.includes(key));
    return [field, Object.fromEntries(entries)] as const;
  });
  return Object.fromEntries(kept.filter(([, map]) => Object.keys(map).length > 0));
}

function withoutServerFields(kind: string, spec: Json): Json {
  const dropped = serverFields[kind] ?? [];
  // None is no address that the server has chosen.
  const isMeant = (field: string): boolean => field === "clusterIP" && spec[field] === "None";
  const kept = Object.entries(spec).filter(([field]) => isMeant(field) || !dropped.includes(field));
  const plain = Object.fromEntries(kept);
  if (kind === "Job" && plain["manualSelector"] !== true) return withoutJobSelector(plain);
  return kind === "Pod" ? withoutAdmitted(plain) : plain;
}

/** The server makes the selector of a Job, and the labels that it selects by. */
function withoutJobSelector({ selector: _, template, ...spec }: Json): Json {
  const { metadata = {}, ...rest } = template as { readonly metadata?: Json };
  const labels = Object.entries((metadata["labels"] ?? {}) as Json).filter(
    ([key]) => !/(^|\/)(controller-uid|job-name)$/.test(key),
  );
  const own = labels.length === 0 ? {} : { metadata: { labels: Object.fromEntries(labels) } };
  return { ...spec, template: { ...own, ...rest } };
}

/** The token of the service account, and how long the pod stays on a node that is lost. */
function withoutAdmitted(spec: Json): Json {
  const isToken = (each: unknown): boolean =>
    isObject(each) && String(each["name"]).startsWith("kube-api-access-");
  const without = (list: unknown): unknown =>
    Array.isArray(list) ? list.filter((each) => !isToken(each)) : list;
  const containers = (list: unknown): unknown =>
    Array.isArray(list)
      ? list.map((each: Json) =>
          each["volumeMounts"] === undefined
            ? each
            : withoutEmpty(
                { ...each, volumeMounts: without(each["volumeMounts"]) },
                "volumeMounts",
              ),
        )
      : list;
  const changed = Object.entries(spec).map(([field, value]) => {
    if (field === "volumes") return [field, without(value)] as const;
    if (field === "tolerations") return [field, withoutUsual(value)] as const;
    return [field, /^(c|initC)ontainers$/.test(field) ? containers(value) : value] as const;
  });
  return withoutEmpty(withoutEmpty(Object.fromEntries(changed), "volumes"), "tolerations");
}

function withoutUsual(tolerations: unknown): unknown {
  if (!Array.isArray(tolerations)) return tolerations;
  return tolerations.filter(
    ({ key, operator, effect, tolerationSeconds }: Toleration) =>
      !/^node\.kubernetes\.io\/(not-ready|unreachable)$/.test(key ?? "") ||
      operator !== "Exists" ||
      effect !== "NoExecute" ||
      tolerationSeconds !== 300,
  );
}

function withoutEmpty(object: Json, field: string): Json {
  const { [field]: list, ...rest } = object;
  return Array.isArray(list) && list.length === 0 ? rest : object;
}

/**
 * Leaves out each field, the outer ones first, without which the defaults make the same; but a volume says what it is,
 * although emptyDir is the default.
 */
function pruned(head: { readonly apiVersion: string; readonly kind: string }, content: Json): Json {
  const complete = (fields: Json): unknown => {
    const object = { ...head, ...withTemplateMetadata(fields), metadata };
    try {
      return defaultObject(object as KubernetesObject, { randomSuffix: () => "" });
    } catch {
      // A field that the defaults cannot do without.
      return undefined;
    }
  };
  const wanted = complete(content);
  if (wanted === undefined) return content;
  let current = content;
  const visit = (path: readonly (string | number)[], value: unknown): void => {
    for (const [key, child] of childrenOf(value)) {
      const at = [...path, key];
      if (typeof key === "string" && key !== "emptyDir") {
        const shorter = withoutPath(current, at) as Json;
        if (isDeepStrictEqual(complete(shorter), wanted)) {
          current = shorter;
          continue;
        }
      }
      visit(at, child);
    }
  };
  visit([], content);
  return current;
}

const metadata = { name: "x", namespace: "default", uid: "" };

/** The templates of pods and Jobs with metadata, as decoding gives them. */
function withTemplateMetadata(fields: Json): Json {
  const changed = Object.entries(fields).map(([field, value]) => {
    if (!isObject(value)) return [field, value] as const;
    const inner = withTemplateMetadata(value);
    const isTemplate = field === "template" || field === "jobTemplate";
    const given = isObject(inner["metadata"]) ? inner["metadata"] : {};
    return [field, isTemplate ? { ...inner, metadata: { ...metadata, ...given } } : inner] as const;
  });
  return Object.fromEntries(changed);
}

function childrenOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item] as const);
  return isObject(value) ? Object.entries(value) : [];
}

function withoutPath(value: unknown, [key, ...rest]: readonly (string | number)[]): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) => (index === key ? withoutPath(item, rest) : item));
  }
  const entries = Object.entries(value as Json).flatMap(([field, child]) => {
    if (field !== key) return [[field, child]];
    return rest.length === 0 ? [] : [[field, withoutPath(child, rest)]];
  });
  return Object.fromEntries(entries) as Json;
}
