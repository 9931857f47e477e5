/** What every node asks of its machine. */
import { PodError } from "../base/errors.ts";
import type { NodeState } from "../scheduler/cluster.ts";
import { cgroup2Mount, readMountinfo } from "../sys/mountinfo.ts";

/**
 * A kubelet takes 110. Here too it is no measure of what works, but the end of what runs away: a bridge has 1,023 ports
 * (net/bridge/br_private.h, BR_PORT_BITS).
 */
const mostPorts = 1000;

/** How many pods a node may have: addresses of its prefix but those of the network, the bridge and broadcasts. */
export function mostPods(prefixLength: number): number {
  return Math.min(mostPorts, 2 ** (32 - prefixLength) - 3);
}

/** A node whose object somebody has just deleted says nothing. */
export function withState<T>(
  state: NodeState | undefined,
  answer: (state: NodeState) => T | undefined,
): T | undefined {
  return state === undefined ? undefined : answer(state);
}

/** @throws PodError FailedPrecondition. */
export function cgroupMountPoint(): string {
  const mount = cgroup2Mount(readMountinfo());
  if (mount !== undefined) return mount.mountPoint;
  throw new PodError(
    "FailedPrecondition",
    'Cannot run pods: cgroup v2 is not mounted: boot with systemd.unified_cgroup_hierarchy=1 or mount it with "mount -t cgroup2 cgroup2 /sys/fs/cgroup"',
  );
}
