/** `nspod create -f`: creates the objects of manifests; one that exists is an error. */
import { PodError } from "../../base/errors.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { inInstallOrder } from "../install-order.ts";
import { wishOf } from "../last-applied.ts";
import { type ManifestSources, readObjects } from "../manifests.ts";
import { createObject } from "../objects.ts";
import { labelOf, type ObjectForm, printObjects } from "../output-format.ts";
import { type DryRun, dryRunRemark, resourceOf } from "./apply.ts";

export interface CreateOptions extends ManifestSources {
  readonly dryRun?: DryRun;
  readonly output?: ObjectForm;
}

export async function createManifests(context: Context, options: CreateOptions): Promise<number> {
  return await createAll(context, await readObjects(options, context.givenNamespace), options);
}

/**
 * Creates objects in install order; goes on after one that is refused.
 * @param options - `done` is what the answer says of each.
 * @returns the exit code.
 */
export async function createAll(
  context: Context,
  objects: readonly KubernetesObject[],
  options: Pick<CreateOptions, "dryRun" | "output"> & { readonly done?: string },
): Promise<number> {
  const { dryRun = "none", output, done = "created" } = options;
  const created: KubernetesObject[] = [];
  let failures = 0;
  for (const wanted of inInstallOrder(objects)) {
    try {
      const made = await create(context, wanted, dryRun);
      created.push(made);
      if (output === undefined) {
        context.screen.print(`${labelOf(made)} ${done}${dryRunRemark(dryRun)}`);
      }
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      context.screen.remark(`nspod: ${labelOf(wanted)}: ${error.message}`);
      failures += 1;
    }
  }
  if (output !== undefined && created.length > 0) {
    await printObjects(context.screen, created, output, objects.length === 1);
  }
  return failures === 0 ? 0 : 1;
}

async function create(
  { client }: Context,
  wanted: KubernetesObject,
  dryRun: DryRun,
): Promise<KubernetesObject> {
  // As written: what decoding fills in is not the author's.
  const body = wishOf(wanted) as unknown as KubernetesObject;
  if (dryRun === "client") return body;
  return await createObject(client, resourceOf(wanted), body, { isDryRun: dryRun === "server" });
}
