/** Objects that `create` makes of a name and a few options, in kubectl's shape and without what only the server writes. Pure. */
import { PodError } from "../base/errors.ts";
import type { OwnerReference } from "../spec/meta.ts";

/** An object as its author would write it; the command adds the namespace. */
export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly OwnerReference[];
  };
  readonly [field: string]: unknown;
}

export function newNamespace(name: string): NewObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

export function newServiceAccount(name: string): NewObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } };
}

export interface PriorityClassOptions {
  readonly value?: string;
  readonly globalDefault?: boolean;
  readonly description?: string;
  readonly preemptionPolicy?: string;
}

/** @throws PodError InvalidArgument. */
export function newPriorityClass(name: string, options: PriorityClassOptions): NewObject {
  const { value = "0", globalDefault, description, preemptionPolicy } = options;
  return {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value: wholeNumber(value, "--value"),
    ...(globalDefault === true && { globalDefault }),
    ...(description !== undefined && { description }),
    preemptionPolicy: preemptionPolicy ?? "PreemptLowerPriority",
  };
}

export interface BudgetOptions {
  readonly selector?: string;
  readonly minAvailable?: string;
  readonly maxUnavailable?: string;
}

/** @throws PodError InvalidArgument. */
export function newDisruptionBudget(name: string, options: BudgetOptions): NewObject {
  const { selector = "", minAvailable, maxUnavailable } = options;
  if ((minAvailable === undefined) === (maxUnavailable === undefined)) {
    throw new PodError(
      "InvalidArgument",
      "one of --min-available and --max-unavailable must be specified",
    );
  }
  const count = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name },
    spec: {
      ...(minAvailable !== undefined && { minAvailable: count(minAvailable) }),
      ...(maxUnavailable !== undefined && { maxUnavailable: count(maxUnavailable) }),
      selector: { matchLabels: equalities(selector, "--selector") },
    },
  };
}

/** `app=web,tier=front`: labels that must be so. @throws PodError InvalidArgument, also for other requirements. */
export function equalities(text: string, option: string): Readonly<Record<string, string>> {
  const pairs = text.split(",").map((word) => /^([^=!\s]+)={1,2}([^=\s]*)$/.exec(word.trim()));
  const labels = pairs.flatMap((pair) => (pair === null ? [] : [[pair[1] ?? "", pair[2] ?? ""]]));
  if (labels.length === pairs.length) return Object.fromEntries(labels) as Record<string, string>;
  throw new PodError("InvalidArgument", `${option}: must be KEY=VALUE,KEY=VALUE: got "${text}"`);
}

/** @throws PodError InvalidArgument. */
export function wholeNumber(text: string, option: string): number {
  if (/^-?\d{1,10}$/.test(text)) return Number(text);
  throw new PodError("InvalidArgument", `${option}: must be a whole number: got "${text}"`);
}
