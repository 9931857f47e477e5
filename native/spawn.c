/*
 * libnspod.so: the ways in for FFI.
 *
 * nspod_run() replays a program in the calling thread, for calls that leave the thread as it was
 * (netlink, mknod, xattrs, bpf). nspod_spawn() replays it in a child that shares the caller's
 * memory while the caller sleeps. Whatever changes a thread (setns, unshare, chroot, ids) belongs
 * into a spawned child only.
 * nspod_empty_trash() is a loop over what it finds, which no program can be; nspod_log_text() makes
 * no system call at all; nspod_tidy() asks malloc and the linker.
 */
#include "clone_child.h"
#include "log_text.h"
#include "tidy.h"
#include "trash.h"

#include <errno.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int nspod_run(uint8_t *buffer, uint32_t size, struct program_result *result);
EXPORT int nspod_spawn(uint8_t *buffer, uint32_t size, uint64_t clone_flags, int32_t cgroup_fd,
		       struct program_result *result);
EXPORT int nspod_empty_trash(int32_t fd, uint32_t most);
EXPORT void nspod_log_text(uint8_t *block, uint32_t size, struct log_text *text);
EXPORT void nspod_tidy(int32_t forget_start);

static int refuse(struct program_result *result, int32_t bad_op)
{
	result->failed_op = bad_op;
	result->error = EBADMSG;
	return -EBADMSG;
}

/* Returns 0, or -errno of the operation that result->failed_op names. */
EXPORT int nspod_run(uint8_t *buffer, uint32_t size, struct program_result *result)
{
	struct program program;
	int32_t bad_op;

	if (program_verify(buffer, size, &program, &bad_op) < 0)
		return refuse(result, bad_op);
	return program_replay(&program, result) < 0 ? -result->error : 0;
}

/* Returns what clone_child() returns; cgroup_fd may be -1. */
EXPORT int nspod_spawn(uint8_t *buffer, uint32_t size, uint64_t clone_flags, int32_t cgroup_fd,
		       struct program_result *result)
{
	struct clone_options options = {.flags = clone_flags, .cgroup_fd = cgroup_fd};
	struct program program;
	int32_t bad_op;

	if (program_verify(buffer, size, &program, &bad_op) < 0)
		return refuse(result, bad_op);
	return clone_child(&program, &options, result);
}

/* See trash.h. */
EXPORT int nspod_empty_trash(int32_t fd, uint32_t most)
{
	return trash_empty(fd, most);
}

/* See log_text.h. */
EXPORT void nspod_log_text(uint8_t *block, uint32_t size, struct log_text *text)
{
	log_text(block, size, text);
}

EXPORT void nspod_tidy(int32_t forget_start)
{
	tidy(forget_start);
}
