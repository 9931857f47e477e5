/**
 * Loads archives into the store: a file by its path, which the daemon opens itself, or standard
 * input as the body of the request.
 */
import { createReadStream, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { PodError } from "../../base/errors.ts";
import type { Query } from "../../base/format-query.ts";
import type { LoadedImage, Progress } from "../../image/store-types.ts";
import { statusError } from "../api-client.ts";
import type { Context } from "../context.ts";
import { readJsonLines } from "../json-lines.ts";
import { progressLine } from "../progress-bar.ts";
import { shortId } from "../short-id.ts";

type ReportLine =
  | { readonly progress: Progress }
  | { readonly images: readonly LoadedImage[] }
  | { readonly error: Readonly<Record<string, unknown>> };

/** `nspod image load`, and `run --image-archive`. @param source - a path, or "-". */
export async function loadArchive(
  context: Context,
  source: string,
  { isQuiet }: { readonly isQuiet: boolean },
): Promise<number> {
  const images = await sendArchive(context, "/nspod/v1/images/load", source, {});
  for (const { image, moved, warnings } of images) {
    for (const warning of warnings) context.screen.remark(`nspod: ${warning}`);
    for (const { name, from } of moved) {
      context.screen.remark(`nspod: "${name}" named ${shortId(from)} before`);
    }
    if (isQuiet) continue;
    const names = image.names.length > 0 ? image.names : [image.id];
    for (const name of names) context.screen.print(`Loaded image: ${name}`);
  }
  return 0;
}

/** `nspod image import`: makes an image of the tree in a tar archive. */
export async function importRootfs(
  context: Context,
  source: string,
  reference: string,
): Promise<number> {
  const images = await sendArchive(context, "/nspod/v1/images/import", source, { reference });
  for (const { image, warnings } of images) {
    for (const warning of warnings) context.screen.remark(`nspod: ${warning}`);
    context.screen.print(image.id);
  }
  return 0;
}

async function sendArchive(
  context: Context,
  path: string,
  source: string,
  query: Query,
): Promise<readonly LoadedImage[]> {
  const { screen, client } = context;
  const { sentPath, content } = openSource(source);
  const response = await client.stream("POST", path, {
    query: { ...query, path: sentPath },
    ...(content !== undefined && { content }),
  });
  const label = source === "-" ? "stdin" : source;
  let hasBar = false;
  try {
    for await (const line of readJsonLines(response)) {
      const report = line as ReportLine;
      if ("error" in report) throw statusError(JSON.stringify(report.error), 500);
      if ("images" in report) return report.images;
      if (!screen.isRemarkTerminal) continue;
      screen.progress(progressLine(label, report.progress, screen.columns));
      hasBar = true;
    }
  } finally {
    if (hasBar) screen.progress("");
  }
  throw new PodError("Unavailable", `Cannot load "${label}": the daemon ended the report early`);
}

function openSource(source: string): { readonly sentPath?: string; readonly content?: Readable } {
  if (source === "-") {
    if (process.stdin.isTTY) {
      throw new PodError(
        "InvalidArgument",
        'Cannot read an archive from a terminal: give a file, or pipe it to "-"',
      );
    }
    return { content: process.stdin };
  }
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw new PodError("NotFound", `No such file: "${source}"`);
  // A pipe (process substitution) exists in this process only.
  if (stat.isFIFO()) return { content: createReadStream(source) };
  return { sentPath: resolve(source) };
}
