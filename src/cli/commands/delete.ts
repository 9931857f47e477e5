/** `nspod delete`: by name, manifest, label or all; waits until the pods are gone. */
import { isPodError, PodError } from "../../base/errors.ts";
import type { List } from "../../spec/list.ts";
import type { Pod } from "../../spec/pod.ts";
import { type Context, podsPath } from "../context.ts";
import { waitUntilGone } from "../delete-pod.ts";
import { parseDuration } from "../duration.ts";
import { podNames } from "../resources.ts";

export interface DeleteOptions {
  readonly filename?: readonly string[];
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly gracePeriod?: string;
  readonly force?: boolean;
  readonly now?: boolean;
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly ignoreNotFound?: boolean;
  readonly output?: "name";
}

export async function deletePods(
  context: Context,
  words: readonly string[],
  options: DeleteOptions,
): Promise<number> {
  const gracePeriodSeconds = graceOf(options);
  const timeoutMs = options.timeout === undefined ? 0 : parseDuration(options.timeout, "--timeout");
  const targets = await findTargets(context, words, options);
  const isForced = gracePeriodSeconds === 0 && options.force === true;
  const deleted: Pod[] = [];
  let failures = 0;
  for (const { namespace, name } of targets) {
    try {
      const pod = await context.client.json<Pod>("DELETE", podsPath(namespace, name), {
        query: { gracePeriodSeconds },
      });
      deleted.push(pod);
      context.screen.print(
        options.output === "name"
          ? `pod/${name}`
          : `pod "${name}" ${isForced ? "force deleted" : "deleted"}`,
      );
    } catch (error) {
      if (!isPodError(error, "NotFound")) throw error;
      if (options.ignoreNotFound || options.all || options.selector !== undefined) continue;
      context.screen.remark(`nspod: ${error.message}`);
      failures += 1;
    }
  }
  if (options.all || options.selector !== undefined) {
    if (targets.length === 0) context.screen.remark("No resources found.");
  }
  if (options.wait !== false) await waitForAll(context, deleted, timeoutMs);
  return failures === 0 ? 0 : 1;
}

interface Target {
  readonly namespace: string;
  readonly name: string;
}

async function findTargets(
  context: Context,
  words: readonly string[],
  options: DeleteOptions,
): Promise<readonly Target[]> {
  const names = podNames(words);
  const isBroad = options.all === true || options.selector !== undefined;
  const ways = [names.length > 0, options.filename !== undefined, isBroad].filter(Boolean).length;
  if (ways === 0) {
    throw new PodError("InvalidArgument", "Name the pods to delete, or use -f, -l or --all");
  }
  if (ways > 1) {
    throw new PodError("InvalidArgument", "Names, -f and -l or --all cannot be combined");
  }
  if (options.filename !== undefined) {
    const { readPods } = await import("../manifests.ts");
    return readPods(options.filename, context.givenNamespace).map(({ metadata }) => metadata);
  }
  if (!isBroad) return names.map((name) => ({ namespace: context.namespace, name }));
  const path = podsPath(options.allNamespaces ? undefined : context.namespace);
  const list = await context.client.json<List<Pod>>("GET", path, {
    query: { labelSelector: options.selector },
  });
  return list.items.map(({ metadata }) => metadata);
}

/** undefined: the pod's own period. */
function graceOf(options: DeleteOptions): number | undefined {
  const { gracePeriod, now, force } = options;
  if (now && gracePeriod !== undefined) {
    throw new PodError("InvalidArgument", "--now and --grace-period cannot be combined");
  }
  if (now) return 1;
  if (gracePeriod === undefined || gracePeriod === "-1") return force ? 0 : undefined;
  const seconds = Number(gracePeriod);
  if (!/^\d+$/.test(gracePeriod) || !Number.isSafeInteger(seconds)) {
    throw new PodError(
      "InvalidArgument",
      `--grace-period: must be a whole number of seconds: got "${gracePeriod}"`,
    );
  }
  return seconds;
}

async function waitForAll(
  context: Context,
  pods: readonly Pod[],
  timeoutMs: number,
): Promise<void> {
  const signal = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : new AbortController().signal;
  const gone = await Promise.all(pods.map((pod) => waitUntilGone(context.client, pod, signal)));
  const left = pods.filter((_, index) => gone[index] === false);
  if (left.length > 0) {
    const names = left.map(({ metadata }) => `"${metadata.name}"`).join(", ");
    throw new PodError("DeadlineExceeded", `Gave up waiting for the deletion of ${names}`);
  }
}
