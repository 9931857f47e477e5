/**
 * `nspod apply`: makes objects be as manifests say, in place.
 *
 *   all files are read and checked ─▶ in install order, each: GET ─▶ POST, or PATCH what differs, or nothing
 *
 * What may change in an object that exists the daemon decides, and words as Kubernetes does.
 */
import { isDeepStrictEqual } from "node:util";
import { isPodError, PodError } from "../../base/errors.ts";
import { type KubernetesObject, type Resource, resourceOfKind } from "../../spec/resources.ts";
import { threeWayPatch } from "../../spec/three-way-patch.ts";
import type { Context } from "../context.ts";
import { inInstallOrder } from "../install-order.ts";
import { lastApplied, markApplied, wishOf } from "../last-applied.ts";
import { type ManifestSources, readObjects } from "../manifests.ts";
import { createObject, getObject, patchObject } from "../objects.ts";
import { labelOf, type ObjectForm, printObjects } from "../output-format.ts";

/** Nothing is changed: the command line or the daemon says what would be. */
export type DryRun = "none" | "client" | "server";

export type ApplyResult = "created" | "configured" | "unchanged";

export interface ApplyOptions extends ManifestSources {
  readonly dryRun?: DryRun;
  readonly output?: ObjectForm;
}

export async function applyManifests(context: Context, options: ApplyOptions): Promise<number> {
  const { output, dryRun = "none" } = options;
  const objects = await readObjects(options, context.givenNamespace);
  const { applied, failures } = await applyAll(context, objects, {
    dryRun,
    isQuiet: output !== undefined,
  });
  if (output !== undefined && applied.length > 0) {
    await printObjects(context.screen, applied, output, objects.length === 1);
  }
  return failures === 0 ? 0 : 1;
}

/**
 * Applies objects in install order and prints what came of each; goes on after one that is refused.
 * @returns the objects as they are now, or would be.
 * @throws PodError InvalidArgument for an object without a name, before anything is done.
 */
export async function applyAll(
  context: Context,
  objects: readonly KubernetesObject[],
  { dryRun, isQuiet }: { readonly dryRun: DryRun; readonly isQuiet: boolean },
): Promise<{ readonly applied: readonly KubernetesObject[]; readonly failures: number }> {
  for (const { kind, metadata } of objects) {
    if (metadata.name !== "") continue;
    throw new PodError(
      "InvalidArgument",
      `${kind} with generateName "${metadata.generateName ?? ""}" has no name to be found by again: use "nspod create -f"`,
    );
  }
  const applied: KubernetesObject[] = [];
  let failures = 0;
  for (const wanted of inInstallOrder(objects)) {
    try {
      const { result, object } = await applyObject(context, wanted, dryRun);
      applied.push(object);
      if (!isQuiet) {
        context.screen.print(`${labelOf(wanted)} ${result}${dryRunRemark(dryRun)}`);
      }
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      context.screen.remark(`nspod: ${labelOf(wanted)}: ${error.message}${hintFor(error, wanted)}`);
      failures += 1;
    }
  }
  return { applied, failures };
}

/** What kubectl adds to its answers. */
export function dryRunRemark(dryRun: DryRun): string {
  return { none: "", client: " (dry run)", server: " (server dry run)" }[dryRun];
}

/** The resource of an object that was decoded, so its kind is known. */
export function resourceOf({ kind }: KubernetesObject): Resource {
  const resource = resourceOfKind(kind);
  if (resource !== undefined) return resource;
  throw new PodError("InvalidArgument", `There is no resource for kind "${kind}"`);
}

interface Applied {
  readonly result: ApplyResult;
  /** As it is now, or would be. */
  readonly object: KubernetesObject;
}

async function applyObject(
  context: Context,
  wanted: KubernetesObject,
  dryRun: DryRun,
): Promise<Applied> {
  const { client, screen } = context;
  const { namespace, name } = wanted.metadata;
  const at = { resource: resourceOf(wanted), namespace, name };
  const wish = wishOf(wanted);
  // The annotation is not part of a shape that nspod decodes, so the type has to be said.
  const marked = markApplied(wish) as unknown as KubernetesObject;
  const request = { isDryRun: dryRun === "server" };
  let live: KubernetesObject;
  try {
    live = await getObject(client, at);
  } catch (error) {
    if (!isPodError(error, "NotFound")) throw error;
    if (dryRun === "client") return { result: "created", object: wanted };
    const object = await createObject(client, at.resource, marked, request);
    return { result: "created", object };
  }
  if (live.metadata.deletionTimestamp !== undefined) {
    screen.remark(
      `Warning: ${labelOf(live)} is being deleted: apply again when it is gone, or what is applied now goes with it`,
    );
  }
  const patch = threeWayPatch(
    { before: lastApplied(live), wanted: { ...marked }, live: { ...live } },
    wanted.kind,
  );
  if (patch === undefined) return { result: "unchanged", object: live };
  if (dryRun === "client") return { result: "configured", object: wanted };
  const object = await patchObject(client, at, { type: "strategic", body: patch }, request);
  // Another spelling of the same ("1000m", "1") is no change.
  return { result: isDeepStrictEqual(object, live) ? "unchanged" : "configured", object };
}

/** A running pod is what it is: how to get another one. */
function hintFor(error: PodError, { kind }: KubernetesObject): string {
  if (kind !== "Pod" || !/may not change fields|immutable/i.test(error.message)) return "";
  return '\n  hint: "nspod replace --force -f FILE" deletes the pod and creates it again';
}
