/** `nspod rollout status|history|undo|pause|resume|restart`. Source: Kubernetes, "kubectl rollout". */
import { toTime } from "../../base/clock.ts";
import { PodError } from "../../base/errors.ts";
import type {
  ControllerRevision,
  Deployment,
  PodTemplateSpec,
  ReplicaSet,
} from "../../spec/kubernetes.gen.ts";
import { type KubernetesObject, resourceOfKind } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { followObject } from "../follow-object.ts";
import { objectLabel, parseObjects } from "../object-arguments.ts";
import { getObject, listObjects, type ObjectName, patchObject } from "../objects.ts";
import { type Rolled, rolloutProgress } from "../rollout-progress.ts";
import { columnWidths, formatRow } from "../table.ts";
import { named } from "../target-objects.ts";

const revisionAnnotation = "deployment.kubernetes.io/revision";
const causeAnnotation = "kubernetes.io/change-cause";

function targets(
  context: Context,
  words: readonly string[],
  kinds: readonly string[] = ["Deployment", "StatefulSet", "DaemonSet"],
): readonly ObjectName[] {
  const found = named(context, parseObjects(words));
  for (const { resource, name } of found) {
    if (kinds.includes(resource.kind)) continue;
    throw new PodError(
      "InvalidArgument",
      `${objectLabel(resource, name)}: this command works on ${kinds.map((kind) => resourceOfKind(kind)?.plural).join(", ")}`,
    );
  }
  return found;
}

export interface StatusOptions {
  /** commander's `--no-watch`. */
  readonly watch?: boolean;
  readonly timeout?: string;
}

export async function rolloutStatus(
  context: Context,
  words: readonly string[],
  { watch = true, timeout }: StatusOptions,
): Promise<number> {
  const signal =
    timeout === undefined || parseDuration(timeout, "--timeout") === 0
      ? new AbortController().signal
      : AbortSignal.timeout(parseDuration(timeout, "--timeout"));
  for (const target of targets(context, words)) {
    const start = await getObject<Rolled>(context.client, target);
    if (!(await follow(context, target, { start, watch, signal }))) {
      throw new PodError(
        signal.aborted ? "DeadlineExceeded" : "NotFound",
        signal.aborted
          ? `Gave up waiting for the rollout of ${objectLabel(target.resource, target.name)}`
          : `${objectLabel(target.resource, target.name)} was deleted`,
      );
    }
  }
  return 0;
}

async function follow(
  { client, screen }: Context,
  { resource }: ObjectName,
  options: { readonly start: Rolled; readonly watch: boolean; readonly signal: AbortSignal },
): Promise<boolean> {
  const { start, watch, signal } = options;
  let last = "";
  const tell = (object: Rolled): boolean => {
    const { message, isDone } = rolloutProgress(object);
    if (message !== last) screen.print(message);
    last = message;
    return isDone;
  };
  if (tell(start) || !watch) return true;
  for await (const object of followObject<Rolled>(client, resource, start, signal)) {
    if (tell(object)) return true;
  }
  return false;
}

/** One state that the object has had. */
interface Revision {
  readonly number: number;
  readonly cause: string;
  readonly template: PodTemplateSpec;
}

async function revisionsOf(context: Context, target: ObjectName): Promise<readonly Revision[]> {
  const { metadata } = await getObject<KubernetesObject>(context.client, target);
  const isOurs = (object: KubernetesObject): boolean =>
    object.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) ?? false;
  const list = async <T extends KubernetesObject>(kind: string): Promise<readonly T[]> => {
    const resource = resourceOfKind(kind);
    if (resource === undefined) return [];
    const { items } = await listObjects<T>(context.client, {
      resource,
      namespace: target.namespace,
    });
    return items.filter(isOurs);
  };
  const causeOf = (object: KubernetesObject): string =>
    object.metadata.annotations?.[causeAnnotation] ?? "<none>";
  const found =
    target.resource.kind === "Deployment"
      ? (await list<ReplicaSet>("ReplicaSet")).flatMap((set): readonly Revision[] => {
          const number = Number(set.metadata.annotations?.[revisionAnnotation] ?? "0");
          const { template } = set.spec;
          return template === undefined ? [] : [{ number, cause: causeOf(set), template }];
        })
      : (await list<ControllerRevision>("ControllerRevision")).map((revision): Revision => {
          // A patch of the template, as the controller wrote it.
          const { spec } = revision.data as {
            readonly spec: { readonly template: PodTemplateSpec };
          };
          return { number: revision.revision, cause: causeOf(revision), template: spec.template };
        });
  return found.sort((a, b) => a.number - b.number);
}

