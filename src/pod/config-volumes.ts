/**
 * Brings what configMap, secret, downwardAPI and projected volumes hold to what it is to be: when the sandbox has
 * started, and whenever an object or the pod's labels and annotations change or a token is due.
 *
 * The record says what each volume holds, so a new daemon replaces only what is different, and before a replacement
 * what it may hold then. A volume whose object has gone keeps its content, as with the kubelet.
 */
import { randomInt } from "node:crypto";
import { invariant } from "../base/assert.ts";
import { messageOf } from "../base/errors.ts";
import type { ShimClient } from "../shim/client.ts";
import type { Volume } from "../spec/pod.ts";
import {
  afterReplacement,
  compileReplacement,
  contentDigest,
  contentFolderName,
  duringReplacement,
  nothingPublished,
  type PublishedContent,
  type Replacement,
} from "../volume/atomic-writer.ts";
import { configContent, isConfigVolume } from "../volume/config-content.ts";
import type { VolumeContent } from "../volume/projected.ts";
import type { StepInput } from "./engine.ts";
import { podFolders } from "./folders.ts";
import type { PodRecord } from "./record.ts";

/** Wait before a replacement that failed is tried again. */
const retryMs = 10_000;

interface Due {
  readonly volume: Volume;
  readonly replacement: Replacement;
}

/**
 * Fills the volumes of a sandbox that was just made.
 * @returns the record's `configVolumes`; undefined for a pod without such volumes.
 * @throws PodError when content is missing again or cannot be written: the sandbox is of no use then.
 */
export async function fillConfigVolumes(
  input: StepInput,
  shim: ShimClient,
): Promise<PodRecord["configVolumes"] | undefined> {
  const { pod, live } = input;
  const volumes = (pod.spec.volumes ?? []).filter(isConfigVolume);
  if (volumes.length === 0) return undefined;
  live.isContentStale = false;
  const due = volumes.map((volume) => ({
    volume,
    replacement: replacementOf(input, volume, contentOf(input, volume), nothingPublished),
  }));
  noteRefresh(input);
  for (const each of due) await replace(shim, each);
  return Object.fromEntries(
    due.map(({ volume, replacement }) => [volume.name, afterReplacement(replacement)]),
  );
}

/** Replaces what is different by now; does nothing unless something may have changed. */
export async function refreshConfigVolumes(input: StepInput): Promise<PodRecord> {
  const { context, live, record } = input;
  if (record.sandbox.state !== "ready" || live.shim === undefined) return record;
  const isDue = context.clock.now() >= (live.refreshAtMs ?? Number.POSITIVE_INFINITY);
  if (!live.isContentStale && !isDue) return record;
  live.isContentStale = false;
  const known = record.configVolumes ?? {};
  const due = (input.pod.spec.volumes ?? [])
    .filter(isConfigVolume)
    .flatMap((volume) => dueOf(input, volume, known[volume.name] ?? nothingPublished));
  noteRefresh(input);
  if (due.length === 0) return record;
  return await replaceAll({ ...input, record }, live.shim, due);
}

/** Writes down what may be, replaces, writes down what is. */
async function replaceAll(
  input: StepInput,
  shim: ShimClient,
  due: readonly Due[],
): Promise<PodRecord> {
  const { context, live, pod, save } = input;
  const record = save(withVolumes(input.record, due, duringReplacement));
  const done: Due[] = [];
  for (const each of due) {
    try {
      await replace(shim, each);
      done.push(each);
    } catch (error) {
      // A shim that is going is noticed elsewhere; anything else may pass (no memory).
      if (shim !== live.shim || live.isShimLost) return record;
      context.report(pod, failure(each.volume, error));
      live.contentTimes.set(each.volume.name, context.clock.now() + retryMs);
    }
  }
  noteRefresh(input);
  return save(withVolumes(record, done, afterReplacement));
}

function withVolumes(
  record: PodRecord,
  due: readonly Due[],
  state: (replacement: Replacement) => PublishedContent,
): PodRecord {
  const changed = due.map(({ volume, replacement }) => [volume.name, state(replacement)]);
  return {
    ...record,
    configVolumes: { ...record.configVolumes, ...Object.fromEntries(changed) },
  };
}

/** The replacement that a volume needs, if any; what is missing is told, and the content stays. */
function dueOf(input: StepInput, volume: Volume, before: PublishedContent): Due[] {
  let content: VolumeContent;
  try {
    content = contentOf(input, volume);
  } catch (error) {
    input.context.report(input.pod, failure(volume, error));
    return [];
  }
  const fsGroup = input.pod.spec.securityContext?.fsGroup;
  if (contentDigest(content.files, fsGroup) === before.digest) return [];
  return [{ volume, replacement: replacementOf(input, volume, content, before) }];
}

function contentOf({ context, live, pod }: StepInput, volume: Volume): VolumeContent {
  const content = configContent(context, pod, volume);
  const times = live.contentTimes;
  if (content.refreshAtMs === undefined) times.delete(volume.name);
  else times.set(volume.name, content.refreshAtMs);
  return content;
}

/** When the next content changes by itself. */
function noteRefresh({ live }: StepInput): void {
  const times = [...live.contentTimes.values()];
  live.refreshAtMs = times.length === 0 ? undefined : Math.min(...times);
}

function replacementOf(
  { context, pod }: StepInput,
  volume: Volume,
  { files }: VolumeContent,
  before: PublishedContent,
): Replacement {
  const { volumes } = podFolders(context.instance, pod.metadata.uid);
  return {
    volume: `${volumes}/${volume.name}`,
    before,
    files,
    folder: contentFolderName(context.clock.now(), randomInt(2 ** 32)),
    fsGroup: pod.spec.securityContext?.fsGroup,
  };
}

async function replace(shim: ShimClient, { volume, replacement }: Due): Promise<void> {
  const programs = compileReplacement(replacement);
  invariant(programs.length > 0, "a replacement has programs");
  for (const program of programs) {
    await shim.run(`Cannot write the content of volume "${volume.name}"`, program);
  }
}

function failure(
  { name }: Volume,
  error: unknown,
): { readonly type: "Warning"; readonly reason: string; readonly message: string } {
  const message = `MountVolume.SetUp failed for volume "${name}" : ${messageOf(error)}`;
  return { type: "Warning", reason: "FailedMount", message };
}
