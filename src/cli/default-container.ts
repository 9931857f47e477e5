/** Which container is meant when none is named: the annotated one, else the first. */
import { PodError } from "../base/errors.ts";
import type { Pod } from "../spec/pod.ts";
import { suggestion } from "../spec/suggest.ts";
import { containerNames } from "./log-prefix.ts";
import type { Screen } from "./screen.ts";

const annotation = "kubectl.kubernetes.io/default-container";

/** The default container; says so when the pod has several. */
export function defaultContainer(pod: Pod, screen: Screen): string {
  const names = containerNames(pod);
  const annotated = pod.metadata.annotations?.[annotation];
  if (annotated !== undefined && names.includes(annotated)) return annotated;
  const first = pod.spec.containers[0]?.name ?? "";
  if (names.length > 1) {
    screen.remark(`Defaulted container "${first}" out of: ${choices(pod).join(", ")}`);
  }
  return first;
}

/** In the order and the words of kubectl (pkg/cmd/util/podcmd AllContainerNames). */
function choices({ spec }: Pod): readonly string[] {
  const init = (spec.initContainers ?? []).map(({ name }) => `${name} (init)`);
  const ephemeral = (spec.ephemeralContainers ?? []).map(({ name }) => `${name} (ephem)`);
  return [...spec.containers.map(({ name }) => name), ...init, ...ephemeral];
}

/** @throws PodError NotFound when the pod has no container of that name. */
export function requireContainer(pod: Pod, name: string): string {
  const names = containerNames(pod);
  if (names.includes(name)) return name;
  throw new PodError(
    "NotFound",
    `Pod "${pod.metadata.name}" has no container "${name}": it has ${names.map((each) => `"${each}"`).join(", ")}${suggestion(name, names)}`,
  );
}
