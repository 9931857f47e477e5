/** What a kustomization does to the objects that it has gathered, one function per field. Pure. */
import { PodError } from "../../base/errors.ts";
import { definitions, kindDefinitions } from "../../spec/definitions.gen.ts";
import { jsonPatch } from "../../spec/json-patch.ts";
import { mergePatch } from "../../spec/merge-patch.ts";
import { resourceOfKind } from "../../spec/resources.ts";
import { isObject } from "../../spec/schema.ts";
import { strategicMerge } from "../../spec/strategic-merge.ts";
import { definitionOf } from "../../spec/visit-fields.ts";
import type { ImageRule, LabelRule, ReplicaRule, Target } from "./kustomization.ts";
import type { Item } from "./names.ts";

type StringMap = Readonly<Record<string, string>>;

/** Kinds of the cluster that nspod does not store. */
const clusterKinds =
  /^(Cluster|CustomResourceDefinition$|CSIDriver$|IngressClass$|VolumeAttachment$|.*WebhookConfiguration$)/;

function isNamespaced({ kind }: Item): boolean {
  return resourceOfKind(kind)?.isNamespaced ?? !clusterKinds.test(kind);
}

export function withNamespace(item: Item, namespace: string): Item {
  if (item.kind === "Namespace" || !isNamespaced(item)) return item;
  return { ...item, metadata: { ...item.metadata, namespace } };
}

export function withAffixes(item: Item, prefix: string, suffix: string): Item {
  if (item.kind === "Namespace" || item.kind === "CustomResourceDefinition") return item;
  return {
    ...item,
    metadata: { ...item.metadata, name: `${prefix}${item.metadata.name ?? ""}${suffix}` },
  };
}

export function withAnnotations(item: Item, annotations: StringMap): Item {
  return atTemplates(withMetadata(item, { annotations }), { annotations });
}

/** @param rule - `commonLabels` is a rule with selectors. */
export function withLabels(
  item: Item,
  { pairs = {}, includeSelectors, includeTemplates }: LabelRule,
): Item {
  const labelled = withMetadata(item, { labels: pairs });
  const inTemplates =
    includeSelectors || includeTemplates ? atTemplates(labelled, { labels: pairs }) : labelled;
  return includeSelectors ? withSelector(inTemplates, pairs) : inTemplates;
}

function withMetadata(
  item: Item,
  { labels, annotations }: { readonly labels?: StringMap; readonly annotations?: StringMap },
): Item {
  const { metadata } = item;
  return {
    ...item,
    metadata: {
      ...metadata,
      ...(labels && { labels: { ...metadata.labels, ...labels } }),
      ...(annotations && { annotations: { ...metadata.annotations, ...annotations } }),
    },
  };
}

/** Also to the pods that a controller makes: every `template` of the definition. */
function atTemplates(
  item: Item,
  metadata: { readonly labels?: StringMap; readonly annotations?: StringMap },
): Item {
  return atDefinitions(item, (definition, value) =>
    definition === "PodTemplateSpec" || definition === "JobTemplateSpec"
      ? withMetadata({ metadata: {}, ...value } as unknown as Item, metadata)
      : value,
  );
}

/** matchLabels of workloads, the selector of a Service. */
function withSelector(item: Item, pairs: StringMap): Item {
  const { spec } = item;
  if (!isObject(spec)) return item;
  if (item.kind === "Service") {
    const { selector } = spec;
    return isObject(selector)
      ? { ...item, spec: { ...spec, selector: { ...selector, ...pairs } } }
      : item;
  }
  // A Job's selector is the server's.
  const hasSelector =
    `${item.kind}Spec` in definitions && "selector" in (definitions[`${item.kind}Spec`] ?? {});
  const isWorkload = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"].includes(item.kind);
  if (!hasSelector || !isWorkload) return item;
  const selector = isObject(spec["selector"]) ? spec["selector"] : {};
  const matchLabels = isObject(selector["matchLabels"]) ? selector["matchLabels"] : {};
  return {
    ...item,
    spec: { ...spec, selector: { ...selector, matchLabels: { ...matchLabels, ...pairs } } },
  };
}

