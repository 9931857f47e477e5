/** What the words of a line that is being typed mean, for completion. Pure. */
import { resourceOfWord } from "../spec/resources.ts";

export interface CompletionLine {
  /** What `-n` said. */
  readonly namespace: string | undefined;
  /** The resource whose names come next; undefined: the resource itself does. */
  readonly type: string | undefined;
  /** The names are typed as `TYPE/NAME`. */
  readonly isSlashed: boolean;
  /** Words that stand there already. */
  readonly taken: readonly string[];
}

/** Options of object commands whose value is the next word. */
const valued: ReadonlySet<string> = new Set([
  ...["-n", "--namespace", "-l", "--selector", "--field-selector", "-o", "--output", "--timeout"],
  ...["--for", "--sort-by", "--grace-period", "-p", "--patch", "--type", "--cascade", "--types"],
  ...["--port", "--target-port", "--name", "-c", "--containers", "-e", "--env", "--from"],
  ...["--limits", "--requests", "--replicas", "--to-revision", "--revision", "--subresource"],
  ...["--root", "--run", "--bridge", "--subnet", "--cgroup"],
]);

/** Commands whose next word is a command, too, and then come objects. */
const grouped: ReadonlySet<string> = new Set(["rollout", "set"]);

/** @param words - the line without the name of the program; the last word is the one at the cursor. */
export function completionLine(words: readonly string[]): CompletionLine {
  const current = words.at(-1) ?? "";
  const plain: string[] = [];
  let namespace: string | undefined;
  for (let index = 0; index < words.length - 1; index++) {
    const word = words[index] ?? "";
    if (!word.startsWith("-")) {
      plain.push(word);
      continue;
    }
    const [option = "", value] = word.split("=", 2);
    const next = value ?? (valued.has(option) ? words[++index] : undefined);
    if (option === "-n" || option === "--namespace") namespace = next;
  }
  // The first plain word is the command, and so is the second one of these.
  const taken = plain.slice(grouped.has(plain[0] ?? "") ? 2 : 1);
  const slash = current.indexOf("/");
  if (slash > 0) return { namespace, type: current.slice(0, slash), isSlashed: true, taken };
  const [first] = taken;
  const isType = first !== undefined && resourceOfWord(first) !== undefined;
  return { namespace, type: isType ? first : undefined, isSlashed: false, taken };
}
