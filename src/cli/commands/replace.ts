/** `nspod replace -f`: puts manifests in the place of the objects; with --force deletes and creates them. */
import { isPodError, PodError } from "../../base/errors.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { waitUntilGone } from "../follow-object.ts";
import { inInstallOrder } from "../install-order.ts";
import { markApplied, wishOf } from "../last-applied.ts";
import { type ManifestSources, readObjects } from "../manifests.ts";
import { createObject, deleteObject, replaceObject } from "../objects.ts";
import { labelOf, type ObjectForm, printObjects } from "../output-format.ts";
import { type DryRun, dryRunRemark, resourceOf } from "./apply.ts";

export interface ReplaceOptions extends ManifestSources {
  readonly force?: boolean;
  readonly gracePeriod?: string;
  readonly timeout?: string;
  readonly dryRun?: DryRun;
  readonly output?: ObjectForm;
}

export async function replaceManifests(context: Context, options: ReplaceOptions): Promise<number> {
  const { dryRun = "none", output, force = false } = options;
  const objects = inInstallOrder(await readObjects(options, context.givenNamespace));
  if (force && dryRun !== "none") {
    throw new PodError("InvalidArgument", "--force and --dry-run cannot be combined");
  }
  if (force) await removeAll(context, objects, options);
  const replaced: KubernetesObject[] = [];
  let failures = 0;
  for (const wanted of objects) {
    try {
      replaced.push(await put(context, wanted, { isForced: force, dryRun }));
      if (output === undefined) {
        context.screen.print(`${labelOf(wanted)} replaced${dryRunRemark(dryRun)}`);
      }
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      context.screen.remark(`nspod: ${labelOf(wanted)}: ${error.message}`);
      failures += 1;
    }
  }
  if (output !== undefined && replaced.length > 0) {
    await printObjects(context.screen, replaced, output, objects.length === 1);
  }
  return failures === 0 ? 0 : 1;
}

/** Deletes what exists of the manifests, in reverse order, and waits until it is gone. */
async function removeAll(
  { client, screen }: Context,
  objects: readonly KubernetesObject[],
  { gracePeriod, timeout }: ReplaceOptions,
): Promise<void> {
  const gracePeriodSeconds = gracePeriod === undefined ? undefined : Number(gracePeriod);
  if (gracePeriodSeconds !== undefined && !Number.isSafeInteger(gracePeriodSeconds)) {
    throw new PodError("InvalidArgument", `--grace-period: must be a number: got "${gracePeriod}"`);
  }
  const signal =
    timeout === undefined
      ? new AbortController().signal
      : AbortSignal.timeout(parseDuration(timeout, "--timeout"));
  for (const wanted of objects.toReversed()) {
    const { namespace, name } = wanted.metadata;
    const at = { resource: resourceOf(wanted), namespace, name };
    try {
      const left = await deleteObject(client, at, { gracePeriodSeconds });
      if (left !== undefined && !(await waitUntilGone(client, at.resource, left, signal))) {
        throw new PodError("DeadlineExceeded", `Gave up waiting for the deletion of "${name}"`);
      }
      screen.remark(`${labelOf(wanted)} deleted`);
    } catch (error) {
      if (!isPodError(error, "NotFound")) throw error;
    }
  }
}

async function put(
  { client }: Context,
  wanted: KubernetesObject,
  { isForced, dryRun }: { readonly isForced: boolean; readonly dryRun: DryRun },
): Promise<KubernetesObject> {
  if (dryRun === "client") return wanted;
  const resource = resourceOf(wanted);
  // Marked, so that the next apply knows what was wished; kubectl does it for objects that were applied.
  const body = markApplied(wishOf(wanted)) as unknown as KubernetesObject;
  if (isForced) return await createObject(client, resource, body);
  return await replaceObject(client, resource, body, { isDryRun: dryRun === "server" });
}
