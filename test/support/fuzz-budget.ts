// Loaded before a test file by fuzz.ts: properties run until their time is over, not a number of times.
// Properties that set their own number of runs keep it.
import fc from "fast-check";

const budgetMs = Number(process.env["NSPOD_FUZZ_MS"]);

fc.configureGlobal({
  numRuns: 1_000_000_000,
  interruptAfterTimeLimit: budgetMs,
  // An interruption after a run without a failure is a success.
  markInterruptAsFailure: false,
  verbose: 1,
});
