// One line per operation, for assertions about order and operands: `mkdirat R9 "proc" 365`.
import type { Operand, Program } from "../../../src/sys/program.ts";

export function listing(program: Program | undefined): string[] {
  return (program?.operations ?? []).map(({ name, operands }) =>
    [name, ...operands.map(operandText)].join(" "),
  );
}

function operandText(operand: Operand): string {
  if (typeof operand !== "object") return String(operand);
  return operand.kind === "pool" ? operand.text : `R${operand.number}`;
}

/** The index of the first line that fits; throws when there is none. */
export function find(lines: readonly string[], pattern: RegExp): number {
  const index = lines.findIndex((line) => pattern.test(line));
  if (index < 0) throw new Error(`no operation ${pattern} in\n${lines.join("\n")}`);
  return index;
}
