/* Tests of trash.c: what is removed, how much at a time, and what is left alone. */
#define _GNU_SOURCE
#include "harness.h"
#include "../trash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/nspod-test-trash-XXXXXX";

static int make_tree(int width, int depth)
{
	int trash = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int at = dup(trash);

	for (int level = 0; level < depth; level++) {
		int next;

		CHECK(mkdirat(at, "d", 0700) == 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	for (int i = 0; i < width; i++) {
		char name[16];

		CHECK(snprintf(name, sizeof(name), "\xff%d", i) > 0);
		CHECK(mknodat(at, name, S_IFREG | 0600, 0) == 0);
	}
	close(at);
	return trash;
}

static bool is_empty(void)
{
	/* ENOTEMPTY otherwise. */
	return rmdir(folder) == 0 && mkdir(folder, 0700) == 0;
}

static void removes_everything(void)
{
	int trash = make_tree(700, 40);

	CHECK(trash_empty(trash, UINT32_MAX) == 0);
	CHECK(is_empty());
	close(trash);
}

static void stops_after_so_many_names(void)
{
	int trash = make_tree(10, 3);
	int calls = 1;

	while (trash_empty(trash, 4) == 1)
		calls++;
	/* Each level is seen once where it stands and once more after it was moved up. */
	CHECK(calls >= 4 && calls <= 8);
	CHECK(is_empty());
	close(trash);
}

static void tells_an_error(void)
{
	int trash = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(trash_empty(trash, 1) == -ENOTDIR);
	close(trash);
	CHECK(trash_empty(-1, 1) == -EBADF);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	run("trash_empty() removes everything", removes_everything);
	run("trash_empty() stops after so many names", stops_after_so_many_names);
	run("trash_empty() tells an error", tells_an_error);
	rmdir(folder);
	return finish();
}
