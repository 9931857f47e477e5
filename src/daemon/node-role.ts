/**
 * Whose the folder of an instance is: a daemon that is its own control plane, or the agent of another one. One must
 * not work with what the other left: it would take running pods for orphans.
 */
import { PodError } from "../base/errors.ts";
import type { Store } from "../store/store.ts";

export type Role = "daemon" | "agent";

/** @throws PodError FailedPrecondition. */
export function takeRole(store: Store, role: Role): void {
  const facts = store.table<string>("node");
  // A daemon of an earlier version wrote its name alone.
  const known = facts.get("role") ?? (facts.get("name") === undefined ? role : "daemon");
  if (known !== role) {
    const command = known === "agent" ? "nspod agent --kubeconfig FILE" : "nspod daemon";
    throw new PodError(
      "FailedPrecondition",
      `This instance belongs to "${command}": start that, or end it with "nspod system reset" while it runs, or choose another --root and --run`,
    );
  }
  if (facts.get("role") === undefined) facts.put("role", role);
}

/** The name that the node had first: its pods and volumes are bound to it, whatever the host is called by now. */
export function keptNodeName(store: Store, wanted: string): string {
  const facts = store.table<string>("node");
  const known = facts.get("name");
  if (known !== undefined) return known;
  facts.put("name", wanted);
  return wanted;
}
