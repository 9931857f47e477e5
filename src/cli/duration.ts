/**
 * Durations that users type: Go's form ("1h30m", "1.5s", "300ms"), and a bare number of seconds.
 * Source: Go time.ParseDuration.
 */
import { PodError } from "../base/errors.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * @param option - how the option is called, for the error.
 * @returns milliseconds, 0 or more.
 * @throws PodError InvalidArgument
 */
export function parseDuration(text: string, option: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw new PodError(
      "InvalidArgument",
      `${option}: must be a duration such as "30s", "5m" or "1h30m": got "${text}"`,
    );
  }
  let total = 0;
  for (const [, amount, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * (unitMs[unit] ?? 0);
  }
  return Math.round(total);
}
