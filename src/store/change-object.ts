/** A change of an object that somebody has looked at: whatever has its name by now stays as it is. */
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "./store.ts";
import type { WriteOptions } from "./table.ts";

/**
 * Reads, changes and writes an object in one step that nothing can come between.
 * @param object - names it by kind, namespace, name and uid.
 * @param change - gets it as it is stored; undefined leaves it so. Must not write to the store itself.
 * @param options - not durable unless they say so: `store.flush()`.
 * @returns the object as it is afterwards; undefined when this one does not exist.
 */
export function changeObject<T extends KubernetesObject>(
  store: Pick<Store, "mutate">,
  { kind, metadata }: Pick<T, "kind" | "metadata">,
  change: (current: T) => T | undefined,
  options: WriteOptions = { durable: false },
): T | undefined {
  const { namespace, name, uid } = metadata;
  const isSame = (object: T | undefined): boolean => object?.metadata.uid === uid;
  const found = store.mutate<T>(
    kind,
    namespace,
    name,
    (current) => (isSame(current) ? change(current) : undefined),
    options,
  );
  return isSame(found) ? found : undefined;
}
