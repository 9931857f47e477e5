/**
 * What the failure of a pod means to its job, by the rules of `spec.podFailurePolicy`: the first that fits decides.
 * Pure. Source: Kubernetes, "Jobs", "Pod failure policy".
 */
import type { ContainerStatus, Job, PodFailurePolicyRule } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";

export type FailureAction =
  | { readonly action: "Count" | "FailIndex" | "Ignore" }
  /** `message` is that of the condition. */
  | { readonly action: "FailJob"; readonly message: string };

/** @param pod - has failed. */
export function failureAction(job: Job, pod: Pod): FailureAction {
  const { namespace, name } = pod.metadata;
  for (const [index, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const cause = matchRule(rule, pod, `${namespace}/${name}`);
    if (cause === undefined) continue;
    if (rule.action !== "FailJob") return { action: rule.action };
    return { action: "FailJob", message: `${cause} matching FailJob rule at index ${index}` };
  }
  return { action: "Count" };
}

/** How the pod fits the rule, in words; undefined when it does not. */
function matchRule(
  { onExitCodes, onPodConditions = [] }: PodFailurePolicyRule,
  { status }: Pod,
  name: string,
): string | undefined {
  for (const pattern of onPodConditions) {
    const isMet = status?.conditions?.some(
      ({ type, status: value }) => type === pattern.type && value === (pattern.status ?? "True"),
    );
    if (isMet === true) return `Pod ${name} has condition ${pattern.type}`;
  }
  if (onExitCodes === undefined) return undefined;
  const { containerName, operator, values } = onExitCodes;
  const containers = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
  ];
  for (const container of containers) {
    if (containerName !== undefined && container.name !== containerName) continue;
    const exitCode = failureCode(container);
    if (exitCode === undefined || values.includes(exitCode) !== (operator === "In")) continue;
    return `Container ${container.name} for pod ${name} failed with exit code ${exitCode}`;
  }
  return undefined;
}

/** Success is no failure, whatever a rule says. */
function failureCode({ state }: ContainerStatus): number | undefined {
  const exitCode = state?.terminated?.exitCode;
  return exitCode === 0 ? undefined : exitCode;
}
