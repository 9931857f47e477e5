// Words for tests of resizing: asking for other resources and waiting until the status has them.
import type { Pod, PodCondition, ResourceRequirements } from "../../src/spec/pod.ts";
import { type Pods, statusOf } from "./pods.ts";

/** Of a container that requests 100m and 32Mi. */
export const amounts = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu: "100m", memory: "32Mi" },
  limits: { cpu, memory },
});

/** Asks for other resources of containers by name. */
export async function resize(
  pods: Pods,
  name: string,
  resources: Readonly<Record<string, ResourceRequirements>>,
): Promise<void> {
  const containers = Object.entries(resources).map(([container, wanted]) => ({
    name: container,
    resources: wanted,
  }));
  await pods.client.json("PATCH", `/api/v1/namespaces/default/pods/${name}/resize`, {
    body: { spec: { containers } },
    contentType: "application/strategic-merge-patch+json",
  });
}

export const conditionOf = ({ status }: Pod, type: string): PodCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

/** Until the status speaks of the resources of the spec and no resize is under way. */
export async function untilResized(pods: Pods, name: string): Promise<Pod> {
  return await pods.until(name, "the resize", (pod) => {
    const { metadata, spec, status } = pod;
    const isDone = spec.containers.every(({ name: container, resources }) => {
      const { resources: actual, state } = statusOf(pod, container);
      return JSON.stringify(actual) === JSON.stringify(resources) && state?.running !== undefined;
    });
    const isQuiet =
      !conditionOf(pod, "PodResizePending") && !conditionOf(pod, "PodResizeInProgress");
    return isDone && isQuiet && status?.observedGeneration === metadata.generation;
  });
}
