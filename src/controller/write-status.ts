/** Status of objects, as controllers compute it. */
import { firstDifference } from "../spec/first-difference.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";

/**
 * Stores the object's status when it says something new; never that of another object with its name.
 * @returns the object as it is then, undefined when there is none of this name.
 */
export function writeStatus<T extends KubernetesObject & { readonly status?: unknown }>(
  store: Store,
  { kind, metadata }: T,
  status: object,
): T | undefined {
  const { namespace, name, uid } = metadata;
  return store.mutate<T>(
    kind,
    namespace,
    name,
    (current) =>
      current.metadata.uid !== uid ||
      firstDifference(current.status ?? {}, status, "") === undefined
        ? undefined
        : { ...current, status },
    { durable: false },
  );
}
