// Turns the output and the ending of one uvu program into counts. Pure.
// uvu prints "Total:", "Passed:" and "Skipped:"; it returns 0 although a hook threw, so what counts
// as failed is the difference of total and passed, never the exit status alone.

/** What run.ts saw of one test file. */
export interface FileRun {
  readonly file: string;
  /** stdout and stderr in the order in which they came. */
  readonly output: string;
  /** Exit status ("0") or the name of the signal ("SIGKILL"). */
  readonly ending: string;
  /** Set when the runner ended the file because of its time limit. */
  readonly limitSeconds: number | undefined;
  readonly durationMs: number;
}

/** The verdict over one test file; `problems` is empty exactly when `failed` is 0. */
export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly string[];
  readonly problems: readonly string[];
  readonly output: string;
  readonly durationMs: number;
}

/** Judges one run; a file with any problem has at least one failure. */
export function judge(run: FileRun): FileResult {
  const total = lastCount(run.output, "Total");
  const passed = lastCount(run.output, "Passed") ?? 0;
  const skipped = lastCount(run.output, "Skipped") ?? 0;
  const skips = [...run.output.matchAll(/^SKIP (.*)$/gm)].map((match) => match[1] ?? "");
  const problems: string[] = [];
  let failed = (total ?? 0) - passed;
  if (failed > 0) problems.push(`${failed} of ${total} tests did not pass`);
  if (run.limitSeconds !== undefined) {
    problems.push(`did not end within ${run.limitSeconds} s and was killed`);
  } else if (run.ending !== "0" && failed === 0) {
    problems.push(`ended with ${/^\d+$/.test(run.ending) ? "status " : ""}${run.ending}`);
  } else if (!total && skips.length === 0) {
    problems.push("ran no test: is suite.run() missing?");
  }
  if (skipped > skips.length) {
    problems.push("skipped tests without a reason (a left-over only or skip?)");
  }
  if (problems.length > 0) failed = Math.max(failed, 1);
  const { file, output, durationMs } = run;
  return { file, passed, failed, skips, problems, output, durationMs };
}

function lastCount(output: string, word: string): number | undefined {
  const match = [...output.matchAll(new RegExp(`^\\s+${word}:\\s+(\\d+)$`, "gm"))].at(-1);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
