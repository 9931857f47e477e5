/** The containers of a pod with their place in its spec. Pure. */
import type { Container, Pod } from "../spec/pod.ts";

export type ContainerList = "initContainers" | "containers" | "ephemeralContainers";

export interface ContainerRef {
  readonly container: Container;
  readonly list: ContainerList;
  readonly index: number;
}

/** The containers of one list. */
export function refs(pod: Pod, list: ContainerList): ContainerRef[] {
  const containers: readonly Container[] = pod.spec[list] ?? [];
  return containers.map((container, index) => ({ container, list, index }));
}

/** Init containers first, in the order in which they run; ephemeral ones last. */
export function allRefs(pod: Pod): ContainerRef[] {
  return [...refs(pod, "initContainers"), ...refs(pod, "containers"), ...ephemeralRefs(pod)];
}

export function ephemeralRefs(pod: Pod): ContainerRef[] {
  return refs(pod, "ephemeralContainers");
}

/** Whether it is an init container that stays: it starts in its turn and runs beside the app containers. */
export function isSidecar({ list, container }: ContainerRef): boolean {
  return list === "initContainers" && container.restartPolicy === "Always";
}

/** The container that an ephemeral one looks at: it shares the PID namespace of that one. */
export function targetContainerName(pod: Pod, { list, index }: ContainerRef): string | undefined {
  if (list !== "ephemeralContainers") return undefined;
  // An empty name is the same as none, as in Kubernetes.
  return pod.spec.ephemeralContainers?.[index]?.targetContainerName || undefined;
}
