/**
 * Replaces what Node.js does by itself in a process: on errors that nobody caught (a half-done step
 * must not go on: security NODE-04), and on SIGUSR1, where it would open a debugger that anybody in
 * the host's network could use (NODE-06).
 */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

/** EX_SOFTWARE of sysexits.h. */
const softwareError = 70;

/** May be called again with another logger. @param exit - ends the process with a code. */
export function guardProcess(logger: Logger, exit: (code: number) => void): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.removeAllListeners(event);
    process.on(event, (error: unknown) => {
      const sentence = `Ending because of an error that nobody caught: ${messageOf(error)}`;
      logger.fatal({ err: error }, sentence);
      exit(softwareError);
    });
  }
  // SIGHUP: the terminal of `nspod daemon` went away.
  for (const signal of ["SIGUSR1", "SIGHUP"] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => logger.info({ signal }, "This signal has no meaning here"));
  }
}
