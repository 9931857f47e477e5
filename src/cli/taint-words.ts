/**
 * Taints as people write them: `dedicated=db:NoSchedule`, `dedicated:NoExecute-`, `dedicated-`. Pure.
 * Source: kubectl taint and its words.
 */
import { PodError } from "../base/errors.ts";
import type { Taint } from "../spec/kubernetes.gen.ts";

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"] as const;

export interface TaintChanges {
  readonly add: readonly Taint[];
  /** Without an effect: all of the key. */
  readonly remove: readonly { readonly key: string; readonly effect?: string }[];
}

export function isTaintWord(word: string): boolean {
  return word.endsWith("-") || word.includes(":") || word.includes("=");
}

/** @throws PodError InvalidArgument */
export function parseTaints(words: readonly string[]): TaintChanges {
  const add: Taint[] = [];
  const remove: { readonly key: string; readonly effect?: string }[] = [];
  for (const word of words) {
    const isRemoval = word.endsWith("-");
    const found = /^([^=:]+)(?:=([^=:]*))?(?::([A-Za-z]+))?-?$/.exec(word);
    const [, key = "", value, effect] = found ?? [];
    const known = effects.find((each) => each === effect);
    if (found === null || (effect !== undefined && known === undefined)) throw invalid(word);
    if (isRemoval) {
      const bare = effect === undefined && value === undefined ? key.replace(/-$/, "") : key;
      remove.push({ key: bare, ...(known && { effect: known }) });
    } else if (known === undefined) {
      throw invalid(word);
    } else {
      add.push({ key, ...(value && { value }), effect: known });
    }
  }
  return { add, remove };
}

/**
 * The taints of a node after the changes.
 * @throws PodError AlreadyExists without `overwrite`, NotFound for a taint that is to be removed.
 */
export function changeTaints(
  known: readonly Taint[],
  { add, remove }: TaintChanges,
  { name, overwrite }: { readonly name: string; readonly overwrite: boolean },
): readonly Taint[] {
  const clash = add.find((taint) => known.some((other) => isSame(taint, other)));
  if (clash !== undefined && !overwrite) {
    throw new PodError(
      "AlreadyExists",
      `node ${name} already has ${clash.key} taint(s) with same effect(s) and --overwrite is false`,
    );
  }
  const isRemoved = (taint: Taint): boolean =>
    remove.some(({ key, effect = taint.effect }) => key === taint.key && effect === taint.effect);
  for (const { key, effect } of remove) {
    if (known.some((taint) => taint.key === key && (effect ?? taint.effect) === taint.effect)) {
      continue;
    }
    const word = effect === undefined ? key : `${key}:${effect}`;
    throw new PodError("NotFound", `taint "${word}" not found`);
  }
  const kept = known.filter(
    (taint) => !isRemoved(taint) && !add.some((other) => isSame(taint, other)),
  );
  return [...kept, ...add];
}

function isSame(one: Taint, other: Taint): boolean {
  return one.key === other.key && one.effect === other.effect;
}

function invalid(word: string): PodError {
  const form = `write KEY=VALUE:EFFECT, KEY:EFFECT- or KEY-, with an effect of ${effects.join(", ")}`;
  return new PodError("InvalidArgument", `invalid taint spec: ${word}: ${form}`);
}
