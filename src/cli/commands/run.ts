/**
 * `nspod run`: creates the pods of a manifest and, in the foreground, stays with them: logs of all
 * containers, Ctrl-C, exit code.
 *
 *   foreground      the pod stays when it ends by itself (logs, describe), unless --rm
 *   Ctrl-C          stops gracefully and deletes what this command created; a second one kills
 *   stuck           a pod that can never start (no such image) is reported and deleted
 *   -d              prints the names and returns; --wait returns when the goal is reached
 *   --timings       waits until the pods run and says where their start spent its time
 */
import { PodError } from "../../base/errors.ts";
import type { PodFacts } from "../../pod/pod-facts.ts";
import type { Pod } from "../../spec/pod.ts";
import { attendPods, type Create } from "../attend-pods.ts";
import type { SessionStreams } from "../attend-session.ts";
import { type Context, podsPath } from "../context.ts";
import { deletePod } from "../delete-pod.ts";
import { parseDuration } from "../duration.ts";
import { readPods } from "../manifests.ts";
import type { Goal } from "../pod-outcome.ts";

export interface RunOptions {
  readonly detach?: boolean;
  readonly rm?: boolean;
  readonly wait?: Goal;
  readonly timeout?: string;
  readonly imageArchive?: readonly string[];
  readonly explain?: boolean;
  readonly name?: string;
  readonly raw?: boolean;
  readonly timings?: boolean;
  /** The foreground is the terminal or the input of the one pod's first container. */
  readonly session?: SessionStreams;
}

/** @returns the exit code of the process. */
export async function runManifests(
  context: Context,
  sources: readonly string[],
  options: RunOptions,
): Promise<number> {
  const read = (): readonly Pod[] =>
    namePod(readPods(sources, context.givenNamespace), options.name);
  return await runPods(context, read, options);
}

/**
 * @param read - gives the pods, with their namespaces; not called when the options contradict each other.
 * @returns the exit code of the process.
 */
export async function runPods(
  context: Context,
  read: () => readonly Pod[],
  options: RunOptions,
): Promise<number> {
  const timeoutMs = parseDuration(options.timeout ?? "60s", "--timeout");
  const goal = options.wait ?? (options.timings ? "running" : undefined);
  const isDetached = options.detach === true || goal !== undefined;
  if (isDetached && options.rm === true) {
    throw new PodError(
      "InvalidArgument",
      "--rm removes the pod when the foreground run ends: leave out -d, --wait and --timings, or delete the pod later",
    );
  }
  const pods = read();
  for (const archive of options.imageArchive ?? []) {
    const { loadArchive } = await import("./image-load.ts");
    await loadArchive(context, archive, { isQuiet: true });
  }
  if (options.explain === true) return await explain(context, pods);
  if (!isDetached) {
    const create: Create = (onCreated) => createPods(context, pods, onCreated);
    const isRemoved = options.rm === true;
    if (options.session === undefined) {
      return await attendPods(context, create, { isRemoved, isRaw: options.raw === true });
    }
    const { attendSession } = await import("../attend-session.ts");
    return await attendSession(context, create, { ...options.session, isRemoved });
  }
  const created = await createPods(context, pods);
  if (goal !== undefined) {
    const { waitForPods } = await import("../wait-for-pods.ts");
    const code = await waitForPods(context, created, goal, timeoutMs);
    if (code !== 0) return code;
  }
  if (options.timings) await showTimings(context, created);
  for (const { metadata } of created) context.screen.print(`pod/${metadata.name}`);
  return 0;
}

/** To standard error: the names are the output. */
async function showTimings({ client, screen }: Context, pods: readonly Pod[]): Promise<void> {
  const { startTable } = await import("../start-table.ts");
  for (const { metadata } of pods) {
    const path = `/nspod/v1/namespaces/${metadata.namespace}/pods/${metadata.name}/facts`;
    const { start = [] } = await client.json<PodFacts>("GET", path);
    screen.remark(startTable(metadata.name, start));
  }
}

async function explain(context: Context, pods: readonly Pod[]): Promise<number> {
  for (const pod of pods) {
    const listing = await context.client.text("POST", "/nspod/v1/explain", { body: pod });
    context.screen.print(listing.trimEnd());
  }
  return 0;
}

function namePod(pods: readonly Pod[], name: string | undefined): readonly Pod[] {
  if (name === undefined) return pods;
  const [pod, ...others] = pods;
  if (pod === undefined || others.length > 0) {
    throw new PodError(
      "InvalidArgument",
      `--name: the manifest holds ${pods.length} pods, not one`,
    );
  }
  return [{ ...pod, metadata: { ...pod.metadata, name } }];
}

/** All or nothing: when one is refused, those before it are deleted again. */
async function createPods(
  { client }: Context,
  pods: readonly Pod[],
  onCreated: (pod: Pod) => void = () => undefined,
): Promise<readonly Pod[]> {
  const created: Pod[] = [];
  try {
    for (const pod of pods) {
      const path = podsPath(pod.metadata.namespace);
      const made = await client.json<Pod>("POST", path, { body: pod });
      created.push(made);
      onCreated(made);
    }
  } catch (error) {
    await Promise.all(created.map((pod) => deletePod(client, pod, 0)));
    throw error;
  }
  return created;
}
