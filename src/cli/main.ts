/**
 * The entry point of the command line: runs one command, prints its error as one sentence, ends
 * with its exit code. 1 = nspod refused or failed; anything else comes from the pod or command.
 */
import { CommanderError } from "commander";
import { hasCode, messageOf, PodError } from "../base/errors.ts";
import { buildProgram } from "./program.ts";
import { Screen } from "./screen.ts";

const screen = new Screen({ out: process.stdout, err: process.stderr, env: process.env });

// The reader of our output is gone (`nspod logs web | head`): end as SIGPIPE would have ended us.
process.stdout.on("error", (error) => {
  if (hasCode(error, "EPIPE")) process.exit(128 + 13);
  throw error;
});

// No await at the top level: a bundle without it can be CommonJS, which starts 50 ms faster.
void main().then(async (code) => {
  await Promise.all([written(process.stdout), written(process.stderr)]);
  process.exit(code);
});

/** Writes to a pipe are asynchronous: what its reader has not taken yet would be lost by exit(). */
async function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  // Also called when the reader is gone.
  stream.write("", () => resolve());
  await promise;
}

async function main(): Promise<number> {
  let exitCode = 0;
  const options = {
    screen,
    env: process.env,
    isRoot: process.geteuid?.() === 0,
    finish: (code: number) => {
      exitCode = code;
    },
  };
  const program = buildProgram(options, process.argv.slice(2));
  try {
    await program.parseAsync(process.argv);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    report(error);
    return exitCodeOf(error);
  }
}

/** A command that could not be run has an exit code of its own: 126 or 127, as in a shell. */
function exitCodeOf(error: unknown): number {
  const exitCode = error instanceof PodError ? error.data["exitCode"] : undefined;
  return typeof exitCode === "number" ? exitCode : 1;
}

function report(error: unknown): void {
  const lines = messageOf(error).split("\n");
  // A manifest with several mistakes: one line each, without our name before them.
  const [first = ""] = lines;
  const hasName = lines.length > 1 || first.startsWith("nspod ");
  screen.remark(hasName ? lines.join("\n") : `nspod: ${first}`);
  // Anything but a PodError is a bug, and its stack is what a report needs.
  if (!(error instanceof PodError) && error instanceof Error) screen.remark(error.stack ?? "");
}