export function withImages(item: Item, rules: readonly ImageRule[]): Item {
  return atDefinitions(item, (definition, value) => {
    const isContainer = definition === "Container" || definition === "EphemeralContainer";
    const image = value["image"];
    return isContainer && typeof image === "string"
      ? { ...value, image: renamed(image, rules) }
      : value;
  });
}

function renamed(image: string, rules: readonly ImageRule[]): string {
  const [, name = image, tail = ""] = /^(.*?)((?::[^:/@]*)?(?:@.*)?)$/.exec(image) ?? [];
  const rule = rules.find((each) => each.name === name);
  if (rule === undefined) return image;
  const { newName = name, newTag, digest } = rule;
  if (digest !== undefined) return `${newName}@${digest}`;
  return newTag === undefined ? newName + tail : `${newName}:${newTag}`;
}

export function withReplicas(item: Item, rules: readonly ReplicaRule[]): Item {
  const rule = rules.find(({ name }) => name === item.metadata.name);
  const canScale = ["Deployment", "ReplicaSet", "StatefulSet"].includes(item.kind);
  if (rule === undefined || !canScale || !isObject(item["spec"])) return item;
  return { ...item, spec: { ...item["spec"], replicas: rule.count } };
}

export function matches(item: Item, target: Target): boolean {
  const [group, version] = item.apiVersion.includes("/")
    ? item.apiVersion.split("/", 2)
    : ["", item.apiVersion];
  const { metadata } = item;
  return (
    (target.group ?? group) === group &&
    (target.version ?? version) === version &&
    fits(target.kind, item.kind) &&
    fits(target.name, metadata.name ?? "") &&
    fits(target.namespace, metadata.namespace ?? "") &&
    selects(target.labelSelector, metadata.labels ?? {}) &&
    selects(target.annotationSelector, metadata.annotations ?? {})
  );
}

function fits(pattern: string | undefined, text: string): boolean {
  return pattern === undefined || new RegExp(`^(?:${pattern})$`).test(text);
}

/** `a=b,c!=d,e`: equality only, as in most kustomizations. */
function selects(selector: string | undefined, map: StringMap): boolean {
  return (selector ?? "")
    .split(",")
    .filter((term) => term !== "")
    .every((term) => {
      const [, key = "", operator, value = ""] = /^([^=!]+)(!?==?)?(.*)$/.exec(term.trim()) ?? [];
      if (operator === undefined) return key in map;
      return operator.startsWith("!") ? map[key] !== value : map[key] === value;
    });
}

/**
 * @param patch - a list is JSON patch (RFC 6902), an object a strategic merge patch.
 * @returns undefined when the patch deletes the object.
 * @throws PodError InvalidArgument when it does not apply.
 */
export function patched(item: Item, patch: unknown): Item | undefined {
  if (Array.isArray(patch)) return jsonPatch(item, patch) as Item;
  if (!isObject(patch))
    throw new PodError("InvalidArgument", "A patch must be an object or a list");
  if (patch["$patch"] === "delete") return undefined;
  const merged =
    kindDefinitions[item.kind] === undefined
      ? mergePatch(item, patch)
      : strategicMerge(item, patch, item.kind);
  // The patch may name its target by a regular expression.
  const { apiVersion, kind, metadata } = item;
  const result = merged as Item;
  return {
    ...result,
    apiVersion,
    kind,
    metadata: {
      ...result.metadata,
      ...(metadata.name !== undefined && { name: metadata.name }),
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    },
  };
}

type Visit = (definition: string, value: Readonly<Record<string, unknown>>) => object;

/** Rebuilds an object of a known kind, letting `visit` change what stands at each definition. */
function atDefinitions(item: Item, visit: Visit): Item {
  if (kindDefinitions[item.kind] === undefined) return item;
  return rebuild(item.kind, item, visit) as Item;
}

function rebuild(definition: string, value: unknown, visit: Visit): unknown {
  if (!isObject(value)) return value;
  const fields = definitions[definition] ?? {};
  const changed = Object.entries(value).map(([field, content]) => {
    const next = definitionOf(fields[field] ?? "");
    if (next === undefined) return [field, content] as const;
    return Array.isArray(content)
      ? ([field, content.map((each) => rebuild(next, each, visit))] as const)
      : ([field, rebuild(next, content, visit)] as const);
  });
  return visit(definition, Object.fromEntries(changed));
}
