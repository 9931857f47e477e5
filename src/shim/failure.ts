/**
 * Turns a shim's refusal into the error that the caller sees: a SyscallError with the origin of
 * the operation when one of the programs failed, a PodError when the shim's own step did.
 */
import { type ErrorKind, PodError } from "../base/errors.ts";
import { errnoName } from "../sys/abi.ts";
import { Program } from "../sys/program.ts";
import { errnoMeaning, syscallError } from "../sys/syscall-error.ts";
import { type Reply, type Step, steps } from "./protocol.ts";

/** What one START consists of; see the register conventions in native/shim.h. */
export interface ProcessPrograms {
  /** Runs in the shim before the clone. */
  readonly prelude?: Program;
  /** Runs in the child and ends in an execve. */
  readonly program: Program;
  /** Runs in the shim after the clone, always. */
  readonly postlude?: Program;
}

/** @param action - the head of the sentence, e.g. `Cannot start container "web"`. */
export function failureOf(action: string, reply: Reply, programs?: ProcessPrograms): PodError {
  if (reply.phase === "step" || reply.phase === "none") return stepFailure(action, reply);
  // Absent programs cannot fail; the error then still names what the kernel said.
  const program = programs?.[reply.phase] ?? new Program(action);
  return syscallError(action, program, {
    failedOperation: reply.failedOperation,
    errno: reply.errno,
  });
}

function stepFailure(action: string, reply: Reply): PodError {
  const step = steps[reply.failedOperation] ?? "request";
  const errno = errnoName(reply.errno);
  const [kind, sentence] = stepSentence(step, errno);
  return new PodError(kind, `${action}: ${sentence}`, { data: { step, errno } });
}

function stepSentence(step: Step, errno: string): readonly [ErrorKind, string] {
  const meaning = errnoMeaning(errno);
  const why = meaning === "" ? errno : `${errno} (${meaning})`;
  switch (step) {
    case "id":
      if (errno === "EEXIST") return ["AlreadyExists", "the shim knows a process with this id"];
      if (errno === "ENOENT" || errno === "ESRCH")
        return ["NotFound", "no such process is running"];
      return ["FailedPrecondition", `the kernel refuses the signal with ${why}`];
    case "target":
      return ["NotFound", "the process that it joins is not running"];
    case "log":
      return ["FailedPrecondition", `its log file cannot be opened: ${why}`];
    case "cgroup":
      return ["FailedPrecondition", `its cgroup cannot be opened: ${why}`];
    case "stdio":
      return ["FailedPrecondition", `its standard streams cannot be made: ${why}`];
    case "exec":
      return ["Internal", "its program came to the end without starting anything"];
    case "busy":
      return ["FailedPrecondition", "it is still running"];
    case "request":
      return ["Internal", `the shim refuses the request with ${why}`];
  }
}
