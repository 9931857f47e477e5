/**
 * Whether a container that has ended starts again. Pure.
 *
 *   a rule that matches the exit code   →   restart
 *   restartPolicy of the container      →   Always, OnFailure, Never
 *   restartPolicy of the pod            →   likewise
 *
 * Source: Kubernetes "Pod Lifecycle", sections on container restarts and restart rules.
 */
import type { ContainerRestartRule, Pod } from "../spec/pod.ts";
import { type ContainerRef, isSidecar } from "./container-refs.ts";

/** The policy that holds for this container when no rule does. */
export function restartPolicyOf(pod: Pod, { container, list }: ContainerRef): string {
  if (list === "ephemeralContainers") return "Never";
  return container.restartPolicy ?? pod.spec.restartPolicy ?? "Always";
}

/** Whether it starts again after an exit with this code. */
export function shouldRestart(pod: Pod, ref: ContainerRef, exitCode: number): boolean {
  const hasCompleted = ref.list === "initContainers" && exitCode === 0 && !isSidecar(ref);
  if (hasCompleted || ref.list === "ephemeralContainers") return false;
  if (matchingRule(ref, exitCode) !== undefined) return true;
  const policy = restartPolicyOf(pod, ref);
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

/** The first rule of the container that speaks of this exit code. */
export function matchingRule(
  { container }: ContainerRef,
  exitCode: number,
): ContainerRestartRule | undefined {
  return container.restartPolicyRules?.find(({ exitCodes }) => {
    if (exitCodes === undefined) return false;
    const isListed = (exitCodes.values ?? []).includes(exitCode);
    return exitCodes.operator === "In" ? isListed : !isListed;
  });
}
