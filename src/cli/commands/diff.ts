/**
 * `nspod diff`: what `apply` would change, as the daemon would store it. Nothing is changed.
 * Exit code: 0 nothing would change, 1 something would, 2 it could not be found out. Source: `kubectl diff`.
 */
import { isPodError, PodError } from "../../base/errors.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import { isObject } from "../../spec/schema.ts";
import { threeWayPatch } from "../../spec/three-way-patch.ts";
import type { Context } from "../context.ts";
import { inInstallOrder } from "../install-order.ts";
import { lastApplied, lastAppliedAnnotation, wishOf } from "../last-applied.ts";
import { type ManifestSources, readObjects } from "../manifests.ts";
import { createObject, getObject, patchObject } from "../objects.ts";
import { labelOf, onTheWire } from "../output-format.ts";
import type { Screen } from "../screen.ts";
import { visible } from "../terminal.ts";
import { unifiedDiff } from "../unified-diff.ts";
import { resourceOf } from "./apply.ts";

export async function diffManifests(context: Context, options: ManifestSources): Promise<number> {
  const { screen } = context;
  let exitCode = 0;
  try {
    for (const wanted of inInstallOrder(await readObjects(options, context.givenNamespace))) {
      try {
        const isDifferent = await showDifference(context, wanted);
        if (isDifferent && exitCode === 0) exitCode = 1;
      } catch (error) {
        if (!(error instanceof PodError)) throw error;
        screen.remark(`nspod: ${labelOf(wanted)}: ${error.message}`);
        exitCode = 2;
      }
    }
  } catch (error) {
    if (!(error instanceof PodError)) throw error;
    // The exit code 1 means a difference.
    throw new PodError(error.kind, error.message, {
      cause: error,
      data: { ...error.data, exitCode: 2 },
    });
  }
  return exitCode;
}

async function showDifference(context: Context, wanted: KubernetesObject): Promise<boolean> {
  const live = await findLive(context, wanted);
  const merged = await wouldBe(context, wanted, live);
  const { yamlText } = await import("../yaml-text.ts");
  const text = (value: object | undefined): string => (value === undefined ? "" : yamlText(value));
  const [before, after] = maskSecrets(live && shownObject(live), shownObject(merged));
  const lines = unifiedDiff(text(before), text(after));
  if (lines.length === 0) return false;
  const { namespace, name } = wanted.metadata;
  const file = [wanted.apiVersion.replace("/", "."), wanted.kind, namespace, name]
    .filter((part) => part !== "")
    .join(".");
  printDiff(context.screen, [
    `diff -u -N LIVE/${file} MERGED/${file}`,
    `--- LIVE/${file}`,
    `+++ MERGED/${file}`,
    ...lines,
  ]);
  return true;
}

/** Without what was applied last: it repeats everything, values of secrets too. */
function shownObject(object: KubernetesObject): object {
  const { [lastAppliedAnnotation]: hidden, ...annotations } = object.metadata.annotations ?? {};
  if (hidden === undefined) return onTheWire(object);
  const { annotations: _, ...metadata } = object.metadata;
  const isBare = Object.keys(annotations).length === 0;
  return onTheWire({ ...object, metadata: isBare ? metadata : { ...metadata, annotations } });
}

async function findLive(
  { client }: Context,
  wanted: KubernetesObject,
): Promise<KubernetesObject | undefined> {
  const { namespace, name } = wanted.metadata;
  try {
    return await getObject(client, { resource: resourceOf(wanted), namespace, name });
  } catch (error) {
    if (isPodError(error, "NotFound")) return undefined;
    throw error;
  }
}

async function wouldBe(
  { client }: Context,
  wanted: KubernetesObject,
  live: KubernetesObject | undefined,
): Promise<KubernetesObject> {
  const wish = wishOf(wanted);
  const resource = resourceOf(wanted);
  const request = { isDryRun: true };
  if (live === undefined) {
    try {
      const body = wish as unknown as KubernetesObject;
      return await createObject(client, resource, body, request);
    } catch (error) {
      // Its namespace would be made by the same manifests: then the wish is all that is known.
      if (isPodError(error, "NotFound")) return wanted;
      throw error;
    }
  }
  const { namespace, name } = wanted.metadata;
  // The annotation of kubectl always names annotations: without them here all would be taken away.
  const annotations = live.metadata.annotations === undefined ? {} : { annotations: {} };
  const metadata = { ...annotations, ...mapOf(wish["metadata"]) };
  const compared = { before: lastApplied(live), wanted: { ...wish, metadata }, live: { ...live } };
  const patch = threeWayPatch(compared, wanted.kind);
  if (patch === undefined) return live;
  const at = { resource, namespace, name };
  return await patchObject(client, at, { type: "strategic", body: patch }, request);
}

/** Values of secrets are no business of a terminal or a log: only whether they differ. Source: kubectl diff. */
function maskSecrets(
  before: object | undefined,
  after: object,
): readonly [before: object | undefined, after: object] {
  const one: Readonly<Record<string, unknown>> = { ...before };
  const other: Readonly<Record<string, unknown>> = { ...after };
  if (other["kind"] !== "Secret") return [before, after];
  const [old, next] = [mapOf(one["data"]), mapOf(other["data"])];
  const mask = (own: typeof old, foreign: typeof old, remark: string): object =>
    Object.fromEntries(
      Object.entries(own).map(([key, value]) => {
        const isChanged = Object.hasOwn(foreign, key) && foreign[key] !== value;
        return [key, isChanged ? `*** (${remark})` : "***"];
      }),
    );
  const masked = (object: object, data: object): object => ({
    ...object,
    ...(Object.keys(data).length > 0 && { data }),
  });
  return [
    before && masked(before, mask(old, next, "before")),
    masked(after, mask(next, old, "after")),
  ];
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

const colours: Readonly<Record<string, number>> = { "-": 31, "+": 32, "@": 36 };

function printDiff(screen: Screen, lines: readonly string[]): void {
  for (const line of lines) {
    const colour = screen.hasColours ? colours[line.charAt(0)] : undefined;
    if (colour === undefined) screen.print(line);
    else screen.printLog("", `\x1b[${colour}m${visible(line)}\x1b[0m`);
  }
}
