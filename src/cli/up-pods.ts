/** Which pods belong to applied objects. Pure. */
import type { LabelSelector } from "../spec/kubernetes.gen.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";

const selecting: readonly string[] = [
  ...["ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job"],
];

/** Tells pods of these objects from others: they are one of them, or a selector of one fits. */
export function podsOf(objects: readonly KubernetesObject[]): (pod: Pod) => boolean {
  const tests = objects.flatMap((object) => {
    const test = testOf(object);
    if (test === undefined) return [];
    const { namespace } = object.metadata;
    return [(pod: Pod) => pod.metadata.namespace === namespace && test(pod)];
  });
  return (pod) => tests.some((test) => test(pod));
}

function testOf(object: KubernetesObject): ((pod: Pod) => boolean) | undefined {
  const { kind, metadata } = object;
  if (kind === "Pod") return (pod) => pod.metadata.uid === metadata.uid;
  if (kind === "CronJob") {
    // Its Jobs are named after it and the minute of their schedule.
    const jobName = new RegExp(`^${metadata.name.replaceAll(".", "\\.")}-\\d+$`);
    return (pod) => jobName.test(pod.metadata.labels?.["batch.kubernetes.io/job-name"] ?? "");
  }
  if (!selecting.includes(kind)) return undefined;
  const { spec } = object as unknown as { readonly spec: { readonly selector?: LabelSelector } };
  const { selector } = spec;
  // The daemon gives every Job one that fits its pods alone.
  return selector === undefined
    ? undefined
    : (pod) => matchesLabels(selector, pod.metadata.labels ?? {});
}
