// Any line of a log, for properties.
import fc from "fast-check";
import type { LogLine } from "../../../src/shim/log-line.ts";

export const logLine: fc.Arbitrary<LogLine> = fc.record({
  timestamp: fc.tuple(fc.integer({ min: 0, max: 4e12 }), fc.nat(999_999)).map(([ms, nano]) => {
    const date = new Date(ms).toISOString().slice(0, -1);
    return `${date}${String(nano).padStart(6, "0")}Z`;
  }),
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  partial: fc.boolean(),
  content: fc
    .uint8Array({ maxLength: 80 })
    .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 10 ? 11 : byte)))),
});
