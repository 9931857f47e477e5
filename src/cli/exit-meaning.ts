/** What the end of a process means, in words. Pure. Sources: signal(7), exit(3), POSIX shell "Exit Status". */
import { K } from "../sys/abi.ts";

/** What people need to know of the signals that end containers. */
const signals: readonly (readonly [name: keyof typeof K, meaning: string])[] = [
  ["SIGKILL", "it was killed from outside and had no say"],
  ["SIGTERM", "it was asked to end, and did"],
  ["SIGINT", "it was interrupted, as by Ctrl-C"],
  ["SIGHUP", "its terminal or parent went away"],
  ["SIGQUIT", "it was asked to end with a core dump"],
  [
    "SIGSEGV",
    "it touched memory that is not its own: a bug in the program or an image for another machine",
  ],
  ["SIGBUS", "it touched memory behind the end of a file, or a volume or /dev/shm is full"],
  ["SIGABRT", "it gave up by itself: abort() or a failed assertion"],
  ["SIGILL", "it met an instruction that this processor does not know"],
  ["SIGFPE", "it divided by zero or the like"],
  ["SIGPIPE", "it wrote to a pipe or socket that nobody reads"],
  ["SIGXFSZ", "it wrote a file larger than its limit"],
  ["SIGXCPU", "it used more processor time than its limit"],
  ["SIGSYS", "it made a system call that its seccomp profile forbids"],
];

const codes: Readonly<Record<number, string>> = {
  0: "success",
  126: "a command was found and cannot be executed",
  127: "a command was not found",
  128: "the process could not be started",
};

export interface ProcessEnd {
  readonly exitCode: number;
  /** Absent or 0 when no signal ended it. */
  readonly signal?: number;
}

/** The signal that ended a process, or that a shell reports of its child as 128 + signal; 0 for none. */
export function signalOf({ exitCode, signal = 0 }: ProcessEnd): number {
  if (signal > 0) return signal;
  return exitCode > 128 && exitCode < 128 + 65 ? exitCode - 128 : 0;
}

/** `exit code 137 = SIGKILL: it was killed from outside and had no say`. */
export function exitMeaning(end: ProcessEnd): string {
  const signal = signalOf(end);
  if (signal === 0) {
    const meaning = codes[end.exitCode];
    return `exit code ${end.exitCode}${meaning === undefined ? "" : `: ${meaning}`}`;
  }
  const [name, meaning] = signals.find(([known]) => K[known] === signal) ?? [];
  const word = name ?? `signal ${signal}`;
  return `exit code ${end.exitCode} = ${word}${meaning === undefined ? "" : `: ${meaning}`}`;
}
