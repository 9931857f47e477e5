/**
 * The resources that the containers of a pod have been given. They are those of the spec, but while a resize waits.
 * Pure.
 */
import type { Container, Pod, ResourceRequirements } from "../spec/pod.ts";
import { parseQuantity } from "../spec/quantity.ts";

/** By name of the container; one without resources may be missing. */
export type Allocation = Readonly<Record<string, ResourceRequirements>>;

/** What the spec asks for. */
export function allocationOf({ spec }: Pod): Allocation {
  const entries = [...(spec.initContainers ?? []), ...spec.containers].flatMap(
    ({ name, resources = {} }) =>
      Object.keys(resources).length === 0 ? [] : [[name, resources] as const],
  );
  return Object.fromEntries(entries);
}

/** The pod with the resources that it has; the same pod when these are the ones that it asks for. */
export function withAllocation(pod: Pod, allocation: Allocation | undefined): Pod {
  if (allocation === undefined) return pod;
  if (resizedContainers(allocationOf(pod), allocation).length === 0) return pod;
  const { containers, initContainers } = pod.spec;
  const given = (list: readonly Container[]): readonly Container[] =>
    list.map((container) => ({ ...container, resources: allocation[container.name] ?? {} }));
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: given(containers),
      ...(initContainers && { initContainers: given(initContainers) }),
    },
  };
}

/** Names of the containers whose cpu or memory differs. */
export function resizedContainers(one: Allocation, other: Allocation): readonly string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) =>
    (["limits", "requests"] as const).some((side) =>
      ["cpu", "memory"].some(
        (resource) =>
          nanoOf(one[name]?.[side]?.[resource]) !== nanoOf(other[name]?.[side]?.[resource]),
      ),
    ),
  );
}

function nanoOf(text: string | undefined): bigint | undefined {
  return text === undefined ? undefined : parseQuantity(text).nano;
}
