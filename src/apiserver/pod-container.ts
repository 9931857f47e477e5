/** Which container of a pod a request means. */

import type { Pod } from "../spec/pod.ts";
import { badRequest } from "./problem.ts";

/**
 * The named container, or the only one.
 * @throws RequestProblem 400 that lists the names, as kubectl users know it.
 */
export function chooseContainer(pod: Pod, wanted: string | undefined): string {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const all = [...containers, ...initContainers, ...ephemeralContainers];
  const names = all.map(({ name }) => name);
  const label = `pod "${pod.metadata.namespace}/${pod.metadata.name}"`;
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted;
    throw badRequest(`Container "${wanted}" is not in ${label}: choose one of ${names.join(", ")}`);
  }
  const [only, second] = containers;
  if (only !== undefined && second === undefined) return only.name;
  throw badRequest(`A container must be named for ${label}: choose one of ${names.join(", ")}`);
}
