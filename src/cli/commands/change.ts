/** `nspod patch`, `label` and `annotate`: small changes of objects that exist. */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { messageOf, PodError } from "../../base/errors.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { objectLabel, parseObjects, parseObjectsOrPods } from "../object-arguments.ts";
import { getObject, type ObjectName, type PatchType, patchObject } from "../objects.ts";
import { type ObjectForm, printObjects } from "../output-format.ts";
import { named, type TargetOptions, targetObjects } from "../target-objects.ts";
import { type DryRun, dryRunRemark } from "./apply.ts";

export interface PatchOptions {
  readonly patch?: string;
  readonly patchFile?: string;
  readonly type?: PatchType;
  readonly subresource?: string;
  readonly dryRun?: DryRun;
  readonly output?: ObjectForm;
}

export async function patchObjects(
  context: Context,
  words: readonly string[],
  options: PatchOptions,
): Promise<number> {
  const { type = "strategic", subresource, dryRun = "none", output } = options;
  const body = readPatch(options);
  for (const target of named(context, parseObjectsOrPods(words))) {
    const before = await getObject<KubernetesObject>(context.client, target);
    const request = {
      isDryRun: dryRun !== "none",
      ...(subresource !== undefined && { subresource }),
    };
    const after = await patchObject<KubernetesObject>(
      context.client,
      target,
      { type, body },
      request,
    );
    const isSame = isDeepStrictEqual(before, after);
    const label = objectLabel(target.resource, target.name);
    if (output !== undefined) await printObjects(context.screen, [after], output, true);
    else
      context.screen.print(
        `${label} patched${isSame ? " (no change)" : ""}${dryRunRemark(dryRun)}`,
      );
  }
  return 0;
}

function readPatch({ patch, patchFile }: PatchOptions): unknown {
  if ((patch === undefined) === (patchFile === undefined)) {
    throw new PodError("InvalidArgument", "Give the patch with either -p or --patch-file");
  }
  try {
    const text = patch ?? readFileSync(patchFile === "-" ? 0 : (patchFile ?? ""), "utf8");
    return parse(text, { version: "1.1" }) as unknown;
  } catch (cause) {
    throw new PodError("InvalidArgument", `Cannot read the patch: ${messageOf(cause)}`, { cause });
  }
}

export interface MarkOptions extends TargetOptions {
  readonly overwrite?: boolean;
  readonly list?: boolean;
  readonly dryRun?: DryRun;
}

/** Labels and annotations differ in where they stand. */
export interface MarkKind {
  readonly field: "labels" | "annotations";
  /** "labeled" */
  readonly done: string;
}

/** @param words - objects, then `key=value` to set and `key-` to remove. */
export async function markObjects(
  context: Context,
  words: readonly string[],
  kind: MarkKind,
  options: MarkOptions,
): Promise<number> {
  const isChange = (word: string): boolean =>
    /^[^=]+-$|^[^=]+=/.test(word) && !word.startsWith("-");
  const changes = new Map(words.filter(isChange).map(parseChange));
  if (changes.size === 0 && options.list !== true) {
    throw new PodError("InvalidArgument", "At least one KEY=VALUE or KEY- is needed");
  }
  const wanted = parseObjects(words.filter((word) => !isChange(word)));
  for (const target of await targetObjects(context, wanted, options)) {
    await mark(context, target, kind, { ...options, changes });
  }
  return 0;
}

function parseChange(word: string): [key: string, value: string | null] {
  const equals = word.indexOf("=");
  return equals === -1
    ? [word.slice(0, -1), null]
    : [word.slice(0, equals), word.slice(equals + 1)];
}

async function mark(
  { client, screen }: Context,
  target: ObjectName,
  { field, done }: MarkKind,
  options: MarkOptions & { readonly changes: ReadonlyMap<string, string | null> },
): Promise<void> {
  const { changes, dryRun = "none" } = options;
  const before = await getObject<KubernetesObject>(client, target);
  const present = before.metadata[field] ?? {};
  const label = objectLabel(target.resource, target.name);
  if (options.list) {
    for (const [key, value] of Object.entries(present)) screen.print(`${key}=${value}`);
    return;
  }
  for (const [key, value] of changes) {
    const old = present[key];
    if (value === null || old === undefined || old === value || options.overwrite) continue;
    throw new PodError(
      "AlreadyExists",
      `${label}: "${key}" already has the value "${old}", and --overwrite is not given`,
    );
  }
  const body = { metadata: { [field]: Object.fromEntries(changes) } };
  const request = { isDryRun: dryRun !== "none" };
  const after = await patchObject<KubernetesObject>(
    client,
    target,
    { type: "merge", body },
    request,
  );
  const word = isDeepStrictEqual(before, after) ? `not ${done}` : done;
  screen.print(`${label} ${word}${dryRunRemark(dryRun)}`);
}
