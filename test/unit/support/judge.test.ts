import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type FileRun, judge } from "../../support/judge.ts";

const verdict = suite("judge()");

const totals = (total: number, passed: number, skipped = 0): string =>
  `• • \n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.00ms\n\n`;

const run = (over: Partial<FileRun>): FileRun => ({
  file: "a.test.ts",
  output: totals(2, 2),
  ending: "0",
  limitSeconds: undefined,
  durationMs: 1,
  ...over,
});

verdict("counts what passed", () => {
  const result = judge(run({}));
  assert.is(result.passed, 2);
  assert.is(result.failed, 0);
  assert.equal(result.problems, []);
});

verdict("counts a hook that threw although uvu ends with status 0", () => {
  assert.is(judge(run({ output: totals(3, 1) })).failed, 2);
});

verdict("fails a file that crashed before its totals", () => {
  const result = judge(run({ output: "Error: boom\n", ending: "1" }));
  assert.is(result.failed, 1);
  assert.equal(result.problems, ["ended with status 1"]);
});

verdict("fails a file that crashed after its totals", () => {
  assert.is(judge(run({ ending: "SIGSEGV" })).failed, 1);
});

verdict("fails a file that ran no test and gave no reason", () => {
  assert.is(judge(run({ output: totals(0, 0) })).failed, 1);
  assert.is(judge(run({ output: "" })).failed, 1);
});

verdict("accepts a file that was skipped with a reason", () => {
  const result = judge(run({ output: "SKIP kvm: /dev/kvm cannot be opened\n" }));
  assert.is(result.failed, 0);
  assert.equal(result.skips, ["kvm: /dev/kvm cannot be opened"]);
});

verdict("fails a skip without a reason", () => {
  assert.is(judge(run({ output: totals(1, 1, 1) })).failed, 1);
});

verdict("names the time limit", () => {
  const result = judge(run({ limitSeconds: 120, ending: "SIGKILL" }));
  assert.is(result.failed, 1);
  assert.match(result.problems.join(), "did not end within 120 s");
});

verdict.run();
