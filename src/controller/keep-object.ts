/** Objects that a controller wants to be there as it says, whatever others do to them. */
import { newIdentity } from "../base/ids.ts";
import { firstDifference } from "../spec/first-difference.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { ControllerContext } from "./controller.ts";

/** Makes or mends an object; what others add to its metadata stays. */
export function keepObject<T extends KubernetesObject>(
  { store, clock }: Pick<ControllerContext, "store" | "clock">,
  wish: T,
): void {
  const { namespace, name, labels } = wish.metadata;
  const known = store.get<T>(wish.kind, namespace, name);
  if (known === undefined) {
    const metadata = { ...wish.metadata, ...newIdentity(clock.now()) };
    store.create<T>({ ...wish, metadata }, { durable: false });
    return;
  }
  const metadata = {
    ...known.metadata,
    ...(labels && { labels: { ...known.metadata.labels, ...labels } }),
  };
  const next = { ...wish, metadata };
  if (firstDifference(known, next, "") !== undefined) store.update<T>(next, { durable: false });
}
