/** Gives a pod's address back; what the kernel remembers of its connections goes with it. */
import type { EngineContext } from "./context.ts";

/** Frees the address of a pod; nothing to free is fine. */
export function releaseAddress(context: EngineContext, uid: string): void {
  const address = context.addresses.find(uid);
  if (address === undefined) return;
  context.addresses.release(uid);
  context.forgetConnections(address);
}
