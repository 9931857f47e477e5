/** The kinds of patches, by Content-Type. Source: Kubernetes API concepts, "HTTP PATCH". */
import { isPodError } from "../base/errors.ts";
import { jsonPatch } from "../spec/json-patch.ts";
import { mergePatch } from "../spec/merge-patch.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { isObject } from "../spec/schema.ts";
import { strategicMerge } from "../spec/strategic-merge.ts";
import { badRequest } from "./problem.ts";

type Apply = (document: KubernetesObject, patch: unknown, kind: string) => unknown;

const patches: ReadonlyMap<string, Apply> = new Map<string, Apply>([
  ["application/json-patch+json", jsonPatch],
  [
    "application/merge-patch+json",
    (document, patch) => {
      if (!isObject(patch)) throw badRequest("A merge patch of an object must be an object");
      return mergePatch(document, patch);
    },
  ],
  [
    "application/strategic-merge-patch+json",
    // A stored object is JSON.
    (document, patch, kind) => strategicMerge({ ...document }, patch, kind),
  ],
]);

/** What Content-Type may say of a patch. */
export const patchMediaTypes: readonly string[] = [...patches.keys()];

/**
 * The object as the patch makes it; not checked in any way.
 * @param mediaType - one of `patchMediaTypes`
 * @throws RequestProblem 400 when the patch cannot be applied.
 */
export function applyPatch(
  mediaType: string,
  object: KubernetesObject,
  patch: unknown,
  kind: string,
): unknown {
  const apply = patches.get(mediaType);
  if (apply === undefined) {
    throw badRequest(`Content-Type of a patch must be one of ${patchMediaTypes.join(", ")}`);
  }
  try {
    return apply(object, patch, kind);
  } catch (error) {
    if (isPodError(error, "InvalidArgument")) throw badRequest(error.message);
    throw error;
  }
}
