/** `nspod doctor`: one line per check, with what is missing and how to mend it. */
import { type Check, checkMachine } from "../../sys/features.ts";
import type { Context } from "../context.ts";

const marks: Readonly<Record<Check["state"], readonly [sign: string, colour: number]>> = {
  good: ["✓", 32],
  weak: ["!", 33],
  missing: ["✗", 31],
};

/** @returns 1 when something is missing without which no pod can run. */
export function runDoctor(
  { screen, instance }: Context,
  { output }: { readonly output?: "json" },
): number {
  const checks = checkMachine(instance);
  if (output === "json") {
    screen.print(JSON.stringify({ checks }, undefined, 4));
  } else {
    for (const check of checks) {
      const [sign, colour] = marks[check.state];
      const mark = screen.hasColours ? `\x1b[${colour}m${sign}\x1b[0m ` : `${sign} `;
      const remedy = check.remedy === undefined ? "" : `: ${check.remedy}`;
      screen.printLog(`${check.name}: ${check.finding}${remedy}`, mark);
    }
  }
  return checks.some(({ state }) => state === "missing") ? 1 : 0;
}
