/**
 * Publishes a pod's host ports, once it is clear that nobody else has them: a port that another pod
 * publishes or a program of the host listens on is one sentence that names its owner.
 */
import type { HostPort } from "../net/firewall-state.ts";
import { checkConflicts, checkHostSockets } from "../net/host-ports.ts";
import type { Pod } from "../spec/pod.ts";
import type { EngineContext } from "./context.ts";

/** The containers' published ports. With hostNetwork there is nothing to publish. */
export function hostPorts(pod: Pod): readonly HostPort[] {
  if (pod.spec.hostNetwork) return [];
  return pod.spec.containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostIP, hostPort, containerPort, protocol }) =>
      hostPort === undefined || hostPort === 0
        ? []
        : [
            {
              hostPort,
              containerPort,
              protocol: protocol ?? "TCP",
              ...(hostIP === undefined ? {} : { hostIP }),
            },
          ],
    ),
  );
}

/**
 * Makes the pod's host ports lead to its address; without a pause between check and claim, so two
 * pods that start at once cannot both have one.
 * @throws PodError Conflict when a port is taken, InvalidArgument for a hostIP of another machine.
 */
export async function publishPorts(
  context: EngineContext,
  pod: Pod,
  address: string,
): Promise<void> {
  const { uid, namespace, name } = pod.metadata;
  const wanted = { pod: `${namespace}/${name}`, ports: hostPorts(pod) };
  const others = [...context.firewall.published()].filter(([owner]) => owner !== uid);
  checkConflicts(
    wanted,
    others.map(([owner, ports]) => ({ pod: podName(context, owner), ports })),
  );
  checkHostSockets(wanted);
  await context.firewall.publish(uid, address, wanted.ports);
}

function podName({ records }: EngineContext, uid: string): string {
  const record = records.get(uid);
  return record === undefined ? uid : `${record.namespace}/${record.name}`;
}
