/**
 * Which pods of a node `drain` evicts, and why it refuses to. Pure.
 * Source: kubectl drain, its filters and their words.
 */
import type { Pod } from "../spec/pod.ts";

export interface DrainOptions {
  readonly force?: boolean;
  readonly ignoreDaemonsets?: boolean;
  readonly deleteEmptydirData?: boolean;
}

export interface DrainList {
  readonly pods: readonly Pod[];
  /** `cannot delete … (use --… to override): default/web, default/db`. */
  readonly errors: readonly string[];
  /** The same with what was allowed. */
  readonly warnings: readonly string[];
}

type Verdict = { readonly error: string } | { readonly warning: string; readonly stays?: true };

export function listToDrain(all: readonly Pod[], options: DrainOptions): DrainList {
  const pods: Pod[] = [];
  const errors = new Map<string, string[]>();
  const warnings = new Map<string, string[]>();
  for (const pod of all) {
    const verdicts = [ofDaemonSet, unmanaged, withLocalData].flatMap(
      (filter) => filter(pod, options) ?? [],
    );
    let stays = false;
    for (const verdict of verdicts) {
      const isError = "error" in verdict;
      note(isError ? errors : warnings, isError ? verdict.error : verdict.warning, pod);
      stays ||= isError || verdict.stays === true;
      // Nothing else matters of a pod that is left where it is.
      if (stays) break;
    }
    if (!stays) pods.push(pod);
  }
  return { pods, errors: sentences(errors), warnings: sentences(warnings) };
}

function ofDaemonSet(pod: Pod, { ignoreDaemonsets }: DrainOptions): Verdict | undefined {
  if (controllerKind(pod) !== "DaemonSet" || hasEnded(pod)) return undefined;
  return ignoreDaemonsets === true
    ? { warning: "ignoring DaemonSet-managed Pods", stays: true }
    : { error: "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)" };
}

function unmanaged(pod: Pod, { force }: DrainOptions): Verdict | undefined {
  if (controllerKind(pod) !== undefined || hasEnded(pod)) return undefined;
  return force === true
    ? { warning: "deleting Pods that declare no controller" }
    : { error: "cannot delete Pods that declare no controller (use --force to override)" };
}

function withLocalData(pod: Pod, { deleteEmptydirData }: DrainOptions): Verdict | undefined {
  const hasData = (pod.spec.volumes ?? []).some(({ emptyDir }) => emptyDir !== undefined);
  if (!hasData || hasEnded(pod)) return undefined;
  return deleteEmptydirData === true
    ? { warning: "deleting Pods with local storage" }
    : { error: "cannot delete Pods with local storage (use --delete-emptydir-data to override)" };
}

function controllerKind({ metadata }: Pod): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)?.kind;
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

function note(map: Map<string, string[]>, words: string, { metadata }: Pod): void {
  const names = map.get(words) ?? [];
  map.set(words, [...names, `${metadata.namespace}/${metadata.name}`]);
}

function sentences(map: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...map].map(([words, names]) => `${words}: ${names.join(", ")}`);
}
