/**
 * Fields of a pod that its containers may see: `fieldRef.fieldPath` of variables and of downwardAPI files.
 *
 * Source: Kubernetes, "Downward API"; ObjectFieldSelector of the API reference. Sets of labels and annotations read
 * as one `key="value"` per line, sorted, the value quoted as a Go string.
 */
import type { Pod } from "./pod.ts";
import { quote } from "./quote.ts";
import { suggestion } from "./suggest.ts";
import { type Complaint, checkQualifiedName } from "./validate-names.ts";

/** Where the path stands: variables cannot hold sets, files know nothing that comes after the start. */
export type FieldPathUse = "environment" | "volume";

const both = ["metadata.name", "metadata.namespace", "metadata.uid"];
const sets = ["metadata.labels", "metadata.annotations"];

const allowed: Readonly<Record<FieldPathUse, readonly string[]>> = {
  environment: [
    ...both,
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
  ],
  volume: [...both, ...sets],
};

/** What the node knows about a pod that its object does not say, or not yet. */
export interface PodFacts {
  readonly nodeName: string;
  readonly hostIPs: readonly string[];
  /** Empty while the pod has no address. */
  readonly podIPs: readonly string[];
}

/** What is wrong with a path, to follow "fieldPath: ". */
export function checkFieldPath(path: string, use: FieldPathUse): Complaint {
  const subscript = splitSubscript(path);
  if (subscript !== undefined) {
    // Kubernetes takes any case in keys of annotations; theirs are checked like those of labels otherwise.
    const complaint = checkQualifiedName(subscript.key);
    return complaint === undefined ? undefined : `key in brackets ${complaint}`;
  }
  const paths = allowed[use];
  if (paths.includes(path)) return undefined;
  const keys = sets.map((set) => `${set}['KEY']`);
  return `must be one of ${[...paths, ...keys].join(", ")}: got ${quote(path)}${suggestion(path, paths)}`;
}

/** The value of a path that `checkFieldPath` accepts; "" for a label or annotation that is not there. */
export function fieldValue(pod: Pod, path: string, facts: PodFacts): string {
  const { metadata, spec } = pod;
  const subscript = splitSubscript(path);
  if (subscript !== undefined) return metadata[subscript.set]?.[subscript.key] ?? "";
  switch (path) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace;
    case "metadata.uid":
      return metadata.uid;
    case "metadata.labels":
      return setText(metadata.labels ?? {});
    case "metadata.annotations":
      return setText(metadata.annotations ?? {});
    case "spec.nodeName":
      return spec.nodeName ?? facts.nodeName;
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "default";
    case "status.hostIP":
      return facts.hostIPs[0] ?? "";
    case "status.hostIPs":
      return facts.hostIPs.join(",");
    case "status.podIP":
      return facts.podIPs[0] ?? "";
    case "status.podIPs":
      return facts.podIPs.join(",");
    default:
      return "";
  }
}

function splitSubscript(
  path: string,
): { readonly set: "labels" | "annotations"; readonly key: string } | undefined {
  const match = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path);
  if (match === null) return undefined;
  return { set: match[1] === "labels" ? "labels" : "annotations", key: match[2] ?? "" };
}

function setText(set: Readonly<Record<string, string>>): string {
  return Object.keys(set)
    .sort()
    .map((key) => `${key}=${goQuote(set[key] ?? "")}`)
    .join("\n");
}

const goEscapes: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  '"': '\\"',
  "\\": "\\\\",
};

/** Go's `%q`: what is not printable is escaped. */
function goQuote(text: string): string {
  const escaped = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = (digits: number): string => code.toString(16).padStart(digits, "0");
    if (code < 0x80) return goEscapes[character] ?? `\\x${hex(2)}`;
    return code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
  });
  return `"${escaped}"`;
}
