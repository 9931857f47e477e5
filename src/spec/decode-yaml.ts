/**
 * Manifests (YAML or JSON text, several documents, `kind: List`) to objects, with the place of every field.
 *
 * Strict: unknown fields, wrong types, duplicate keys and foreign kinds are complaints, and all of them are
 * collected before anything is thrown. Kubernetes' reading of YAML holds (`yaml-scalar.ts`).
 */

import { PodError } from "../base/errors.ts";
import { schemaOf } from "./definition-schema.ts";
import {
  childPath,
  type FieldIssue,
  IssueList,
  itemPath,
  joinPath,
  MAX_ISSUES,
  messageText,
  type Report,
  shownPath,
} from "./field-issue.ts";
import { readKind } from "./kinds.ts";
import type { KubernetesObject, Resource } from "./resources.ts";
import { isObject } from "./schema.ts";
import { type LocatedIssue, type Position, readYaml, type YamlDocument } from "./yaml-document.ts";

/** An object and where its fields stand. */
export interface DecodedManifest {
  readonly object: KubernetesObject;
  /** Place of a field of `object` by path; the nearest ancestor when it is not written. */
  readonly position: (path: string) => Position;
}

/** A manifest that may have complaints; its bad fields hold zero values. */
export interface ManifestDraft extends DecodedManifest {
  readonly resource: Resource;
  /** Paths relative to `object`. */
  readonly issues: readonly FieldIssue[];
  /** Turns a complaint about `object` into one about the text. */
  readonly locate: (issue: FieldIssue) => LocatedIssue;
}

/** All that a text holds: objects, and the complaints that belong to none of them. */
export interface ManifestText {
  readonly drafts: readonly ManifestDraft[];
  readonly issues: readonly LocatedIssue[];
}

/**
 * Decodes all objects of a text.
 * @param source - how to call the text in errors: a file name, `<stdin>`
 * @throws PodError InvalidArgument with one line per complaint, `file:line:column: path: message`;
 *   `data.issues` is the list of {path, message, line, column}
 */
export function decodeManifests(text: string, source: string): DecodedManifest[] {
  const { drafts, issues } = readManifests(text);
  const all = [...issues, ...drafts.flatMap((draft) => draft.issues.map(draft.locate))];
  if (all.length > 0) {
    throw invalidText(all, source);
  }
  return drafts.map(({ object, position }) => ({ object, position }));
}

/** Decodes all objects of a text and leaves the complaints to the caller. */
export function readManifests(text: string): ManifestText {
  const drafts: ManifestDraft[] = [];
  const issues: LocatedIssue[] = [];
  const documents = readYaml(text);
  for (const document of documents) {
    issues.push(...document.issues);
    if (document.isReadable) {
      readObject(document, document.value, "", { drafts, issues });
    }
  }
  if (documents.length === 0) {
    issues.push({ path: "", message: "holds no object", line: 1, column: 1 });
  }
  return { drafts, issues };
}

function readObject(
  document: YamlDocument,
  value: unknown,
  prefix: string,
  result: { drafts: ManifestDraft[]; issues: LocatedIssue[] },
): void {
  const reportHere: Report = (path, message, at) => {
    if (result.issues.length <= MAX_ISSUES) {
      result.issues.push({ path, message: messageText(message), ...document.locate(path, at) });
    }
  };
  const found = readKind(value, prefix, reportHere);
  if (found === undefined) {
    return;
  }
  if ("resource" in found) {
    result.drafts.push(draftObject(document, value, prefix, found.resource));
    return;
  }
  if (prefix !== "") {
    reportHere(childPath(prefix, "kind"), "a list cannot be an item of a list");
    return;
  }
  for (const [index, item] of listItems(value, reportHere).entries()) {
    readObject(document, ofKind(item, found.listOf), itemPath("items", index), result);
  }
}

/** Items of a list of one kind need not say it. */
function ofKind(item: unknown, listOf: Resource | "any"): unknown {
  if (listOf === "any" || !isObject(item) || "kind" in item || "apiVersion" in item) return item;
  return { apiVersion: listOf.apiVersion, kind: listOf.kind, ...item };
}

function listItems(value: unknown, report: Report): readonly unknown[] {
  const list = isObject(value) ? value : {};
  for (const key of Object.keys(list)) {
    if (!["apiVersion", "kind", "metadata", "items"].includes(key)) {
      report(childPath("", key), "unknown field of a list", "key");
    }
  }
  const { items } = list;
  if (!Array.isArray(items)) {
    report("items", "must be a list of objects");
    return [];
  }
  return items;
}

function draftObject(
  document: YamlDocument,
  value: unknown,
  prefix: string,
  resource: Resource,
): ManifestDraft {
  const { issues, report } = new IssueList();
  const object = schemaOf<KubernetesObject>(resource.kind).decode(value, "", {
    report,
    written: (path) => document.written(joinPath(prefix, path)),
  });
  return {
    resource,
    object,
    issues,
    position: (path) => document.locate(joinPath(prefix, path)),
    locate: ({ path, message, at }) => {
      const full = joinPath(prefix, path);
      return { path: full, message, ...document.locate(full, at) };
    },
  };
}

/** One error for all complaints about a text, in the order of the text. */
export function invalidText(issues: readonly LocatedIssue[], source: string): PodError {
  const sorted = [...issues].sort((a, b) => a.line - b.line || a.column - b.column);
  const shown = sorted
    .slice(0, MAX_ISSUES)
    .map((issue) => ({ ...issue, path: shownPath(issue.path) }));
  const lines = shown.map(({ path, message, line, column }) => {
    const field = path === "" ? "" : `${path}: `;
    return `${source}:${line}:${column}: ${field}${message}`;
  });
  if (sorted.length > shown.length) {
    lines.push(`${source}: there are more mistakes: mend these first`);
  }
  return new PodError("InvalidArgument", lines.join("\n"), { data: { issues: shown } });
}
