/** `nspod scale` and `nspod set image`: one thing of an object that makes pods. */
import { PodError } from "../../base/errors.ts";
import type { PodTemplateSpec } from "../../spec/kubernetes.gen.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { objectLabel, parseObjects, type Wanted } from "../object-arguments.ts";
import { getObject, type ObjectName, patchObject } from "../objects.ts";

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

interface Templated extends KubernetesObject {
  readonly spec: { readonly template?: PodTemplateSpec } & Partial<PodTemplateSpec["spec"]>;
}

/** @param words - objects, then `container=image`; `*` is every container. */
export async function setImages(context: Context, words: readonly string[]): Promise<number> {
  const pairs = words.filter((word) => word.includes("=")).map(imagePair);
  const objects = words.filter((word) => !word.includes("="));
  if (pairs.length === 0 || objects.length === 0) {
    throw new PodError("InvalidArgument", "Write TYPE/NAME and CONTAINER=IMAGE");
  }
  for (const target of named(context, parseObjects(objects))) {
    const label = objectLabel(target.resource, target.name);
    const object = await getObject<Templated>(context.client, target);
    const pod = object.spec.template?.spec ?? object.spec;
    const lists = { containers: pod.containers ?? [], initContainers: pod.initContainers ?? [] };
    const changed: Record<string, readonly object[]> = {};
    for (const { name, image } of pairs) {
      let isFound = false;
      for (const [list, containers] of Object.entries(lists)) {
        const hits = containers.filter((each) => name === "*" || each.name === name);
        isFound ||= hits.length > 0;
        const patches = hits.map((each) => ({ name: each.name, image }));
        if (patches.length > 0) changed[list] = [...(changed[list] ?? []), ...patches];
      }
      if (!isFound) {
        throw new PodError("NotFound", `Unable to find container named "${name}" in ${label}`);
      }
    }
    const body = object.spec.template === undefined ? changed : { template: { spec: changed } };
    await patchObject(context.client, target, { type: "strategic", body: { spec: body } });
    context.screen.print(`${label} image updated`);
  }
  return 0;
}

function imagePair(word: string): { readonly name: string; readonly image: string } {
  const at = word.indexOf("=");
  const [name, image] = [word.slice(0, at), word.slice(at + 1)];
  if (name !== "" && image !== "") return { name, image };
  throw new PodError("InvalidArgument", `"${word}" is no CONTAINER=IMAGE`);
}

/** Objects that the arguments name. @throws PodError InvalidArgument for a type without a name. */
export function named({ namespace }: Context, wanted: readonly Wanted[]): readonly ObjectName[] {
  return wanted.map(({ resource, name }) => {
    if (name === undefined) {
      throw new PodError("InvalidArgument", `Which ${resource.singular}? Write TYPE/NAME`);
    }
    return { resource, name, namespace: resource.isNamespaced ? namespace : "" };
  });
}
