/** What an owner has: it adopts what its selector finds and nobody controls, and releases what it finds no more. */
import type { KubernetesObject } from "../spec/resources.ts";
import { changeObject } from "../store/change-object.ts";
import type { ControllerContext } from "./controller.ts";
import { claim, type Owner, withOwner, withoutOwner } from "./ownership.ts";

/** @returns the owner's objects of a kind, after that. */
export function claimObjects<T extends KubernetesObject>(
  owner: Owner,
  kind: T["kind"],
  { store, cache }: Pick<ControllerContext, "store" | "cache">,
): readonly T[] {
  const candidates = cache.list<T>(kind, owner.metadata.namespace);
  const { owned, adopted, released } = claim(owner, candidates);
  const change = (object: T, metadata: T["metadata"]): T | undefined =>
    changeObject<T>(store, object, (current) => ({ ...current, metadata }));
  for (const object of released) change(object, withoutOwner(object.metadata, owner));
  const taken = adopted.flatMap(
    (object) => change(object, withOwner(object.metadata, owner)) ?? [],
  );
  return [...owned, ...taken];
}
