/**
 * Children into another PID namespace and back: setns changes where the shim's next children are born, not the shim.
 *
 * With CAP_SYS_PTRACE over the host's users a neighbour has every process of its PID namespace in its hands, from its
 * birth and whatever its own state is. Where a container of the pod has that, a command (exec.ts) does its work outside
 * of the namespace and divides last: what is born inside has the memory, the descriptors, the rights and the filter
 * that it has after its execve (security: ESC-03, CVE-2016-9962). It costs a fork, so elsewhere the process is born
 * inside and not dumpable; and so is the first process of a container, whose /proc has to be of that namespace.
 * Source: pid_namespaces(7), "setns(2) and unshare(2) semantics"; a pidfd names the namespace since Linux 5.8;
 * ptrace(2) "Ptrace access mode checking".
 */
import type { Container, Pod } from "../spec/pod.ts";
import { K } from "../sys/abi.ts";
import type { Program } from "../sys/program.ts";
import { asksFor } from "./capabilities.ts";
import { shared } from "./terminal.ts";

/**
 * Whether somebody in a PID namespace of the pod may trace whatever is born there; for pods with the host's users.
 * What is privileged is not asked: it has the host already.
 */
export function mayTraceNewcomers({ spec }: Pod): boolean {
  const all: readonly Container[] = [
    ...spec.containers,
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  return all.some(({ securityContext }) => asksFor(securityContext, "SYS_PTRACE"));
}

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

/** First in a program that will divide: the second half is born in the PID namespace of the target. */
export function divideIntoPidNamespace(program: Program, origin: string): void {
  program.from(origin).call("setns", [shared.target, K.CLONE_NEWPID]);
}
