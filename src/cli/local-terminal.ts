/**
 * The user's terminal during an interactive session: raw mode, so that every key goes inside, and
 * the size whenever it changes. Always put back, also when the session fails.
 */
import type { ReadStream, WriteStream } from "node:tty";

export interface LocalTerminal {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}

/** undefined unless both ends are terminals. */
export function localTerminal(): LocalTerminal | undefined {
  const { stdin, stdout } = process;
  return stdin.isTTY && stdout.isTTY ? { stdin, stdout } : undefined;
}

/** Raw mode until the result is disposed of. */
export function takeTerminal(
  { stdin, stdout }: LocalTerminal,
  onResize: (columns: number, rows: number) => void,
): Disposable {
  const tell = (): void => onResize(stdout.columns, stdout.rows);
  stdin.setRawMode(true);
  stdout.on("resize", tell);
  return {
    [Symbol.dispose]: () => {
      stdout.off("resize", tell);
      stdin.setRawMode(false);
    },
  };
}
