/*
 * A child whose last steps run in a child of its own, which shares no memory with anybody.
 *
 * For a PID namespace in which somebody may trace whatever is in it (CAP_SYS_PTRACE over the
 * host's users): a process is in such hands from its birth, so what is born there must hold nothing
 * that it will not have after its execve. The operations before PROGRAM_DIVIDE run outside of the
 * namespace, in memory that is the caller's; they have given everything up by then. Those after it
 * run inside, in a copy of the memory in which nothing of the caller's is left but this program.
 */
#ifndef NSPOD_CLONE_DIVIDED_H
#define NSPOD_CLONE_DIVIDED_H

#include "clone_child.h"

/* Index of the program's PROGRAM_DIVIDE, or -1. */
int32_t program_division(const struct program *program);

/*
 * As clone_child(), for a program that is divided. The process that lives on is a child of the
 * caller; after the division registers hold what they held, and a failure that was tolerated
 * skips nothing more.
 */
int clone_divided(const struct program *program, const struct clone_options *options,
		  struct program_result *result);

#endif
