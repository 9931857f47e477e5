// The outcomes of seccomp-x86_64.txt, and a filter's answers to compare them with.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { K } from "../../src/sys/abi.ts";
import { judgeCall, type Verdict } from "../unit/sys/classic-bpf.ts";

export interface Outcome {
  readonly name: string;
  readonly number: number;
  readonly verdict: Verdict;
}

const verdicts: Readonly<Record<string, Verdict>> = {
  allow: "allow",
  EPERM: "errno 1",
  ENOSYS: "errno 38",
};

/** Every system call of x86-64 with what the default filter answers. */
export function nativeOutcomes(): Outcome[] {
  const text = readFileSync(join(import.meta.dirname, "seccomp-x86_64.txt"), "utf8");
  let verdict: Verdict | undefined;
  const outcomes: Outcome[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    if (!line.startsWith(" ")) verdict = verdicts[line];
    else if (verdict === undefined) throw new Error(`No outcome above "${line}"`);
    else outcomes.push(...outcomesOf(line, verdict));
  }
  return outcomes;
}

function outcomesOf(line: string, verdict: Verdict): Outcome[] {
  return line
    .trim()
    .split(" ")
    .map((word) => {
      const [name = "", number] = word.split(":");
      return { name, number: Number(number), verdict };
    });
}

/** Numbers that are looked at: all that exist, the gaps between them, and some that no kernel has. */
const numbers = Array.from({ length: 1024 }, (_, number) => number);
const newest = 469;
const x32 = 0x4000_0000;

/** Everything that a filter answers otherwise than the table says, as sentences. */
export function differencesOf(filter: Buffer): string[] {
  const known = new Map(nativeOutcomes().map((each) => [each.number, each]));
  const entries: readonly (readonly [string, number, number])[] = [
    ["native", K.AUDIT_ARCH_X86_64, 0],
    ["i386", K.AUDIT_ARCH_I386, 0],
    ["x32", K.AUDIT_ARCH_X86_64, x32],
  ];
  return entries.flatMap(([entry, arch, base]) =>
    numbers.flatMap((number) => {
      const found = judgeCall(filter, { arch, number: base + number });
      const gap: Verdict = number > newest ? "errno 38" : "errno 1";
      const native = known.get(number)?.verdict ?? gap;
      const expected = entry === "native" ? native : "errno 1";
      const name = known.get(number)?.name ?? "no system call";
      return found === expected
        ? []
        : [`${entry} ${number} (${name}): ${found} instead of ${expected}`];
    }),
  );
}
