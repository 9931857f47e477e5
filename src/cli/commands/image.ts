/** `nspod image ls|inspect|tag|rm|prune|save`, in docker's words. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { PodError } from "../../base/errors.ts";
import type { PruneReport, RemovedReport, StoredImage } from "../../image/store-types.ts";
import { age } from "../../spec/age.ts";
import { formatBytes } from "../byte-size.ts";
import { confirm } from "../confirm.ts";
import type { Context } from "../context.ts";
import { printValue } from "../object-output.ts";
import { shortId } from "../short-id.ts";
import { formatTable } from "../table.ts";

const images = "/nspod/v1/images";

export interface ListImagesOptions {
  readonly quiet?: boolean;
  readonly trunc?: boolean;
  readonly output?: "json" | "yaml";
}

export async function listImages(context: Context, options: ListImagesOptions): Promise<number> {
  const { images: list } = await context.client.json<{ readonly images: readonly StoredImage[] }>(
    "GET",
    images,
  );
  const { screen } = context;
  const newestFirst = [...list].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  const idOf = (id: string): string => (options.trunc === false ? id : shortId(id));
  if (options.output !== undefined) {
    await printValue(screen, newestFirst, options.output);
  } else if (options.quiet) {
    for (const { id } of newestFirst) screen.print(idOf(id));
  } else {
    const rows = newestFirst.flatMap((image) => {
      const facts = [
        idOf(image.id),
        image.createdAt === "" ? "<unknown>" : `${age(image.createdAt, Date.now())} ago`,
        formatBytes(image.sizeBytes),
      ];
      const names = image.names.length === 0 ? ["<none>:<none>"] : image.names;
      return names.map((name) => [...splitName(name), ...facts]);
    });
    screen.print(formatTable([["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"], ...rows]));
  }
  return 0;
}

export async function inspectImages(context: Context, names: readonly string[]): Promise<number> {
  const found: StoredImage[] = [];
  for (const name of names) {
    found.push(
      await context.client.json<StoredImage>("GET", `${images}/inspect`, { query: { name } }),
    );
  }
  await printValue(context.screen, found, "json");
  return 0;
}

export async function tagImage(context: Context, source: string, target: string): Promise<number> {
  await context.client.text("POST", `${images}/tag`, { query: { source, target } });
  return 0;
}

export async function removeImages(
  context: Context,
  names: readonly string[],
  { force }: { readonly force?: boolean },
): Promise<number> {
  let failures = 0;
  for (const name of names) {
    try {
      const report = await context.client.json<RemovedReport>("DELETE", images, {
        query: { name, force },
      });
      printRemoved(context, report);
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      context.screen.remark(`nspod: ${error.message}`);
      failures += 1;
    }
  }
  return failures === 0 ? 0 : 1;
}

export async function pruneImages(
  context: Context,
  { all, force }: { readonly all?: boolean; readonly force?: boolean },
): Promise<number> {
  const what = all ? "every image that no pod uses" : "every image without a name";
  if (!(await confirm(context.screen, `This removes ${what}.`, force === true))) return 1;
  const report = await context.client.json<PruneReport>("POST", `${images}/prune`, {
    query: { all },
  });
  printRemoved(context, report);
  context.screen.print(`Total reclaimed space: ${formatBytes(report.freedBytes)}`);
  return 0;
}

export async function saveImages(
  context: Context,
  names: readonly string[],
  { output, format }: { readonly output?: string; readonly format?: string },
): Promise<number> {
  if (output === undefined && context.screen.isTerminal) {
    throw new PodError(
      "InvalidArgument",
      "Cannot write an archive to a terminal: use -o FILE, or pipe it into something",
    );
  }
  const response = await context.client.stream("GET", `${images}/save`, {
    query: { name: names, format },
  });
  const target = output === undefined ? process.stdout : createWriteStream(output);
  await pipeline(response, target, { end: output !== undefined });
  return 0;
}

/** "docker.io/library/busybox:1.36" → repository and tag as docker shows them. */
export function splitName(name: string): readonly [string, string] {
  const short = name.replace(/^docker\.io\/(library\/)?/, "");
  const at = short.indexOf("@");
  if (at !== -1) return [short.slice(0, at), "<none>"];
  const colon = short.lastIndexOf(":");
  return colon > short.lastIndexOf("/")
    ? [short.slice(0, colon), short.slice(colon + 1)]
    : [short, "<none>"];
}

function printRemoved({ screen }: Context, { untagged, deleted }: RemovedReport): void {
  for (const name of untagged) screen.print(`Untagged: ${name}`);
  for (const id of deleted) screen.print(`Deleted: ${id}`);
}
