/**
 * A manifest file as the command line takes it: objects of every kind, checked as the daemon checks them, with all
 * complaints about all documents at once.
 *
 * `status` is the server's to write, so what a manifest says there (after `kubectl get -o yaml`) is left out, as
 * Kubernetes does on creation.
 */

import { PodError } from "../base/errors.ts";
import { defaultObject, rulesOf, validateNew } from "./admit.ts";
import { invalidText, type ManifestDraft, readManifests } from "./decode-yaml.ts";
import type { DefaultOptions } from "./default-metadata.ts";
import { isWithin } from "./field-issue.ts";
import type { ObjectMeta } from "./meta.ts";
import type { Pod } from "./pod.ts";
import type { KubernetesObject } from "./resources.ts";
import { warningsOf } from "./warnings.ts";

export interface ManifestOptions extends DefaultOptions {
  /** Where objects go that name no namespace. Default: "default". */
  readonly namespace?: string;
  /** Takes one sentence per field that is accepted and not honoured, with its place in the text. */
  readonly onWarning?: (warning: string) => void;
}

/**
 * Loads all objects of a text as they are written: checked, with a namespace, without defaults. The server completes
 * them; what is compared or kept (`apply`, `diff`) is what the author wrote.
 * @param source - how to call the text in errors: a file name, `<stdin>`
 * @throws PodError InvalidArgument as `decodeManifests` does, with the complaints of validation too
 */
export function loadManifests(
  text: string,
  source: string,
  options: ManifestOptions,
): readonly KubernetesObject[] {
  return load(text, source, options).map(({ written }) => written);
}

/**
 * Loads all pods of a text, with every default.
 * @throws PodError InvalidArgument as `loadManifests` does, also for objects of other kinds
 */
export function loadPods(text: string, source: string, options: ManifestOptions): readonly Pod[] {
  const loaded = load(text, source, options, (draft) =>
    draft.resource.kind === "Pod" ? undefined : "must be Pod: this command takes pods only",
  );
  // Others were refused.
  return loaded.map(({ complete }) => complete as Pod);
}

interface Loaded {
  readonly written: KubernetesObject;
  readonly complete: KubernetesObject;
}

function load(
  text: string,
  source: string,
  options: ManifestOptions,
  refuse: (draft: ManifestDraft) => string | undefined = () => undefined,
): readonly Loaded[] {
  const { drafts, issues: textIssues } = readManifests(text);
  const issues = [...textIssues];
  const warnings: string[] = [];
  const loaded: Loaded[] = [];
  for (const draft of drafts) {
    const written = placed(withoutStatus(draft.object), draft.resource.isNamespaced, options);
    const complete = defaultObject(written, options);
    loaded.push({ written, complete });
    const refusal = refuse(draft);
    if (refusal !== undefined) issues.push(draft.locate({ path: "kind", message: refusal }));
    // A field that could not be decoded holds a zero value: what validation says about that is noise.
    const echoes = (path: string): boolean =>
      draft.issues.some((issue) => isWithin(path, issue.path) || isWithin(issue.path, path));
    const invalid = validateNew(complete).filter((issue) => !echoes(issue.path));
    issues.push(...[...draft.issues, ...invalid].map(draft.locate));
    for (const warning of warningsOf(written)) warnings.push(`${source}: ${warning}`);
  }
  if (issues.length > 0) {
    throw invalidText(issues, source);
  }
  for (const warning of warnings) options.onWarning?.(warning);
  return loaded;
}

/** Without the status, when the kind has one that only the server writes. */
function withoutStatus(object: KubernetesObject): KubernetesObject {
  if (rulesOf(object.kind).hasStatus !== true) return object;
  const { status: _, ...wish } = object as KubernetesObject & { readonly status?: unknown };
  return wish;
}

function placed(
  object: KubernetesObject,
  isNamespaced: boolean,
  { namespace = "default" }: ManifestOptions,
): KubernetesObject {
  const { metadata } = object;
  if (!isNamespaced || metadata.namespace !== "") return object;
  return { ...object, metadata: { ...metadata, namespace } };
}

/** The JSON of an object as its author wrote it: without what decoding fills in. */
export function asWritten(object: KubernetesObject): object {
  const { uid, namespace, name, ...metadata } = object.metadata;
  const identity: Partial<ObjectMeta> = {
    ...(name !== "" && { name }),
    ...(namespace !== "" && { namespace }),
    ...(uid !== "" && { uid }),
  };
  return { ...object, metadata: { ...identity, ...metadata } };
}

/** @throws PodError InvalidArgument when an object says another namespace than `-n` did. */
export function checkNamespace(object: KubernetesObject, given: string): void {
  const { namespace } = object.metadata;
  if (namespace === "" || namespace === given) return;
  throw new PodError(
    "InvalidArgument",
    `The namespace from the provided object "${namespace}" does not match the namespace "${given}": pass "--namespace=${namespace}" or leave it out of the manifest`,
  );
}
