/** Which probes keep a pod from being ready: the newest failure of each container that is not. Pure. */
import type { Event } from "../spec/event.ts";
import type { Pod } from "../spec/pod.ts";

/**
 * One sentence per container, in the words of its event: `Container "web": Readiness probe failed: …`.
 * @param events - of this pod.
 */
export function failedProbes({ status }: Pod, events: readonly Event[]): readonly string[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const unready = all.filter(({ ready, state }) => !ready && state?.running !== undefined);
  return unready.flatMap(({ name }) => {
    const failures = events.filter(
      ({ reason, involvedObject }) =>
        reason === "Unhealthy" && involvedObject.fieldPath?.endsWith(`{${name}}`),
    );
    // Stable: of two in the same second the one that was recorded later is the last.
    const newest = failures.sort((a, b) => a.lastTimestamp.localeCompare(b.lastTimestamp)).at(-1);
    if (newest === undefined) return [];
    const times = newest.count > 1 ? ` (${newest.count} times)` : "";
    return [`Container "${name}": ${newest.message.trimEnd()}${times}`];
  });
}
