/** The objects that a command works on: those that are named, or those that a selector finds. */
import { PodError } from "../base/errors.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Context } from "./context.ts";
import type { Wanted } from "./object-arguments.ts";
import { listObjects, type ObjectName } from "./objects.ts";

/** Objects that the arguments name. @throws PodError InvalidArgument for none, and for a type without a name. */
export function named({ namespace }: Context, wanted: readonly Wanted[]): readonly ObjectName[] {
  if (wanted.length === 0) throw new PodError("InvalidArgument", "Name the objects: TYPE/NAME");
  return wanted.map(({ resource, name }) => {
    if (name === undefined) {
      throw new PodError("InvalidArgument", `Which ${resource.singular}? Write TYPE/NAME`);
    }
    return { resource, name, namespace: resource.isNamespaced ? namespace : "" };
  });
}

export interface TargetOptions {
  readonly selector?: string;
  /** All of the namespace. */
  readonly all?: boolean;
}

/** Those of the types with these labels, or all of them, or those that are named. @throws PodError as `named`. */
export async function targetObjects(
  context: Context,
  wanted: readonly Wanted[],
  { selector, all }: TargetOptions,
): Promise<readonly ObjectName[]> {
  if (all !== true && selector === undefined) return named(context, wanted);
  const targets: ObjectName[] = [];
  for (const { resource } of wanted) {
    const namespace = resource.isNamespaced ? context.namespace : "";
    const list = await listObjects<KubernetesObject>(context.client, {
      resource,
      namespace,
      labelSelector: selector,
    });
    targets.push(...list.items.map(({ metadata }) => ({ resource, ...metadata })));
  }
  return targets;
}
