/**
 * What the server adds to a new pod that decides where and how it runs: its runtime class, its priority, and how long
 * it tolerates a node that has gone. Plugins RuntimeClass, Priority and DefaultTolerationSeconds.
 * Source: Kubernetes, "Runtime Class", "Pod Overhead", "Pod Priority and Preemption", "Taint based Evictions".
 */
import { firstDifference } from "../spec/first-difference.ts";
import type { PriorityClass, RuntimeClass, Toleration } from "../spec/kubernetes.gen.ts";
import { forbidden } from "../spec/object-problem.ts";
import type { Pod, PodSpec } from "../spec/pod.ts";
import { canonicalQuantity } from "../spec/quantity.ts";
import { keepToken } from "../spec/service-account-token.ts";
import type { Store } from "../store/store.ts";

/** @throws PodError PermissionDenied in the words of the plugins. */
export function admitPod(store: Store, pod: Pod): Pod {
  const spec = withPriority(store, pod, withRuntimeClass(store, pod, pod.spec));
  return { ...pod, spec: withTolerations(spec) };
}

/** What a manifest need not say. */
const addedFields = [
  "nodeName",
  "priority",
  "preemptionPolicy",
  "overhead",
  "imagePullSecrets",
] as const;

/**
 * A changed pod with what the server had added to it, where the wish does not say it: whoever replaces a pod has its
 * manifest, not the server's answer.
 */
export function keepAdmitted(wish: Pod, current: Pod): Pod {
  const next = keepToken(wish, current);
  const [spec, known] = [next.spec, current.spec];
  const kept: { -readonly [F in keyof PodSpec]?: PodSpec[F] } = {};
  const keep = <F extends keyof PodSpec>(field: F): void => {
    if (spec[field] === undefined && known[field] !== undefined) kept[field] = known[field];
  };
  for (const field of addedFields) keep(field);
  const added = (known.tolerations ?? []).filter(
    (toleration) => isDefault(toleration) && !coversKey(spec.tolerations ?? [], toleration.key),
  );
  if (added.length > 0) kept.tolerations = [...(spec.tolerations ?? []), ...added];
  return { ...next, spec: { ...spec, ...kept } };
}

function withRuntimeClass(store: Store, { metadata }: Pod, spec: PodSpec): PodSpec {
  const refuse = (why: string) => forbidden("Pod", metadata.name, `pod rejected: ${why}`);
  if (!spec.runtimeClassName) return spec;
  const found = store.get<RuntimeClass>("RuntimeClass", "", spec.runtimeClassName);
  if (found === undefined) throw refuse(`RuntimeClass "${spec.runtimeClassName}" not found`);
  const { nodeSelector, tolerations = [] } = found.scheduling ?? {};
  const podFixed = found.overhead?.podFixed;
  if (spec.overhead !== undefined && !isSameList(spec.overhead, podFixed ?? {})) {
    throw refuse(
      podFixed === undefined
        ? "Pod Overhead set without corresponding RuntimeClass defined Overhead"
        : "Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    );
  }
  for (const [key, value] of Object.entries(nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own === undefined || own === value) continue;
    throw refuse(
      `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
    );
  }
  const further = tolerations.filter(
    (toleration) => !(spec.tolerations ?? []).some((own) => isSame(own, toleration)),
  );
  return {
    ...spec,
    ...(podFixed && { overhead: podFixed }),
    ...(nodeSelector && { nodeSelector: { ...spec.nodeSelector, ...nodeSelector } }),
    ...(further.length > 0 && { tolerations: [...(spec.tolerations ?? []), ...further] }),
  };
}

function withPriority(store: Store, { metadata }: Pod, spec: PodSpec): PodSpec {
  const refuse = (why: string) => forbidden("Pod", metadata.name, why);
  const found = priorityClassOf(store, spec);
  if (spec.priorityClassName && found === undefined) {
    throw refuse(`no PriorityClass with name ${spec.priorityClassName} was found`);
  }
  const { value = 0, preemptionPolicy = "PreemptLowerPriority" } = found ?? {};
  if (spec.priority !== undefined && spec.priority !== value) {
    throw refuse(
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    throw refuse(
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
    );
  }
  const priorityClassName = found?.metadata.name;
  return {
    ...spec,
    ...(priorityClassName !== undefined && { priorityClassName }),
    priority: value,
    preemptionPolicy,
  };
}

/** The class that the pod names, else the one for everybody. */
function priorityClassOf(store: Store, { priorityClassName }: PodSpec): PriorityClass | undefined {
  if (priorityClassName) return store.get<PriorityClass>("PriorityClass", "", priorityClassName);
  const defaults = store
    .list<PriorityClass>("PriorityClass")
    .items.filter(({ globalDefault }) => globalDefault === true);
  return defaults.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}

const gone = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/** Five minutes, as on every cluster. */
const goneSeconds = 300;

function withTolerations(spec: PodSpec): PodSpec {
  const tolerations = spec.tolerations ?? [];
  const added = gone
    .filter((key) => !coversKey(tolerations, key))
    .map((key): Toleration => {
      const effect = "NoExecute";
      return { key, operator: "Exists", effect, tolerationSeconds: goneSeconds };
    });
  return added.length === 0 ? spec : { ...spec, tolerations: [...tolerations, ...added] };
}

function isDefault({ key = "", tolerationSeconds }: Toleration): boolean {
  return gone.includes(key) && tolerationSeconds === goneSeconds;
}

/** Whether one of them is about this taint with the effect NoExecute. */
function coversKey(tolerations: readonly Toleration[], key = ""): boolean {
  return tolerations.some(
    (toleration) =>
      (toleration.key === key || !toleration.key) &&
      (toleration.effect === "NoExecute" || !toleration.effect),
  );
}

function isSame(one: Toleration, other: Toleration): boolean {
  return firstDifference(one, other, "") === undefined;
}

function isSameList(
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): boolean {
  const canonical = (list: Readonly<Record<string, string>>): object =>
    Object.fromEntries(
      Object.entries(list).map(([name, amount]) => [name, canonicalQuantity(amount)]),
    );
  return firstDifference(canonical(one), canonical(other), "") === undefined;
}
