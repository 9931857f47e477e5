/** Status of objects, as controllers compute it. */
import { firstDifference } from "../spec/first-difference.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { changeObject } from "../store/change-object.ts";
import type { Store } from "../store/store.ts";

/**
 * Stores the object's status when it says something new; never that of another object with its name.
 * @returns the object as it is then, undefined when it does not exist.
 */
export function writeStatus<T extends KubernetesObject & { readonly status?: unknown }>(
  store: Store,
  object: T,
  status: object,
): T | undefined {
  return changeObject<T>(store, object, (current) =>
    firstDifference(current.status ?? {}, status, "") === undefined
      ? undefined
      : { ...current, status },
  );
}
