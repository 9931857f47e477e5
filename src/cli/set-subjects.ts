/** What `set` changes: objects as they are stored, or with --local as manifests say. */
import { PodError } from "../base/errors.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { resourceOf } from "./commands/apply.ts";
import type { Context } from "./context.ts";
import { type ManifestSources, readObjects } from "./manifests.ts";
import { parseObjects } from "./object-arguments.ts";
import { getObject, type ObjectName } from "./objects.ts";
import { type TargetOptions, targetObjects } from "./target-objects.ts";

export interface SubjectOptions extends TargetOptions, ManifestSources {
  /** Nobody is asked: the manifests are changed and printed. */
  readonly local?: boolean;
}

export interface Subject {
  readonly target: ObjectName;
  readonly object: KubernetesObject;
}

/**
 * @param words - objects, when no manifest names them.
 * @throws PodError InvalidArgument for both of them, or none.
 */
export async function subjectsOf(
  context: Context,
  words: readonly string[],
  options: SubjectOptions,
): Promise<readonly Subject[]> {
  const isInManifests = options.filename !== undefined || options.kustomize !== undefined;
  if (isInManifests && words.length > 0) {
    throw new PodError("InvalidArgument", "Name objects, or manifests with -f or -k: not both");
  }
  if (options.local === true && !isInManifests) {
    throw new PodError("InvalidArgument", "--local changes manifests: name them with -f or -k");
  }
  const written = isInManifests ? await readObjects(options, context.givenNamespace) : [];
  const named = written.map((object) => ({ target: targetOf(object), object }));
  if (options.local === true) return named;
  const targets = isInManifests
    ? named.map(({ target }) => target)
    : await targetObjects(context, parseObjects(words), options);
  const read = async (target: ObjectName): Promise<Subject> => {
    return { target, object: await getObject<KubernetesObject>(context.client, target) };
  };
  return await Promise.all(targets.map(read));
}

function targetOf(object: KubernetesObject): ObjectName {
  const { name, namespace } = object.metadata;
  return { resource: resourceOf(object), name, namespace };
}
