/**
 * Errors about stored objects in the words of the Kubernetes API server: `pods "web" not found`.
 *
 * `data` has what a Status says in `details`: the name, and in `kind` the word of the path (the kind itself when the
 * object is invalid). Source: apimachinery, api/errors.
 */

import { PodError } from "../base/errors.ts";
import { type FieldIssue, shownPath } from "./field-issue.ts";
import { type Resource, resourceOfKind } from "./resources.ts";

/** `pods`, `storageclasses.storage.k8s.io`. */
export function qualifiedName({
  plural,
  apiVersion,
}: Pick<Resource, "plural" | "apiVersion">): string {
  const group = groupOf(apiVersion);
  return group === "" ? plural : `${plural}.${group}`;
}

/** `storage.k8s.io/v1` → `storage.k8s.io`; "" for the core group. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash === -1 ? "" : apiVersion.slice(0, slash);
}

export function notFound(kind: string, name: string): PodError {
  const word = wordOf(kind);
  return new PodError("NotFound", `${word} "${name}" not found`, { data: detailsOf(kind, name) });
}

export function alreadyExists(kind: string, name: string): PodError {
  const word = wordOf(kind);
  const data = detailsOf(kind, name);
  return new PodError("AlreadyExists", `${word} "${name}" already exists`, { data });
}

/** @param why - default: somebody else was faster. */
export function conflict(
  kind: string,
  name: string,
  why = "the object has been modified; please apply your changes to the latest version and try again",
): PodError {
  const message = `Operation cannot be fulfilled on ${wordOf(kind)} "${name}": ${why}`;
  return new PodError("Conflict", message, { data: detailsOf(kind, name) });
}

export function forbidden(kind: string, name: string, why: string): PodError {
  const message = `${wordOf(kind)} "${name}" is forbidden: ${why}`;
  return new PodError("PermissionDenied", message, { data: detailsOf(kind, name) });
}

/** All complaints about an object; `data.issues` has them one by one. */
export function invalid(kind: string, name: string, issues: readonly FieldIssue[]): PodError {
  const shown = issues.map(({ path, message }) => ({ path: shownPath(path), message }));
  const lines = shown.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const all = lines.length === 1 ? lines.join() : `[${lines.join(", ")}]`;
  const resource = resourceOfKind(kind);
  const group = groupOf(resource?.apiVersion ?? "");
  const whole = group === "" ? kind : `${kind}.${group}`;
  return new PodError("InvalidArgument", `${whole} "${name}" is invalid: ${all}`, {
    data: { name, kind, ...(group !== "" && { group }), issues: shown },
  });
}

function wordOf(kind: string): string {
  const resource = resourceOfKind(kind);
  return resource === undefined ? kind : qualifiedName(resource);
}

function detailsOf(kind: string, name: string): Readonly<Record<string, unknown>> {
  const resource = resourceOfKind(kind);
  const group = groupOf(resource?.apiVersion ?? "");
  return { name, kind: resource?.plural ?? kind, ...(group !== "" && { group }) };
}
