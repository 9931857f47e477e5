/*
 * Gives a tree whose content is hostile to a group: names are bytes, every call is relative to a
 * descriptor. Each level has a descriptor and a portion of its names in memory that the caller has
 * given; nothing is static, and nothing is allocated. See src/volume/ownership.ts.
 */
#define _GNU_SOURCE
#include "group.h"

#include "directory_list.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODE_BITS 07777u

static_assert(sizeof(struct group_change) == 32, "crosses the FFI border");

struct level {
	uint32_t mode;
	uint32_t group;
	struct list list;
};

size_t group_room(void)
{
	return (GROUP_MAX_DEPTH + 1) * sizeof(struct level);
}

static int fail(struct group_change *change, enum group_call call)
{
	change->failed_call = call;
	change->error = errno;
	return -1;
}

/* Mode and group of a name; an empty one is the directory itself. Returns 1 when it is gone. */
static int look(int fd, const char *name, struct group_change *change, struct statx *ret_facts)
{
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH);

	change->seen++;
	if (statx(fd, name, flags, STATX_BASIC_STATS, ret_facts) == 0)
		return 0;
	return errno == ENOENT ? 1 : fail(change, GROUP_STATX);
}

/* Group first: changing it drops set-user-id and set-group-id, which the mode then brings back. */
static int give_file(int fd, const char *name, const struct statx *facts,
		     struct group_change *change)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_BENEATH,
	};
	bool is_other = facts->stx_gid != change->group;
	uint32_t mode = facts->stx_mode & MODE_BITS;
	int failed;
	long file;

	if (is_other && fchownat(fd, name, (uid_t)-1, change->group, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(change, GROUP_FCHOWNAT);
	/* The modes of links, sockets and devices stay: only a regular file can be opened without
	 * an effect. */
	if (!S_ISREG(facts->stx_mode) || (!is_other && (mode | change->file_mode) == mode))
		return 0;
	file = syscall(SYS_openat2, fd, name, &how, sizeof(how));
	if (file < 0)
		return errno == ENOENT || errno == ELOOP || errno == EXDEV
			       ? 0
			       : fail(change, GROUP_OPENAT2);
	failed = fchmod((int)file, mode | change->file_mode) < 0 ? fail(change, GROUP_FCHMOD) : 0;
	close((int)file);
	return failed;
}

static int give_directory(const struct level *level, struct group_change *change)
{
	uint32_t mode = level->mode & MODE_BITS;
	uint32_t wanted = mode | change->directory_mode;

	if (level->group == change->group && wanted == mode)
		return 0;
	if (fchownat(level->list.fd, "", (uid_t)-1, change->group, AT_EMPTY_PATH) < 0)
		return fail(change, GROUP_FCHOWNAT);
	return fchmod(level->list.fd, wanted) < 0 ? fail(change, GROUP_FCHMOD) : 0;
}

static void enter(struct level *level, int fd, const struct statx *facts)
{
	level->list.fd = fd;
	level->mode = facts->stx_mode;
	level->group = facts->stx_gid;
	level->list.size = 0;
	level->list.at = 0;
}

/* Returns the descriptor of a directory, -1 for one that is gone or something else, or -2. */
static int open_below(int fd, const char *name, struct group_change *change)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};
	long child = syscall(SYS_openat2, fd, name, &how, sizeof(how));

	if (child >= 0)
		return (int)child;
	if (errno == ENOENT || errno == EXDEV || errno == ENOTDIR)
		return -1;
	fail(change, GROUP_OPENAT2);
	return -2;
}

/* One name of the deepest level. Returns 1 when there is a deeper one now. */
static int give_entry(struct level *level, const char *name, bool is_deepest,
		      struct group_change *change)
{
	struct statx facts;
	int result = look(level->list.fd, name, change, &facts);
	int child;

	if (result != 0)
		return result < 0 ? -1 : 0;
	if (!S_ISDIR(facts.stx_mode))
		return give_file(level->list.fd, name, &facts, change);
	if (is_deepest) {
		errno = ELOOP;
		return fail(change, GROUP_DEPTH);
	}
	child = open_below(level->list.fd, name, change);
	if (child < 0)
		return child + 1;
	enter(level + 1, child, &facts);
	return 1;
}

/* The deepest level is levels[depth]. Returns the next depth, -1 when the walk is over, or -2. */
static int step(struct level *levels, int depth, struct group_change *change)
{
	int error = 0;
	const struct entry *entry = next_entry(&levels[depth].list, &error);
	int result;

	if (error != 0) {
		fail(change, GROUP_GETDENTS64);
		return -2;
	}
	if (entry != NULL) {
		result = give_entry(&levels[depth], entry->name, depth == GROUP_MAX_DEPTH, change);
		return result < 0 ? -2 : depth + result;
	}
	if (give_directory(&levels[depth], change) < 0)
		return -2;
	/* The root's descriptor is the caller's. */
	if (depth > 0)
		close(levels[depth].list.fd);
	return depth - 1;
}

int group_walk(int fd, struct group_change *change, void *room)
{
	struct level *levels = room;
	struct statx facts;
	int depth = 0;
	int before = 0;
	uint32_t mode;

	change->seen = 0;
	change->failed_call = GROUP_NOTHING;
	change->error = 0;
	if (look(fd, "", change, &facts) != 0)
		return change->failed_call == GROUP_NOTHING ? 0 : -1;
	mode = facts.stx_mode & MODE_BITS;
	if (change->only_on_mismatch && facts.stx_gid == change->group &&
	    (mode | change->directory_mode) == mode)
		return 0;
	enter(levels, fd, &facts);
	while (depth >= 0) {
		before = depth;
		depth = step(levels, depth, change);
	}
	if (depth == -1)
		return 0;
	for (; before > 0; before--)
		close(levels[before].list.fd);
	return -1;
}
