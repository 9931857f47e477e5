/**
 * The parts of an object that can be written by a path of their own: the object itself, its status, and what
 * subresources of pods add. A write of one part leaves the others as they are.
 * Source: Kubernetes API conventions, "Spec and Status".
 */
import { rulesOf, validateObject, validateUpdate } from "../spec/admit.ts";
import type { FieldIssue } from "../spec/field-issue.ts";
import { firstDifference } from "../spec/first-difference.ts";
import type { KubernetesObject } from "../spec/resources.ts";

export interface ObjectPart {
  /** The last word of the path; "" for the object itself. */
  readonly subresource: string;
  /** The stored object with this part of the wish, which is defaulted. */
  readonly take: (wish: KubernetesObject, current: KubernetesObject) => KubernetesObject;
  /** @param ownNode - name of the node whose agent works in this process. */
  readonly check: (
    next: KubernetesObject,
    current: KubernetesObject,
    ownNode: string,
  ) => readonly FieldIssue[];
}

interface WithStatus extends KubernetesObject {
  readonly status?: unknown;
}

/** Everything but the status. */
export const wholeObject: ObjectPart = {
  subresource: "",
  take(wish, current) {
    const { labels, annotations, ownerReferences, finalizers } = wish.metadata;
    const {
      labels: _,
      annotations: __,
      ownerReferences: ___,
      finalizers: ____,
      ...identity
    } = current.metadata;
    const metadata = {
      ...identity,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(ownerReferences && { ownerReferences }),
      ...(finalizers && { finalizers }),
    };
    const next = { ...wish, metadata };
    return rulesOf(current.kind).hasStatus === true ? withStatus(next, current) : next;
  },
  check: (next, current) => [...validateObject(next), ...validateUpdate(next, current)],
};

/** The status alone, as whoever works on the object reports it. */
export const statusPart: ObjectPart = {
  subresource: "status",
  take: (wish, current) => withStatus(current, wish),
  check: () => [],
};

/** `object` with the status of `other`. */
function withStatus(object: WithStatus, { status }: WithStatus): WithStatus {
  const { status: _, ...rest } = object;
  return status === undefined ? rest : { ...rest, status };
}

/** The next state with a higher generation when the wish, not only metadata or status, has changed. */
export function withGeneration(
  next: KubernetesObject,
  current: KubernetesObject,
): KubernetesObject {
  if (rulesOf(current.kind).hasGeneration !== true) return next;
  const isSame = firstDifference(wishOf(current), wishOf(next), "") === undefined;
  if (isSame) return next;
  const generation = (current.metadata.generation ?? 0) + 1;
  return { ...next, metadata: { ...next.metadata, generation } };
}

function wishOf(object: WithStatus): object {
  const { metadata, status, ...wish } = object;
  return wish;
}
