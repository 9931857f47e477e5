/* A child that shares its parent's memory and starts in a given cgroup. */
#ifndef NSPOD_CLONE_CHILD_H
#define NSPOD_CLONE_CHILD_H

#include "program.h"

struct clone_options {
	uint64_t flags; /* CLONE_NEW*; CLONE_VM|CLONE_VFORK|CLONE_CLEAR_SIGHAND are always added */
	int32_t cgroup_fd;  /* directory of a cgroup v2 cgroup to start in, or -1 */
	int32_t *ret_pidfd; /* takes a close-on-exec pidfd of the child, or NULL */
	/* Called in the child when the program came to its end, with what it needs; or NULL. */
	void (*after)(void *argument);
	void *argument;
};

/*
 * Clones a child that replays the program with no signal blocked and no handler set, and sleeps
 * until the child has exec'ed or ended; *result is shared with it.
 *
 * Returns the pid of a child that has exec'ed and lives on; 0 when the program ran to its end
 * without failure and without exec (the child has been reaped); or -errno. In the last case
 * result->failed_op names the operation, or is -1 when clone3 itself failed.
 */
int clone_child(const struct program *program, const struct clone_options *options,
		struct program_result *result);

#endif
