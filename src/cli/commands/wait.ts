/** `nspod wait --for=…`: returns when objects are as wanted; 1 when the time is over before. */
import { isPodError, PodError } from "../../base/errors.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { followObject } from "../follow-object.ts";
import { type ManifestSources, readObjects } from "../manifests.ts";
import { objectLabel, parseObjectsOrPods } from "../object-arguments.ts";
import { getObject, listObjects, type ObjectName, watchObjects } from "../objects.ts";
import { isReached, parseWaitGoal, type WaitGoal } from "../wait-condition.ts";
import { resourceOf } from "./apply.ts";

export interface WaitOptions extends ManifestSources {
  readonly for: string;
  readonly timeout: string;
  readonly selector?: string;
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
}

export async function waitForObjects(
  context: Context,
  words: readonly string[],
  options: WaitOptions,
): Promise<number> {
  const goal = parseWaitGoal(options.for);
  const signal = AbortSignal.timeout(timeoutOf(options.timeout));
  const targets = await findTargets(context, words, options);
  if (targets.length === 0) {
    // Nothing is left to be deleted: that is what was waited for.
    if (goal.goal === "delete") return 0;
    throw new PodError("NotFound", "No matching resources found");
  }
  const results = await Promise.all(targets.map((target) => wait(context, target, goal, signal)));
  return results.every(Boolean) ? 0 : 1;
}

/** 0 looks once, a negative time waits for a week. Source: kubectl. */
function timeoutOf(text: string): number {
  if (text.startsWith("-")) return 7 * 24 * 3600 * 1000;
  return parseDuration(text, "--timeout");
}

async function findTargets(
  context: Context,
  words: readonly string[],
  options: WaitOptions,
): Promise<readonly ObjectName[]> {
  const { selector, all, allNamespaces } = options;
  if (options.filename !== undefined || options.kustomize !== undefined) {
    const objects = await readObjects(options, context.givenNamespace);
    return objects.map((object) => ({ resource: resourceOf(object), ...object.metadata }));
  }
  const wanted = parseObjectsOrPods(words);
  if (wanted.length === 0)
    throw new PodError("InvalidArgument", "Name the objects to wait for, or use -f");
  const targets: ObjectName[] = [];
  for (const { resource, name } of wanted) {
    const namespace = resource.isNamespaced && !allNamespaces ? context.namespace : "";
    if (name !== undefined) {
      targets.push({ resource, namespace, name });
    } else if (all || selector !== undefined) {
      const list = await listObjects<KubernetesObject>(context.client, {
        resource,
        namespace,
        labelSelector: selector,
      });
      targets.push(...list.items.map(({ metadata }) => ({ resource, ...metadata })));
    } else {
      throw new PodError("InvalidArgument", `Which ${resource.plural}? Add names, -l or --all`);
    }
  }
  return targets;
}

async function wait(
  context: Context,
  target: ObjectName,
  goal: WaitGoal,
  signal: AbortSignal,
): Promise<boolean> {
  const { screen } = context;
  const label = objectLabel(target.resource, target.name);
  const isMet =
    goal.goal === "create"
      ? await untilCreated(context, target, signal)
      : await untilReached(context, target, goal, signal);
  if (isMet) {
    screen.print(`${label} ${goal.goal === "delete" ? "deleted" : "condition met"}`);
    return true;
  }
  screen.remark(`nspod: timed out waiting for the condition on ${label}`);
  return false;
}

async function untilReached(
  { client }: Context,
  target: ObjectName,
  goal: WaitGoal,
  signal: AbortSignal,
): Promise<boolean> {
  let now: KubernetesObject;
  try {
    now = await getObject(client, target);
  } catch (error) {
    if (goal.goal === "delete" && isPodError(error, "NotFound")) return true;
    throw error;
  }
  if (isReached(goal, now)) return true;
  for await (const next of followObject(client, target.resource, now, signal)) {
    if (isReached(goal, next)) return true;
  }
  if (signal.aborted) return false;
  if (goal.goal === "delete") return true;
  throw new PodError(
    "NotFound",
    `${objectLabel(target.resource, target.name)} was deleted while we waited`,
  );
}

async function untilCreated(
  { client }: Context,
  { resource, namespace, name }: ObjectName,
  signal: AbortSignal,
): Promise<boolean> {
  const selection = { resource, namespace, fieldSelector: `metadata.name=${name}` };
  // Without a revision the watch begins with what there is.
  for await (const { type } of watchObjects(client, selection, { signal })) {
    if (type === "ADDED" || type === "MODIFIED") return true;
  }
  return false;
}
