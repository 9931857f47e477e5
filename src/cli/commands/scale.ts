/** `nspod scale`: how many pods there are to be. */
import { PodError } from "../../base/errors.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { objectLabel, parseObjects } from "../object-arguments.ts";
import { getObject, patchObject } from "../objects.ts";
import { named } from "../target-objects.ts";

/** Kinds whose objects say how many pods they want. */
const scaled: readonly string[] = ["Deployment", "ReplicaSet", "StatefulSet"];

export interface ScaleOptions {
  readonly replicas?: string;
  readonly currentReplicas?: string;
}

interface Sized extends KubernetesObject {
  readonly spec: { readonly replicas?: number };
}

export async function scaleObjects(
  context: Context,
  words: readonly string[],
  options: ScaleOptions,
): Promise<number> {
  const replicas = countOf(options.replicas, "--replicas");
  for (const target of named(context, parseObjects(words))) {
    if (!scaled.includes(target.resource.kind)) {
      throw new PodError(
        "InvalidArgument",
        `${target.resource.kind} has no number of replicas: scale works on deployments, replicasets and statefulsets`,
      );
    }
    if (options.currentReplicas !== undefined) {
      const expected = countOf(options.currentReplicas, "--current-replicas");
      const { spec } = await getObject<Sized>(context.client, target);
      if (spec.replicas !== expected) {
        throw new PodError(
          "FailedPrecondition",
          `Expected replicas to be ${expected}, was ${spec.replicas}`,
        );
      }
    }
    const body = { spec: { replicas } };
    await patchObject(context.client, target, { type: "merge", body }, { subresource: "scale" });
    context.screen.print(`${objectLabel(target.resource, target.name)} scaled`);
  }
  return 0;
}

function countOf(text: string | undefined, option: string): number {
  if (text !== undefined && /^\d{1,9}$/.test(text)) return Number(text);
  throw new PodError(
    "InvalidArgument",
    text === undefined
      ? `${option} is required`
      : `${option}: must be a number from 0: got "${text}"`,
  );
}
