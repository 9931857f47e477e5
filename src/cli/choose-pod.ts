/**
 * The pod that one argument means, as kubectl reads it: `web` and `pod/web` by its name, `deployment/web`,
 * `service/web` and the like one of those that the object selects: the one that is most likely to answer.
 */
import { PodError } from "../base/errors.ts";
import type { LabelSelector } from "../spec/kubernetes.gen.ts";
import type { List } from "../spec/list.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject, Resource } from "../spec/resources.ts";
import { type Context, podsPath } from "./context.ts";
import { objectLabel, parseObject } from "./object-arguments.ts";
import { getObject } from "./objects.ts";

export interface PodChoice {
  readonly pod: Pod;
  /** Whose pod it is; absent when the pod itself was named. */
  readonly owner?: Selecting;
}

/** An object whose spec.selector chooses pods: a LabelSelector, or the labels of a Service. */
interface Selecting extends KubernetesObject {
  readonly spec: { readonly selector?: object };
}

/** Kinds whose spec.selector chooses pods. */
const selecting = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Service"];

/**
 * Finds it, and says which one when there were several.
 * @throws PodError NotFound; InvalidArgument for kinds that have no pods.
 */
export async function choosePod(context: Context, word: string): Promise<PodChoice> {
  const { client, namespace } = context;
  const { resource, name } = parseObject(word);
  if (resource.kind === "Pod") return { pod: await client.json("GET", podsPath(namespace, name)) };
  if (!selecting.includes(resource.kind)) {
    const message = `"${word}" has no pods: name a pod, or one of ${selecting.join(", ")}`;
    throw new PodError("InvalidArgument", message);
  }
  const owner = await getObject<Selecting>(client, { resource, namespace, name });
  const { items } = await client.json<List<Pod>>("GET", podsPath(namespace));
  const selector = selectorOf(owner, resource);
  const pods = items
    .filter(({ metadata }) => matchesLabels(selector, metadata.labels ?? {}))
    .sort((a, b) => rank(b) - rank(a));
  const [pod] = pods;
  const label = objectLabel(resource, name);
  if (pod === undefined) throw new PodError("NotFound", `No pods of ${label} in "${namespace}"`);
  if (pods.length > 1) {
    context.screen.remark(`Found ${pods.length} pods, using pod/${pod.metadata.name}`);
  }
  return { pod, owner };
}

/** A Service that selects nothing has no pods, where an empty selector of labels fits all. */
function selectorOf({ spec: { selector } }: Selecting, { kind }: Resource): LabelSelector {
  if (kind !== "Service") return selector ?? {};
  return selector === undefined
    ? { matchExpressions: [{ key: "", operator: "Exists" }] }
    : { matchLabels: selector as Readonly<Record<string, string>> };
}

/** Ready ones before those that run, these before all others. */
function rank({ metadata, status }: Pod): number {
  const { phase, conditions = [] } = status ?? {};
  const isReady = conditions.some((each) => each.type === "Ready" && each.status === "True");
  const isLeaving = metadata.deletionTimestamp !== undefined;
  return (isLeaving ? 0 : 4) + (phase === "Running" ? 2 : 0) + (isReady ? 1 : 0);
}
