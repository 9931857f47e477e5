/**
 * Turns the result of a failed program into a sentence about the object it worked on.
 * The phrases say what an errno usually means for the user; man pages section 2 are the source.
 */
import { type ErrorKind, PodError } from "../base/errors.ts";
import { errnoName } from "./abi.ts";
import type { Operation, Program } from "./program.ts";

export interface ProgramResult {
  /** Index of the failed operation, or -1. */
  readonly failedOperation: number;
  /** errno of the failure, or 0. */
  readonly errno: number;
  readonly registers: readonly bigint[];
}

export class SyscallError extends PodError {
  override readonly name = "SyscallError";
  /** Name of the system call, e.g. "mount". */
  readonly syscall: string;
  /** Name of the errno, e.g. "ENOENT". */
  readonly errno: string;
  /** Index of the operation in its program; -1 when the child could not be cloned. */
  readonly operation: number;
  /** Field or phrase that the operation comes from. */
  readonly origin: string;

  constructor(
    kind: ErrorKind,
    message: string,
    facts: { syscall: string; errno: string; operation: number; origin: string },
  ) {
    super(kind, message, { data: facts });
    this.syscall = facts.syscall;
    this.errno = facts.errno;
    this.operation = facts.operation;
    this.origin = facts.origin;
  }
}

const meanings: Readonly<Record<string, readonly [ErrorKind, string]>> = {
  ENOENT: ["NotFound", "no such file or directory"],
  ENOTDIR: ["FailedPrecondition", "a part of the path is not a directory"],
  EEXIST: ["AlreadyExists", "it exists already"],
  EACCES: ["PermissionDenied", "permission denied"],
  EPERM: ["PermissionDenied", "the kernel does not permit it"],
  EROFS: ["FailedPrecondition", "the file system is read-only"],
  EIO: ["Internal", "the disk reports an error"],
  EBUSY: ["FailedPrecondition", "it is in use"],
  ENOSPC: ["ResourceExhausted", "no space is left"],
  EDQUOT: ["ResourceExhausted", "the disk quota is exceeded"],
  ENOMEM: ["ResourceExhausted", "the kernel has no memory for it"],
  EMFILE: ["ResourceExhausted", "the process has too many open files"],
  ENFILE: ["ResourceExhausted", "the system has too many open files"],
  EAGAIN: ["ResourceExhausted", "a limit of the kernel is reached"],
  ELOOP: ["FailedPrecondition", "too many symbolic links, or one where none is allowed"],
  EXDEV: ["FailedPrecondition", "the path leads out of its root"],
  EINVAL: ["FailedPrecondition", "the kernel refuses the arguments"],
  ENOSYS: ["Unimplemented", "this kernel does not have the system call"],
  EOPNOTSUPP: ["Unimplemented", "this kernel or file system does not support it"],
  ENODEV: ["Unimplemented", "this kernel does not have the device or file system"],
  EADDRINUSE: ["AlreadyExists", "the address is in use"],
  ENOEXEC: ["FailedPrecondition", "the file is not an executable for this machine"],
  E2BIG: ["FailedPrecondition", "arguments and environment are too large"],
  ETXTBSY: ["FailedPrecondition", "the file is open for writing"],
  EBADMSG: ["Internal", "the program is malformed"],
};

/** The usual meaning of an errno in words; unknown ones give an empty string. */
export function errnoMeaning(name: string): string {
  return meanings[name]?.[1] ?? "";
}

/** Whose fault an errno usually is; of unknown ones nobody's but ours. */
export function errnoKind(name: string): ErrorKind {
  return meanings[name]?.[0] ?? "Internal";
}

/**
 * The error of a failed program, e.g. `Cannot start container "web": spec.volumes[0]: mount
 * failed with ENOENT (no such file or directory): mount("/srv/db", …)`.
 * @param action - the head of the sentence, e.g. `Cannot start container "web"`.
 */
export function syscallError(
  action: string,
  program: Pick<Program, "operations">,
  result: Pick<ProgramResult, "failedOperation" | "errno">,
): SyscallError {
  const operation = program.operations[result.failedOperation];
  const syscall = operation?.name ?? "clone3";
  const errno = errnoName(result.errno);
  const meaning = errnoMeaning(errno);
  const origin = operation?.origin ?? "";
  const refused = refusedRequest(program, result.failedOperation);
  const head =
    refused === undefined
      ? `${syscall}${operation ? pathOf(operation) : ""} failed`
      : `the kernel refused ${refused}`;
  const parts = [
    action,
    ...(origin === "" ? [] : [origin]),
    `${head} with ${errno}${meaning === "" ? "" : ` (${meaning})`}`,
  ];
  return new SyscallError(errnoKind(errno), parts.join(": "), {
    syscall,
    errno,
    operation: result.failedOperation,
    origin,
  });
}

/** What an acknowledgement answered: the message that was sent last before it. */
function refusedRequest(program: Pick<Program, "operations">, failed: number): string | undefined {
  if (program.operations[failed]?.name !== "EXPECT0") return undefined;
  const sent = program.operations.slice(0, failed).findLast(({ name }) => name === "sendto");
  const message = sent?.operands[1];
  if (typeof message !== "object" || message.kind !== "pool") return "a request";
  return message.text.replace(/^\{(.*)\}$/, "$1");
}

/** The first strings of an operation: nearly always the path or name it works on. */
function pathOf(operation: Operation): string {
  const texts = operation.operands.flatMap((operand) =>
    typeof operand === "object" && operand.kind === "pool" && operand.text.startsWith('"')
      ? [operand.text]
      : [],
  );
  return texts.length === 0 ? "" : ` ${texts.slice(0, 2).join(" → ")}`;
}
