/** `nspod export`: objects as manifests, ready to be kept and applied again. */
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { exportObject } from "../export-object.ts";
import { parseObjectsOrPods } from "../object-arguments.ts";
import { printValue } from "../object-output.ts";
import { getObject } from "../objects.ts";
import { type TargetOptions, targetObjects } from "../target-objects.ts";

export interface ExportOptions extends TargetOptions {
  readonly output?: "yaml" | "json";
}

export async function exportObjects(
  context: Context,
  words: readonly string[],
  options: ExportOptions,
): Promise<number> {
  const { output = "yaml" } = options;
  const targets = await targetObjects(context, parseObjectsOrPods(words), options);
  for (const [index, target] of targets.entries()) {
    const object = await getObject<KubernetesObject>(context.client, target);
    if (index > 0 && output === "yaml") context.screen.print("---");
    await printValue(context.screen, exportObject(object), output);
  }
  return 0;
}
