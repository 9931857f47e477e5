/**
 * `nspod edit`: opens objects in the user's editor and stores what changed.
 *
 *   GET ─▶ editor ─▶ the same: cancelled        ─▶ PATCH ─▶ edited
 *            ▲         │ no YAML, or refused               │
 *            └─────────┴──── the reason as a comment ◀─────┘   closed unchanged: the text is kept in a file
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ErrorKind, isPodError, PodError } from "../../base/errors.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { JsonMap } from "../../spec/strategic-merge.ts";
import { threeWayPatch } from "../../spec/three-way-patch.ts";
import type { Context } from "../context.ts";
import {
  checkIdentity,
  commented,
  type EditFormat,
  objectText,
  readEdited,
  uncommented,
} from "../edit-text.ts";
import { type ManifestSources, readObjects } from "../manifests.ts";
import { parseObjectsOrPods } from "../object-arguments.ts";
import { getObject, type ObjectName, patchObject } from "../objects.ts";
import { labelOf, onTheWire } from "../output-format.ts";
import { type TargetOptions, targetObjects } from "../target-objects.ts";
import { resourceOf } from "./apply.ts";

export interface EditOptions extends ManifestSources, TargetOptions {
  readonly output?: EditFormat;
  readonly subresource?: string;
}

/** What another text would not mend. */
const final: readonly ErrorKind[] = ["NotFound", "Conflict", "Unavailable", "Internal"];

/** @param env - KUBE_EDITOR, EDITOR. */
export async function editObjects(
  context: Context,
  words: readonly string[],
  options: EditOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const editor = env["KUBE_EDITOR"] || env["EDITOR"] || "vi";
  let code = 0;
  for (const target of await findTargets(context, words, options)) {
    code = Math.max(code, await editOne(context, target, editor, options));
  }
  return code;
}

async function findTargets(
  context: Context,
  words: readonly string[],
  options: EditOptions,
): Promise<readonly ObjectName[]> {
  if (options.filename === undefined && options.kustomize === undefined) {
    return await targetObjects(context, parseObjectsOrPods(words), options);
  }
  if (words.length > 0) {
    throw new PodError("InvalidArgument", "-f and -k cannot be combined with names");
  }
  const objects = await readObjects(options, context.givenNamespace);
  return objects.map((object) => ({ resource: resourceOf(object), ...object.metadata }));
}

async function editOne(
  context: Context,
  target: ObjectName,
  editor: string,
  { output: format = "yaml", subresource }: EditOptions,
  isInteractive: boolean = process.stdin.isTTY,
): Promise<number> {
  const { client, screen } = context;
  const live = await getObject<KubernetesObject>(client, target);
  const before = onTheWire(live) as JsonMap;
  const folder = mkdtempSync(join(tmpdir(), "nspod-edit-"));
  const file = join(folder, `${target.resource.singular}-${target.name}.${format}`);
  let shown = commented(objectText(before, format));
  let isKept = false;
  try {
    for (let round = 0; ; round++) {
      // A secret may be in it; the folder is of mode 0700.
      writeFileSync(file, shown, { mode: 0o600 });
      await runEditor(editor, file);
      const text = readFileSync(file, "utf8");
      // A program in the place of a person that failed twice would fail for ever.
      const isHopeless = round > 1 && !isInteractive;
      if (isHopeless || (round > 0 && text === shown)) {
        isKept = true;
        screen.remark(`Edit cancelled, no valid changes were saved.\n${keptLine(file)}`);
        return 1;
      }
      try {
        const after = readEdited(text);
        if (after === undefined) {
          screen.remark("Edit cancelled, saved file was empty.");
          return 0;
        }
        checkIdentity(before, after);
        const change = { before, wanted: after, live: before };
        const body = threeWayPatch(change, live.kind);
        if (body === undefined) {
          screen.remark("Edit cancelled, no changes made.");
          return 0;
        }
        const request = subresource === undefined ? {} : { subresource };
        const patch = { type: "strategic", body } as const;
        await patchObject<KubernetesObject>(client, target, patch, request);
        screen.print(`${labelOf(live)} edited`);
        return 0;
      } catch (error) {
        if (!isPodError(error) || final.includes(error.kind)) {
          isKept = true;
          screen.remark(keptLine(file));
          throw error;
        }
        const problem = error.message.trim();
        screen.remark(`nspod: ${labelOf(live)}: ${problem}`);
        shown = commented(uncommented(text), [`${labelOf(live)} was not valid:`, problem]);
      }
    }
  } finally {
    if (!isKept) rmSync(folder, { recursive: true, force: true });
  }
}

function keptLine(file: string): string {
  return `A copy of your changes has been stored to "${file}"`;
}

/** @throws PodError FailedPrecondition when the editor fails: its file is not to be trusted. */
async function runEditor(editor: string, file: string): Promise<void> {
  // By a shell, as git does it: the variable may hold options.
  const child = spawn("/bin/sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit" });
  // Ctrl-C is for the editor.
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("close", (code) => resolve(code ?? 1));
  try {
    const code = await promise;
    if (code === 0) return;
    throw new PodError(
      "FailedPrecondition",
      `There was a problem with the editor "${editor}": it ended with ${code}: set KUBE_EDITOR or EDITOR`,
    );
  } finally {
    process.off("SIGINT", ignore);
  }
}
