/** `nspod system info|prune|reset`. */
import { existsSync } from "node:fs";
import { apiSocketPath } from "../../base/instance.ts";
import type { PruneReport } from "../../image/store-types.ts";
import { formatBytes } from "../byte-size.ts";
import { confirm } from "../confirm.ts";
import type { Context } from "../context.ts";
import { printValue } from "../object-output.ts";

export async function showInfo(
  context: Context,
  { output }: { readonly output?: "json" | "yaml" },
): Promise<number> {
  const info = await context.client.json<Record<string, unknown>>("GET", "/nspod/v1/system/info");
  await printValue(context.screen, info, output ?? "yaml");
  return 0;
}

interface SystemPruneReport {
  /** `namespace/name` of removed pods. */
  readonly pods: readonly string[];
  readonly images: PruneReport;
}

export async function pruneSystem(
  context: Context,
  { yes, force }: { readonly yes?: boolean; readonly force?: boolean },
): Promise<number> {
  const warning =
    "This removes all pods that have ended, and all images without a name that no pod uses.";
  if (!(await confirm(context.screen, warning, yes === true || force === true))) return 1;
  const report = await context.client.json<SystemPruneReport>("POST", "/nspod/v1/system/prune");
  for (const pod of report.pods) context.screen.print(`Deleted pod: ${pod}`);
  for (const name of report.images.untagged) context.screen.print(`Untagged: ${name}`);
  for (const id of report.images.deleted) context.screen.print(`Deleted: ${id}`);
  context.screen.print(`Total reclaimed space: ${formatBytes(report.images.freedBytes)}`);
  return 0;
}

export async function resetSystem(
  context: Context,
  { yes, force }: { readonly yes?: boolean; readonly force?: boolean },
): Promise<number> {
  const { root, run, bridge, cgroup } = context.instance;
  const warning =
    `This kills all pods and removes everything of this instance: "${root}" with all images and volumes, ` +
    `"${run}", the bridge "${bridge}" with its rules, and the cgroup "${cgroup}".`;
  if (!(await confirm(context.screen, warning, yes === true || force === true))) return 1;
  // Without any state there is nothing to reset, and no daemon needs to start for that.
  if (!existsSync(root) && !existsSync(apiSocketPath(context.instance))) return 0;
  await context.client.text("POST", "/nspod/v1/system/reset");
  return 0;
}
