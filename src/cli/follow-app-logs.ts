/** The logs of all pods of applied objects, also of those that come later, in one stream of lines. */
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { isLostConnection } from "./api-client.ts";
import type { Context } from "./context.ts";
import { LogFollower } from "./log-follower.ts";
import { coloured } from "./log-prefix.ts";
import { parseResource } from "./object-arguments.ts";
import { listObjects, watchObjects } from "./objects.ts";
import { labelOf } from "./output-format.ts";
import { podsOf } from "./up-pods.ts";
import { followUntil } from "./up-wait.ts";

/** Kinds that come to an end by themselves. */
const ending: readonly string[] = ["Pod", "Job"];
/** Kinds that keep making pods. */
const endless: readonly string[] = [
  ...["CronJob", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet"],
];

export interface FollowOptions {
  /** RFC 3339: older lines are not shown. */
  readonly since: string;
  readonly isRaw: boolean;
  readonly signal: AbortSignal;
}

/**
 * Follows until `signal` fires, or until all pods and Jobs have ended and nothing else makes pods.
 * @returns the exit code: 1 when one of them failed.
 */
export async function followAppLogs(
  context: Context,
  objects: readonly KubernetesObject[],
  options: FollowOptions,
): Promise<number> {
  const ends = objects.filter(({ kind }) => ending.includes(kind));
  const isEndless = objects.some(({ kind }) => endless.includes(kind));
  if (ends.length === 0 && !isEndless) return 0;
  const over = new AbortController();
  const logs = new AppLogs(context, objects, options);
  const namespaces = new Set(objects.map(({ metadata }) => metadata.namespace));
  const watches = [...namespaces]
    .filter((namespace) => namespace !== "")
    .map((namespace) => logs.follow(namespace, over.signal));
  let code = 0;
  if (!isEndless) {
    code = await untilEnded(context, ends, options.signal);
    over.abort();
  }
  await Promise.all(watches);
  return code;
}

async function untilEnded(
  context: Context,
  objects: readonly KubernetesObject[],
  signal: AbortSignal,
): Promise<number> {
  const codes = objects.map(async (object) => {
    const { state, text } = await followUntil(
      context,
      object,
      signal,
      (now) => now.state === "ended" || now.state === "failed",
    );
    if (state === "failed") context.screen.remark(`nspod: ${labelOf(object)}: ${text}`);
    return state === "failed" ? 1 : 0;
  });
  return Math.max(...(await Promise.all(codes)));
}

class AppLogs {
  readonly #context: Context;
  readonly #options: FollowOptions;
  readonly #isOurs: (pod: Pod) => boolean;
  readonly #followers = new Map<string, LogFollower>();
  readonly #colours = new Map<string, number>();
  #width = 0;

  constructor(context: Context, objects: readonly KubernetesObject[], options: FollowOptions) {
    this.#context = context;
    this.#options = options;
    this.#isOurs = podsOf(objects);
  }

  /** @param over - fires when no pods come any more: what they have said is read to its end. */
  async follow(namespace: string, over: AbortSignal): Promise<void> {
    const { client } = this.#context;
    const signal = AbortSignal.any([this.#options.signal, over]);
    const selection = { resource: parseResource("pods"), namespace };
    while (!signal.aborted) {
      try {
        // Without a revision the watch begins with what there is.
        for await (const { type, object } of watchObjects(client, selection, { signal })) {
          if (type === "ADDED" || type === "MODIFIED") this.#take(object as Pod);
        }
      } catch (error) {
        if (!isLostConnection(error) && !signal.aborted) throw error;
      }
    }
    if (this.#options.signal.aborted) return;
    // The end of the last one may have been seen before its pod.
    for (const pod of (await listObjects<Pod>(client, selection)).items) this.#take(pod);
    await Promise.all([...this.#followers.values()].map((each) => each.done()));
  }

  #take(pod: Pod): void {
    if (!this.#isOurs(pod)) return;
    const { uid } = pod.metadata;
    const follower = this.#followers.get(uid) ?? this.#start(pod);
    follower.update(pod);
  }

  #start(pod: Pod): LogFollower {
    const { client, screen } = this.#context;
    const { since, isRaw, signal } = this.#options;
    const take = (container: string, line: string): void =>
      screen.printLog(line, this.#prefix(`${pod.metadata.name}/${container}`), isRaw);
    const follower = new LogFollower(client, take, signal, since);
    this.#followers.set(pod.metadata.uid, follower);
    return follower;
  }

  #prefix(label: string): string {
    this.#width = Math.max(this.#width, label.length);
    const colour = this.#colours.get(label) ?? this.#colours.size;
    this.#colours.set(label, colour);
    return coloured(`${label.padEnd(this.#width)} | `, colour, this.#context.screen.hasColours);
  }
}
