/**
 * Children into another PID namespace and back: setns changes where the shim's next children are born, not the shim.
 * Source: pid_namespaces(7), "setns(2) and unshare(2) semantics"; a pidfd names the namespace since Linux 5.8.
 */
import { K } from "../sys/abi.ts";
import type { Program } from "../sys/program.ts";
import { shared } from "./terminal.ts";

/** In a prelude: the next child is born in the PID namespace of the target. */
export function enterPidNamespace(program: Program, origin: string): void {
  program.from(origin);
  program.call("openat", [K.AT_FDCWD, "/proc/self/ns/pid", K.O_RDONLY | K.O_CLOEXEC], {
    into: shared.pidNamespace,
  });
  program.call("setns", [shared.target, K.CLONE_NEWPID]);
}

/** In the postlude, which runs in any case. Without the prelude's descriptor there is nothing to undo: EBADF. */
export function leavePidNamespace(program: Program): void {
  program.from("PID namespace of the shim");
  program.call("setns", [shared.pidNamespace, K.CLONE_NEWPID], {
    always: true,
    tolerate: ["EBADF"],
  });
  program.call("close", [shared.pidNamespace], { always: true, tolerate: ["EBADF"] });
}
