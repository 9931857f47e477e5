/** `nspod delete`: objects of every kind by name, manifest, label or all; waits until they are gone. */
import { isPodError, PodError } from "../../base/errors.ts";
import type { KubernetesObject, Resource } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { waitUntilGone } from "../follow-object.ts";
import { inInstallOrder } from "../install-order.ts";
import type { ManifestSources } from "../manifests.ts";
import { objectLabel, parseObjectsOrPods, qualified, type Wanted } from "../object-arguments.ts";
import { deleteObject, listObjects, type ObjectName } from "../objects.ts";
import { type DryRun, dryRunRemark, resourceOf } from "./apply.ts";

export interface DeleteOptions extends ManifestSources {
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly gracePeriod?: string;
  readonly force?: boolean;
  readonly now?: boolean;
  readonly cascade?: Cascade;
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly ignoreNotFound?: boolean;
  readonly dryRun?: DryRun;
  readonly output?: "name";
}

/** What becomes of objects that the deleted one owns. */
export type Cascade = "background" | "foreground" | "orphan";

const propagation = {
  background: "Background",
  foreground: "Foreground",
  orphan: "Orphan",
} as const;

export async function deleteObjects(
  context: Context,
  words: readonly string[],
  options: DeleteOptions,
): Promise<number> {
  const gracePeriodSeconds = graceOf(options);
  const timeoutMs = options.timeout === undefined ? 0 : parseDuration(options.timeout, "--timeout");
  const targets = await findTargets(context, words, options);
  const { dryRun = "none", cascade = "background" } = options;
  const left: { readonly resource: Resource; readonly object: KubernetesObject }[] = [];
  let failures = 0;
  for (const target of targets) {
    try {
      const object =
        dryRun === "client"
          ? undefined
          : await deleteObject<KubernetesObject>(context.client, target, {
              gracePeriodSeconds,
              propagationPolicy: propagation[cascade],
              isDryRun: dryRun === "server",
            });
      if (object !== undefined) left.push({ resource: target.resource, object });
      context.screen.print(resultOf(target, options));
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      const isMissing = isPodError(error, "NotFound");
      if (isMissing && (options.ignoreNotFound || isBroad(options))) continue;
      context.screen.remark(`nspod: ${error.message}`);
      failures += 1;
    }
  }
  if (isBroad(options) && targets.length === 0) context.screen.remark("No resources found");
  if (options.wait !== false && dryRun === "none") await waitForAll(context, left, timeoutMs);
  return failures === 0 ? 0 : 1;
}

function resultOf({ resource, name }: ObjectName, options: DeleteOptions): string {
  if (options.output === "name") return objectLabel(resource, name);
  const isForced = options.force === true && graceOf(options) === 0;
  const what = qualified(resource.singular, resource.apiVersion);
  const remark = dryRunRemark(options.dryRun ?? "none");
  return `${what} "${name}" ${isForced ? "force deleted" : "deleted"}${remark}`;
}

function isBroad({ all, selector, fieldSelector }: DeleteOptions): boolean {
  return all === true || selector !== undefined || fieldSelector !== undefined;
}

async function findTargets(
  context: Context,
  words: readonly string[],
  options: DeleteOptions,
): Promise<readonly ObjectName[]> {
  const isFromFile = options.filename !== undefined || options.kustomize !== undefined;
  if (isFromFile) {
    if (words.length > 0 || isBroad(options)) {
      throw new PodError("InvalidArgument", "-f and -k cannot be combined with names, -l or --all");
    }
    return await manifestTargets(context, options);
  }
  const wanted = parseObjectsOrPods(words.length === 0 && isBroad(options) ? ["pods"] : words);
  if (wanted.length === 0) {
    throw new PodError("InvalidArgument", "Name the objects to delete, or use -f, -k, -l or --all");
  }
  const names = wanted.flatMap(({ resource, name }) =>
    name === undefined ? [] : [{ resource, name, namespace: scopeOf(context, resource, options) }],
  );
  if (isBroad(options)) {
    if (names.length > 0) {
      throw new PodError(
        "InvalidArgument",
        "Names cannot be combined with -l, --field-selector or --all",
      );
    }
    return await listTargets(context, wanted, options);
  }
  const [bare] = wanted.filter(({ name }) => name === undefined);
  if (bare !== undefined) {
    throw new PodError(
      "InvalidArgument",
      `No name of ${bare.resource.plural} was given: add names, -l or --all`,
    );
  }
  return names;
}

function scopeOf(
  { namespace }: Context,
  { isNamespaced }: Resource,
  { allNamespaces }: DeleteOptions,
): string {
  return isNamespaced && !allNamespaces ? namespace : "";
}

/** What depends on others goes first; generated names cannot be found again. */
async function manifestTargets(
  context: Context,
  options: DeleteOptions,
): Promise<readonly ObjectName[]> {
  const { readObjects } = await import("../manifests.ts");
  const objects = inInstallOrder(await readObjects(options, context.givenNamespace));
  return objects
    .filter(({ metadata }) => metadata.name !== "")
    .map((object) => ({ resource: resourceOf(object), ...object.metadata }))
    .reverse();
}

async function listTargets(
  context: Context,
  wanted: readonly Wanted[],
  options: DeleteOptions,
): Promise<readonly ObjectName[]> {
  const targets: ObjectName[] = [];
  for (const { resource } of wanted) {
    const list = await listObjects<KubernetesObject>(context.client, {
      resource,
      namespace: scopeOf(context, resource, options),
      labelSelector: options.selector,
      fieldSelector: options.fieldSelector,
    });
    targets.push(...list.items.map(({ metadata }) => ({ resource, ...metadata })));
  }
  return targets;
}

/** undefined: the object's own period. */
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
  { client }: Context,
  left: readonly { readonly resource: Resource; readonly object: KubernetesObject }[],
  timeoutMs: number,
): Promise<void> {
  const signal = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : new AbortController().signal;
  const gone = await Promise.all(
    left.map(({ resource, object }) => waitUntilGone(client, resource, object, signal)),
  );
  const still = left.filter((_, index) => gone[index] === false);
  if (still.length > 0) {
    const names = still.map(({ object }) => `"${object.metadata.name}"`).join(", ");
    throw new PodError("DeadlineExceeded", `Gave up waiting for the deletion of ${names}`);
  }
}
