/* Tests of group.c: what a group gets of a tree, and what is left alone. */
#define _GNU_SOURCE
#include "harness.h"
#include "../group.h"
#include "../trash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/nspod-test-group-XXXXXX";

static int walk(int fd, struct group_change *change)
{
	void *room = malloc(group_room());
	int result;

	CHECK(room != NULL);
	result = group_walk(fd, change, room);
	free(room);
	return result;
}

static struct group_change to_own_group(void)
{
	return (struct group_change){.group = getgid(), .file_mode = 0660, .directory_mode = 02770};
}

static unsigned mode_of(int fd, const char *name)
{
	struct stat facts;

	CHECK(fstatat(fd, name, &facts, AT_SYMLINK_NOFOLLOW) == 0);
	return facts.st_mode & 07777;
}

static int open_folder(void)
{
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void gives_every_level(void)
{
	struct group_change change = to_own_group();
	int root = open_folder();
	int at = dup(root);

	for (int level = 0; level < 30; level++) {
		int next;

		CHECK(mkdirat(at, "d", 0700) == 0);
		for (int i = 0; i < 200; i++) {
			char name[16];

			CHECK(snprintf(name, sizeof(name), "\xff%d", i) > 0);
			CHECK(mknodat(at, name, S_IFREG | 0600, 0) == 0);
		}
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	CHECK(walk(root, &change) == 0);
	CHECK(change.seen == 1 + 30 * 201);
	CHECK(mode_of(root, ".") == 02770);
	CHECK(mode_of(root, "d/d/d") == 02770);
	CHECK(mode_of(root, "d/d/\xff"
			    "199") == 0660);
	close(root);
}

static void leaves_what_is_right(void)
{
	struct group_change change = to_own_group();
	int root = open_folder();

	CHECK(fchmodat(root, "d", 0700, 0) == 0);
	change.only_on_mismatch = 1;
	CHECK(walk(root, &change) == 0);
	CHECK(change.seen == 1);
	CHECK(mode_of(root, "d") == 0700);
	change.only_on_mismatch = 0;
	CHECK(walk(root, &change) == 0);
	CHECK(mode_of(root, "d") == 02770);
	close(root);
}

static void follows_no_link(void)
{
	struct group_change change = to_own_group();
	int root = open_folder();
	unsigned before;

	CHECK(mkdirat(root, "else", 0700) == 0);
	CHECK(mkdirat(root, "else/where", 0700) == 0);
	CHECK(mkdirat(root, "in", 0700) == 0);
	CHECK(symlinkat("../else/where", root, "in/link") == 0);
	before = mode_of(root, "else/where");
	close(root);
	CHECK(chdir(folder) == 0 && chdir("in") == 0);
	root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(walk(root, &change) == 0);
	CHECK(mode_of(root, "../else/where") == before);
	close(root);
}

static void tells_what_failed(void)
{
	struct group_change change = to_own_group();
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(walk(-1, &change) == -1);
	CHECK(change.failed_call == GROUP_STATX && change.error == EBADF);
	CHECK(walk(file, &change) == -1);
	CHECK(change.failed_call == GROUP_GETDENTS64 && change.error == ENOTDIR);
	close(file);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	run("group_walk() gives every level", gives_every_level);
	run("group_walk() leaves what is right", leaves_what_is_right);
	run("group_walk() follows no link", follows_no_link);
	run("group_walk() tells what failed", tells_what_failed);
	trash_empty(open_folder(), UINT32_MAX);
	rmdir(folder);
	return finish();
}
