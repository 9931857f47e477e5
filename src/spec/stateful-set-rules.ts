/** StatefulSet. Source: Kubernetes API reference, apps/v1 StatefulSet; "StatefulSets". */

import { itemPath, type Report } from "./field-issue.ts";
import { firstDifference } from "./first-difference.ts";
import { isZero, validateIntOrPercent } from "./int-or-percent.ts";
import type { KindRules } from "./kind-rules.ts";
import type {
  PodTemplateSpec,
  StatefulSet,
  StatefulSetSpec,
  VolumeClaimTemplate,
} from "./kubernetes.gen.ts";
import { fillClaimSpec, validateClaimSpec } from "./persistent-volume-claim-rules.ts";
import {
  fillPodTemplate,
  validateCount,
  validateSameSelector,
  validateSelectorAndTemplate,
  writtenMeta,
} from "./pod-template.ts";
import { checkDnsLabel, checkDnsSubdomain } from "./validate-names.ts";

export const statefulSetRules: KindRules<StatefulSet> = {
  hasStatus: true,
  hasGeneration: true,
  // Its pods are named after it, and host names are labels.
  checkName: checkDnsLabel,
  fill: (set) => ({ ...set, spec: fillSpec(set.spec) }),
  begin: (set) => ({ ...set, status: { replicas: 0 } }),
  validate: ({ spec }, report) => validateSpec(spec, report),
  validateUpdate,
};

function fillSpec(spec: StatefulSetSpec): StatefulSetSpec {
  const { type = "RollingUpdate", rollingUpdate } = spec.updateStrategy ?? {};
  const { whenDeleted = "Retain", whenScaled = "Retain" } =
    spec.persistentVolumeClaimRetentionPolicy ?? {};
  return {
    ...spec,
    replicas: spec.replicas ?? 1,
    template: fillPodTemplate(spec.template),
    ...(spec.volumeClaimTemplates && {
      volumeClaimTemplates: spec.volumeClaimTemplates.map(fillClaim),
    }),
    podManagementPolicy: spec.podManagementPolicy ?? "OrderedReady",
    updateStrategy: {
      type,
      ...(rollingUpdate && { rollingUpdate }),
      ...(type === "RollingUpdate" && {
        rollingUpdate: { ...rollingUpdate, partition: rollingUpdate?.partition ?? 0 },
      }),
    },
    persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled },
    revisionHistoryLimit: spec.revisionHistoryLimit ?? 10,
  };
}

function fillClaim({ metadata, spec }: VolumeClaimTemplate): VolumeClaimTemplate {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: writtenMeta(metadata),
    spec: fillClaimSpec(spec),
    status: { phase: "Pending" },
  };
}

function validateSpec(spec: StatefulSetSpec, report: Report): void {
  validateCount(spec.replicas, "spec.replicas", report);
  validateCount(spec.minReadySeconds, "spec.minReadySeconds", report);
  validateCount(spec.revisionHistoryLimit, "spec.revisionHistoryLimit", report);
  validateCount(spec.ordinals?.start, "spec.ordinals.start", report);
  validateSelectorAndTemplate(
    { selector: spec.selector, template: withClaimVolumes(spec) },
    report,
  );
  if (spec.serviceName) {
    const complaint = checkDnsSubdomain(spec.serviceName);
    if (complaint !== undefined) report("spec.serviceName", complaint);
  }
  validateStrategy(spec, report);
  for (const when of ["whenDeleted", "whenScaled"] as const) {
    const policy = spec.persistentVolumeClaimRetentionPolicy?.[when] ?? "Retain";
    if (policy === "Retain" || policy === "Delete") continue;
    const path = `spec.persistentVolumeClaimRetentionPolicy.${when}`;
    report(path, `must be one of "Retain", "Delete": got "${policy}"`);
  }
  for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
    const path = itemPath("spec.volumeClaimTemplates", index);
    const complaint = checkDnsLabel(claim.metadata.name ?? "");
    if (complaint !== undefined) report(`${path}.metadata.name`, complaint);
    validateClaimSpec(claim.spec, `${path}.spec`, report);
  }
}

/** The template with the volumes that its pods get from the claims. */
function withClaimVolumes({
  template,
  volumeClaimTemplates = [],
}: StatefulSetSpec): PodTemplateSpec {
  const { metadata, spec } = template;
  const names = new Set(volumeClaimTemplates.map((claim) => claim.metadata.name ?? ""));
  const own = (spec.volumes ?? []).filter(({ name }) => !names.has(name));
  const claimed = [...names]
    .filter((name) => checkDnsLabel(name) === undefined)
    .map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { metadata, spec: { ...spec, volumes: [...own, ...claimed] } };
}

function validateStrategy({ updateStrategy }: StatefulSetSpec, report: Report): void {
  const { type, rollingUpdate } = updateStrategy ?? {};
  if (rollingUpdate === undefined) return;
  const path = "spec.updateStrategy.rollingUpdate";
  if (type === "OnDelete") {
    report(path, 'only allowed for updateStrategy "RollingUpdate"');
    return;
  }
  validateCount(rollingUpdate.partition, `${path}.partition`, report);
  const { maxUnavailable } = rollingUpdate;
  if (maxUnavailable === undefined) return;
  validateIntOrPercent(maxUnavailable, `${path}.maxUnavailable`, report, 100);
  if (isZero(maxUnavailable)) report(`${path}.maxUnavailable`, "cannot be 0");
}

/** What may change; the rest says which pods and claims belong to it. */
const changeable: readonly (keyof StatefulSetSpec)[] = [
  "minReadySeconds",
  "ordinals",
  "persistentVolumeClaimRetentionPolicy",
  "replicas",
  "revisionHistoryLimit",
  "selector",
  "template",
  "updateStrategy",
];

function validateUpdate(next: StatefulSet, current: StatefulSet, report: Report): void {
  validateSameSelector(next.spec.selector, current.spec.selector, report);
  const fixed = ({ spec }: StatefulSet): object =>
    Object.fromEntries(
      Object.entries(spec).filter(([field]) => !changeable.some((name) => name === field)),
    );
  if (firstDifference(fixed(current), fixed(next), "") === undefined) return;
  report(
    "spec",
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  );
}
