/** Checks for states that cannot be; a failure is a bug in nspod and ends the operation only. */
import { PodError } from "./errors.ts";

/** Ends a `switch` over a union: the compiler proves that it is never reached. */
export function assertNever(value: never): never {
  throw new PodError("Internal", `Unexpected value ${JSON.stringify(value)}`);
}

/** @param why - why the condition always holds, for the reader of the failure. */
export function invariant(condition: unknown, why: string): asserts condition {
  if (!condition) throw new PodError("Internal", `Broken invariant: ${why}`);
}
