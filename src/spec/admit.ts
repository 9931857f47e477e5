/**
 * From a decoded object to one that may be stored: defaults, rules, and what a change may not touch. The table has
 * every kind of `resources.ts`.
 *
 * Pure. `defaultObject` is idempotent; the checks return all complaints, in the order of the fields.
 */

import { configMapRules } from "./config-map-rules.ts";
import { controllerRevisionRules } from "./controller-revision-rules.ts";
import { cronJobRules } from "./cron-job-rules.ts";
import { daemonSetRules } from "./daemon-set-rules.ts";
import { type DefaultOptions, defaultMetadata } from "./default-metadata.ts";
import { deploymentRules } from "./deployment-rules.ts";
import { endpointSliceRules } from "./endpoint-slice-rules.ts";
import { eventRules } from "./event-rules.ts";
import { type FieldIssue, IssueList } from "./field-issue.ts";
import { jobRules } from "./job-rules.ts";
import type { KindRules } from "./kind-rules.ts";
import { leaseRules } from "./lease-rules.ts";
import { namespaceRules } from "./namespace-rules.ts";
import { nodeRules } from "./node-rules.ts";
import { persistentVolumeClaimRules } from "./persistent-volume-claim-rules.ts";
import { persistentVolumeRules } from "./persistent-volume-rules.ts";
import { podDisruptionBudgetRules } from "./pod-disruption-budget-rules.ts";
import { podRules } from "./pod-rules.ts";
import { priorityClassRules } from "./priority-class-rules.ts";
import { replicaSetRules } from "./replica-set-rules.ts";
import { type KubernetesObject, resourceOfKind } from "./resources.ts";
import {
  clusterRoleBindingRules,
  clusterRoleRules,
  roleBindingRules,
  roleRules,
} from "./role-rules.ts";
import { runtimeClassRules } from "./runtime-class-rules.ts";
import { secretRules } from "./secret-rules.ts";
import { serviceRules } from "./service-rules.ts";
import { statefulSetRules } from "./stateful-set-rules.ts";
import { storageClassRules } from "./storage-class-rules.ts";
import { validateMetadata } from "./validate-metadata.ts";

const table: ReadonlyMap<string, KindRules<KubernetesObject>> = new Map([
  ["ClusterRole", asAny(clusterRoleRules)],
  ["ClusterRoleBinding", asAny(clusterRoleBindingRules)],
  ["ConfigMap", asAny(configMapRules)],
  ["CronJob", asAny(cronJobRules)],
  ["ControllerRevision", asAny(controllerRevisionRules)],
  ["DaemonSet", asAny(daemonSetRules)],
  ["Deployment", asAny(deploymentRules)],
  ["EndpointSlice", asAny(endpointSliceRules)],
  ["Event", asAny(eventRules)],
  ["Job", asAny(jobRules)],
  ["Lease", asAny(leaseRules)],
  ["Namespace", asAny(namespaceRules)],
  ["Node", asAny(nodeRules)],
  ["PersistentVolume", asAny(persistentVolumeRules)],
  ["PersistentVolumeClaim", asAny(persistentVolumeClaimRules)],
  ["Pod", asAny(podRules)],
  ["PodDisruptionBudget", asAny(podDisruptionBudgetRules)],
  ["PriorityClass", asAny(priorityClassRules)],
  ["ReplicaSet", asAny(replicaSetRules)],
  ["Role", asAny(roleRules)],
  ["RoleBinding", asAny(roleBindingRules)],
  ["RuntimeClass", asAny(runtimeClassRules)],
  ["Secret", asAny(secretRules)],
  ["Service", asAny(serviceRules)],
  ["ServiceAccount", {}],
  ["StatefulSet", asAny(statefulSetRules)],
  ["StorageClass", asAny(storageClassRules)],
]);

/** The schema of the kind made the object, so its rules get what they expect. */
function asAny<T extends KubernetesObject>(rules: KindRules<T>): KindRules<KubernetesObject> {
  return rules as unknown as KindRules<KubernetesObject>;
}

/** The rules of a kind; none for a kind that nobody wrote rules for. */
export function rulesOf(kind: string): KindRules<KubernetesObject> {
  return table.get(kind) ?? {};
}

/** The object with every default filled in. */
export function defaultObject<T extends KubernetesObject>(object: T, options: DefaultOptions): T {
  const isNamespaced = resourceOfKind(object.kind)?.isNamespaced ?? true;
  const named = { ...object, metadata: defaultMetadata(object.metadata, isNamespaced, options) };
  // `fill` gives the kind that it gets.
  return (rulesOf(object.kind).fill?.(named) as T | undefined) ?? named;
}

/** Complaints about a defaulted object. */
export function validateObject(object: KubernetesObject): readonly FieldIssue[] {
  const { issues, report } = new IssueList();
  const { kind, metadata } = object;
  const { checkName, validate } = rulesOf(kind);
  validateMetadata(metadata, report, {
    isNamespaced: resourceOfKind(kind)?.isNamespaced ?? true,
    ...(checkName !== undefined && { checkName }),
  });
  validate?.(object, report);
  return issues;
}

/** Complaints about a defaulted object that is to be created. */
export function validateNew(object: KubernetesObject): readonly FieldIssue[] {
  const { issues, report } = new IssueList();
  rulesOf(object.kind).validateCreate?.(object, report);
  return [...validateObject(object), ...issues];
}

/** Complaints about a change of an object; both are defaulted, the new one is valid by itself. */
export function validateUpdate<T extends KubernetesObject>(
  next: T,
  current: T,
): readonly FieldIssue[] {
  const { issues, report } = new IssueList();
  if (current.metadata.deletionTimestamp !== undefined) {
    const known = current.metadata.finalizers ?? [];
    const added = (next.metadata.finalizers ?? []).filter((name) => !known.includes(name));
    if (added.length > 0) {
      report(
        "metadata.finalizers",
        `no new finalizers can be added if the object is being deleted, found new finalizers ${added.join(", ")}`,
      );
    }
  }
  rulesOf(current.kind).validateUpdate?.(next, current, report);
  return issues;
}
