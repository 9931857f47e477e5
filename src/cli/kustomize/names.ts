/**
 * Names that kustomize changes, prefixes, suffixes and hashes, and the fields that refer to them. Pure.
 *
 * Objects are plain JSON here: kinds that nspod does not know pass through, and are named afterwards.
 */
import { createHash } from "node:crypto";
import { definitions, kindDefinitions } from "../../spec/definitions.gen.ts";
import { isObject } from "../../spec/schema.ts";
import { definitionOf } from "../../spec/visit-fields.ts";

export interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Any object of a manifest. */
export interface Item {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

/** `Definition.field` → the kind whose name stands there. */
const references: Readonly<Record<string, string>> = {
  "ConfigMapVolumeSource.name": "ConfigMap",
  "ConfigMapKeySelector.name": "ConfigMap",
  "ConfigMapEnvSource.name": "ConfigMap",
  "ConfigMapProjection.name": "ConfigMap",
  "SecretVolumeSource.secretName": "Secret",
  "SecretKeySelector.name": "Secret",
  "SecretEnvSource.name": "Secret",
  "SecretProjection.name": "Secret",
  // imagePullSecrets of pods and service accounts.
  "LocalObjectReference.name": "Secret",
  "PersistentVolumeClaimVolumeSource.claimName": "PersistentVolumeClaim",
  "PersistentVolumeClaimSpec.volumeName": "PersistentVolume",
  "PersistentVolumeClaimSpec.storageClassName": "StorageClass",
  "PodSpec.serviceAccountName": "ServiceAccount",
  "PodSpec.serviceAccount": "ServiceAccount",
  "PodSpec.priorityClassName": "PriorityClass",
  "PodSpec.runtimeClassName": "RuntimeClass",
  "StatefulSetSpec.serviceName": "Service",
};

/** An object whose name may have changed on the way. */
export interface Renamed {
  readonly item: Item;
  /** As it was written, and every name that it had since. */
  readonly before: readonly string[];
}

/** The objects with every reference led to the new name of what it meant. */
export function followNames(renamed: readonly Renamed[]): readonly Item[] {
  const names = new Map<string, Metadata>();
  for (const { item, before } of renamed) {
    for (const name of before) names.set(`${item.kind}/${name}`, item.metadata);
  }
  return renamed.map(({ item }) => {
    if (kindDefinitions[item.kind] === undefined) return item;
    return rewrite(item.kind, item, names) as Item;
  });
}

function rewrite(
  definition: string,
  value: unknown,
  names: ReadonlyMap<string, Metadata>,
): unknown {
  if (!isObject(value)) return value;
  // A role or a service account, as `kind` says.
  if (definition === "RoleRef" || definition === "Subject") {
    const known = names.get(`${value["kind"]}/${value["name"]}`);
    if (known === undefined) return value;
    const { name, namespace } = known;
    const isSubject = definition === "Subject" && namespace !== undefined;
    return { ...value, name, ...(isSubject && { namespace }) };
  }
  const fields = definitions[definition] ?? {};
  return Object.fromEntries(
    Object.entries(value).map(([field, content]) => {
      const kind = references[`${definition}.${field}`];
      if (kind !== undefined && typeof content === "string") {
        return [field, names.get(`${kind}/${content}`)?.name ?? content];
      }
      const next = definitionOf(fields[field] ?? "");
      if (next === undefined) return [field, content];
      if (Array.isArray(content)) return [field, content.map((each) => rewrite(next, each, names))];
      return [field, rewrite(next, content, names)];
    }),
  );
}

/** Digits and vowels that could spell a word are replaced, as kustomize does. */
const safeLetters: Readonly<Record<string, string>> = { 0: "g", 1: "h", 3: "k", a: "m", e: "t" };

/**
 * The suffix that a generated ConfigMap or Secret gets, so that changed content is a new object.
 * The same as kustomize's: SHA-256 of the JSON of kind, name and content, ten letters of it.
 */
export function contentHash(item: Item): string {
  const { kind, metadata, data = {}, binaryData, type, stringData } = item;
  const content =
    kind === "Secret"
      ? { data, kind, name: metadata.name, ...(stringData ? { stringData } : {}), type: type ?? "" }
      : { ...(binaryData ? { binaryData } : {}), data, kind, name: metadata.name };
  const digest = createHash("sha256").update(goJson(content)).digest("hex");
  return [...digest.slice(0, 10)].map((letter) => safeLetters[letter] ?? letter).join("");
}

/** JSON as Go writes it: keys sorted, and the letters that HTML knows escaped. */
function goJson(value: unknown): string {
  const sorted = (each: unknown): unknown =>
    isObject(each)
      ? Object.fromEntries(
          Object.keys(each)
            .sort()
            .map((key) => [key, sorted(each[key])]),
        )
      : each;
  return JSON.stringify(sorted(value)).replace(
    /[<>&\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
