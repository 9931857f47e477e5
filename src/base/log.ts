/**
 * The process's logger: pino, one JSON object per line on standard error. Only doors log (cli,
 * apiserver, worker): a function throws or logs, never both.
 */
import { type Logger, pino } from "pino";

export type { Logger };

/** @param level - pino level name; "silent" in tests. */
export function createLogger(level: string, destination: number = 2): Logger {
  return pino(
    { base: null, level, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: destination, sync: true }),
  );
}
