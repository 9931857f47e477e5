/*
 * libnspod.so: the ways in for FFI.
 *
 * nspod_run() replays a program in the calling thread, for calls that leave the thread as it was
 * (netlink, mknod, xattrs, bpf). nspod_spawn() replays it in a child that shares the caller's
 * memory while the caller sleeps. Whatever changes a thread (setns, unshare, chroot, ids) belongs
 * into a spawned child only.
 * nspod_empty_trash() and nspod_give_group() are loops over what they find, which no program can
 * be; nspod_log_text() makes no system call at all; nspod_tidy() asks malloc and the linker.
 */
#include "clone_child.h"
#include "group.h"
#include "log_text.h"
#include "tidy.h"
#include "trash.h"

#include <errno.h>
#include <sys/mman.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int nspod_run(uint8_t *buffer, uint32_t size, struct program_result *result);
EXPORT int nspod_spawn(uint8_t *buffer, uint32_t size, uint64_t clone_flags, int32_t cgroup_fd,
		       struct program_result *result);
EXPORT int nspod_empty_trash(int32_t fd, uint32_t most);
EXPORT int nspod_give_group(uint8_t *buffer, uint32_t size, struct program_result *result,
			    struct group_change *change);
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

struct walk {
	const struct program_result *result;
	struct group_change *change;
	void *room;
};

static void walk_on(void *argument)
{
	const struct walk *walk = argument;
	int64_t fd = walk->result->registers[walk->change->root];

	group_walk((int)fd, walk->change, walk->room);
}

/*
 * Replays a program that opens a directory in a child, which then walks through it (group.h). What
 * the walk did is in *change. Returns what clone_child() returns.
 */
EXPORT int nspod_give_group(uint8_t *buffer, uint32_t size, struct program_result *result,
			    struct group_change *change)
{
	struct walk walk = {.result = result, .change = change};
	struct clone_options options = {.cgroup_fd = -1, .after = walk_on, .argument = &walk};
	struct program program;
	int32_t bad_op;
	int status;

	if (change->root >= PROGRAM_REGISTERS)
		return refuse(result, -1);
	if (program_verify(buffer, size, &program, &bad_op) < 0)
		return refuse(result, bad_op);
	walk.room = mmap(NULL, group_room(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (walk.room == MAP_FAILED) {
		result->failed_op = -1;
		result->error = errno;
		return -result->error;
	}
	status = clone_child(&program, &options, result);
	munmap(walk.room, group_room());
	return status;
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
