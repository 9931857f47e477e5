/**
 * The templates that a StatefulSet or DaemonSet has had, as ControllerRevisions: what `rollout undo` goes back to.
 *
 *   template ─▶ a revision with this content? ─▶ it becomes the newest · else a new one, NAME-HASH
 *
 * Source: Kubernetes, apps/v1 ControllerRevision; "Perform a Rollback on a DaemonSet".
 */
import { isPodError } from "../base/errors.ts";
import { firstDifference } from "../spec/first-difference.ts";
import type { ControllerRevision, PodTemplateSpec } from "../spec/kubernetes.gen.ts";
import { contentHash } from "../spec/template-hash.ts";
import { claimObjects } from "./claim-objects.ts";
import type { ControllerContext } from "./controller.ts";
import { controllerReference, type Owner } from "./ownership.ts";

export const revisionLabel = "controller-revision-hash";

/** The objects whose templates are kept. */
export interface Revisioned extends Owner {
  readonly spec: Owner["spec"] & {
    readonly template: PodTemplateSpec;
    readonly revisionHistoryLimit?: number;
  };
  readonly status?: { readonly collisionCount?: number };
}

export interface Revisions {
  /** Oldest first, without the newest. */
  readonly old: readonly ControllerRevision[];
  /** Of the template as it is now. */
  readonly newest: ControllerRevision;
  readonly collisionCount: number | undefined;
}

/** The template in the form of a patch of the object, as clients apply it to go back. */
export function revisionData({ spec }: Revisioned): object {
  return { spec: { template: { ...spec.template, $patch: "replace" } } };
}

/** The template that a revision holds. */
export function templateOf({ data }: ControllerRevision): PodTemplateSpec {
  // Written by `revisionData`; the door lets nobody change it.
  const { spec } = data as { readonly spec: { readonly template: PodTemplateSpec } };
  const { $patch: _, ...template } = spec.template as PodTemplateSpec & { readonly $patch: string };
  return template;
}

/** Finds or makes the revision of the template. */
export function ensureRevisions(owner: Revisioned, context: ControllerContext): Revisions {
  const claimed = claimObjects<ControllerRevision>(owner, "ControllerRevision", context);
  const known = [...claimed].sort((a, b) => a.revision - b.revision);
  const data = revisionData(owner);
  const same = known.findLast((item) => firstDifference(item.data, data, "") === undefined);
  const last = known.at(-1);
  const next = (last?.revision ?? 0) + 1;
  const { collisionCount } = owner.status ?? {};
  if (same === undefined) return { ...make(owner, { data, next, known }, context) };
  const old = known.filter((item) => item !== same);
  if (same === last) return { old, newest: same, collisionCount };
  const { namespace, name } = same.metadata;
  const raised = context.store.mutate<ControllerRevision>(
    "ControllerRevision",
    namespace,
    name,
    (current) => ({ ...current, revision: next }),
    { durable: false },
  );
  return { old, newest: raised ?? same, collisionCount };
}

function make(
  owner: Revisioned,
  {
    data,
    next,
    known,
  }: {
    readonly data: object;
    readonly next: number;
    readonly known: readonly ControllerRevision[];
  },
  { create }: ControllerContext,
): Revisions {
  const { namespace, name } = owner.metadata;
  for (let { collisionCount } = owner.status ?? {}; ; collisionCount = (collisionCount ?? 0) + 1) {
    const hash = contentHash(data, collisionCount);
    try {
      const newest = create<ControllerRevision>({
        apiVersion: "apps/v1",
        kind: "ControllerRevision",
        metadata: {
          name: `${name}-${hash}`,
          namespace,
          uid: "",
          labels: { ...owner.spec.template.metadata.labels, [revisionLabel]: hash },
          ...(owner.metadata.annotations && { annotations: kept(owner.metadata.annotations) }),
          ownerReferences: [controllerReference(owner)],
        },
        data,
        revision: next,
      });
      return { old: known, newest, collisionCount };
    } catch (error) {
      if (!isPodError(error, "AlreadyExists")) throw error;
    }
  }
}

/** The manifest that was applied says nothing of the revision; the cause of a change does. */
function kept(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { "kubectl.kubernetes.io/last-applied-configuration": _, ...rest } = annotations;
  return rest;
}

/** The label of pods that have a revision's template. */
export function hashOf({ metadata }: ControllerRevision): string {
  return metadata.labels?.[revisionLabel] ?? metadata.name;
}

/** Old revisions that nothing uses and that are more than are to be kept, oldest first. Pure. */
export function surplusRevisions(
  old: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
  limit = 10,
): readonly ControllerRevision[] {
  const unused = old.filter((item) => !inUse.has(hashOf(item)) && !inUse.has(item.metadata.name));
  return unused.slice(0, Math.max(0, unused.length - limit));
}