export interface RevisionOptions {
  readonly revision?: string;
  readonly toRevision?: string;
}

export async function rolloutHistory(
  context: Context,
  words: readonly string[],
  { revision }: RevisionOptions,
): Promise<number> {
  for (const target of targets(context, words)) {
    const revisions = await revisionsOf(context, target);
    const label = objectLabel(target.resource, target.name);
    if (revision === undefined) {
      const rows = [
        ["REVISION", "CHANGE-CAUSE"],
        ...revisions.map(({ number, cause }) => [String(number), cause]),
      ];
      const widths = columnWidths(rows);
      context.screen.print(`${label} `);
      for (const row of rows) context.screen.print(formatRow(row, widths));
      continue;
    }
    const { number, template } = pick(revisions, Number(revision), label);
    const { yamlText } = await import("../yaml-text.ts");
    context.screen.print(`${label} with revision #${number}`);
    context.screen.print(yamlText({ "Pod Template": template }).trimEnd());
  }
  return 0;
}

function pick(revisions: readonly Revision[], wanted: number, label: string): Revision {
  const found = wanted === 0 ? revisions.at(-2) : revisions.find(({ number }) => number === wanted);
  if (found !== undefined) return found;
  throw new PodError(
    "NotFound",
    wanted === 0
      ? `No rollout history found for ${label}`
      : `Unable to find specified revision ${wanted} in history of ${label}`,
  );
}

/** Back to the revision before, or to one of the history. */
export async function rolloutUndo(
  context: Context,
  words: readonly string[],
  { toRevision = "0" }: RevisionOptions,
): Promise<number> {
  for (const target of targets(context, words)) {
    const label = objectLabel(target.resource, target.name);
    if (target.resource.kind === "Deployment") {
      const { spec } = await getObject<Deployment>(context.client, target);
      if (spec.paused === true) {
        throw new PodError(
          "FailedPrecondition",
          `You cannot rollback a paused deployment; resume it first with 'nspod rollout resume ${label}' and try again`,
        );
      }
    }
    const { template } = pick(await revisionsOf(context, target), Number(toRevision), label);
    const { "pod-template-hash": _, ...labels } = template.metadata.labels ?? {};
    const { $patch: __, ...plain } = template as PodTemplateSpec & { readonly $patch?: string };
    const value = { ...plain, metadata: { ...plain.metadata, labels } };
    const body = [{ op: "replace", path: "/spec/template", value }];
    await patchObject(context.client, target, { type: "json", body });
    context.screen.print(`${label} rolled back`);
  }
  return 0;
}

export async function rolloutPause(
  context: Context,
  words: readonly string[],
  isPaused: boolean,
): Promise<number> {
  for (const target of targets(context, words, ["Deployment"])) {
    const label = objectLabel(target.resource, target.name);
    const { spec } = await getObject<Deployment>(context.client, target);
    if ((spec.paused ?? false) === isPaused) {
      throw new PodError(
        "FailedPrecondition",
        `${label} is ${isPaused ? "already paused" : "not paused"}`,
      );
    }
    const body = { spec: { paused: isPaused ? true : null } };
    await patchObject(context.client, target, { type: "merge", body });
    context.screen.print(`${label} ${isPaused ? "paused" : "resumed"}`);
  }
  return 0;
}

/** New pods of the same template: an annotation makes it another one. */
export async function rolloutRestart(context: Context, words: readonly string[]): Promise<number> {
  for (const target of targets(context, words)) {
    const annotations = { "kubectl.kubernetes.io/restartedAt": toTime(Date.now()) };
    const body = { spec: { template: { metadata: { annotations } } } };
    await patchObject(context.client, target, { type: "merge", body });
    context.screen.print(`${objectLabel(target.resource, target.name)} restarted`);
  }
  return 0;
}
