// How much longer than usual a test may take here. The guest without KVM runs 10 to 15 times slower
// (test/vm/run.sh sets the factor), and a deadline is there to end a hang, not to measure.

/** `ms` times NSPOD_TEST_PATIENCE (a number ≥ 1, default 1). */
export function patient(ms: number): number {
  const factor = Number(process.env["NSPOD_TEST_PATIENCE"] ?? "1");
  return factor > 1 ? ms * factor : ms;
}
