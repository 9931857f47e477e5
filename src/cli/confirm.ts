/** "Are you sure?" before something that cannot be taken back. */
import { createInterface } from "node:readline/promises";
import { PodError } from "../base/errors.ts";
import type { Screen } from "./screen.ts";

/**
 * @param warning - what will happen, a sentence.
 * @param isSure - `--yes` or `--force`: nobody is asked.
 * @throws PodError FailedPrecondition when nobody is there to answer.
 */
export async function confirm(screen: Screen, warning: string, isSure: boolean): Promise<boolean> {
  if (isSure) return true;
  if (!process.stdin.isTTY) {
    throw new PodError(
      "FailedPrecondition",
      `${warning} Add --yes to go ahead without being asked`,
    );
  }
  screen.remark(`WARNING! ${warning}`);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(
      (await reader.question("Are you sure you want to continue? [y/N] ")).trim(),
    );
  } finally {
    reader.close();
  }
}
