/** Gives a pod's address back, and with it what the kernel remembers of its connections. */
import { forgetConnections } from "../net/conntrack.ts";
import { SyscallError } from "../sys/syscall-error.ts";
import type { EngineContext } from "./context.ts";

/**
 * Frees the address of a pod; nothing to free is fine. A host without connection tracking has
 * nothing to forget, and nothing that could lead to the next pod either (security: NET-11).
 */
export function releaseAddress(context: EngineContext, uid: string): void {
  const address = context.addresses.find(uid);
  if (address === undefined) return;
  context.addresses.release(uid);
  try {
    forgetConnections(address);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    context.log.debug({ error }, `The connections of ${address} are not forgotten`);
  }
}
