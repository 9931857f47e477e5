/*
 * Empties a folder whose content is hostile: names are bytes, every call is relative to a
 * descriptor, no link is followed and no mount entered. Sub-directories are renamed up into the
 * folder, so the depth of a tree costs neither stack nor descriptors; what a crash leaves behind
 * the next call removes. See src/sys/trash.ts.
 *
 * It runs in a thread of Node's: nothing here is static, and nothing is allocated.
 */
#define _GNU_SOURCE
#include "trash.h"

#include "directory_list.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h> /* RENAME_NOREPLACE */
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_BYTES ((size_t)12)

/* Removes one name. Returns 1 when it is a directory that is not empty. */
static int remove_name(int fd, const struct entry *entry, bool is_empty_only)
{
	bool is_directory = entry->type == 4; /* DT_DIR; a file system may not tell: EISDIR does */

	if (!is_directory && unlinkat(fd, entry->name, 0) < 0) {
		if (errno != EISDIR)
			return errno == ENOENT ? 0 : -errno;
		is_directory = true;
	}
	if (!is_directory)
		return 0;
	if (is_empty_only && unlinkat(fd, entry->name, AT_REMOVEDIR) == 0)
		return 0;
	return is_empty_only && errno == ENOENT ? 0 : 1;
}

/* Gives a directory a new name in the trash. */
static int move_up(int from, const char *name, int trash)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t random[NAME_BYTES];
	char target[2 * NAME_BYTES + 1];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	for (size_t i = 0; i < NAME_BYTES; i++) {
		target[2 * i] = digits[random[i] >> 4];
		target[2 * i + 1] = digits[random[i] & 15];
	}
	target[2 * NAME_BYTES] = 0;
	if (renameat2(from, name, trash, target, RENAME_NOREPLACE) < 0)
		return errno == ENOENT ? 0 : -errno;
	return 0;
}

static int open_directory(int parent, const char *name)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, parent, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* What a call has done: how many names it may still look at, how many are gone from their places.
 */
struct progress {
	uint32_t left;
	uint32_t gone;
};

/* Removes a name or takes it up into the trash. Returns 0, or -errno: it stays where it is. */
static int take_away(int fd, const struct entry *entry, int trash, struct progress *progress)
{
	int result = remove_name(fd, entry, true);

	if (result == 1)
		result = move_up(fd, entry->name, trash);
	if (result == 0)
		progress->gone++;
	return result;
}

/*
 * Empties and removes one directory of the trash. Returns 0, 1 when the names ran out, or the first
 * -errno; all else in it is gone then.
 */
static int remove_directory(int trash, const char *name, struct progress *progress)
{
	struct list list = {.fd = open_directory(trash, name)};
	const struct entry *entry;
	int error = list.fd < 0 ? list.fd : 0;
	int stuck = 0;

	while (error == 0 && (entry = next_entry(&list, &error)) != NULL) {
		int result;

		if (progress->left == 0) {
			close(list.fd);
			return stuck != 0 ? stuck : 1;
		}
		progress->left--;
		result = take_away(list.fd, entry, trash, progress);
		if (stuck == 0)
			stuck = result;
	}
	if (list.fd >= 0)
		close(list.fd);
	if (error == -ENOENT)
		return 0;
	if (error != 0 || stuck != 0)
		return error != 0 ? error : stuck;
	if (unlinkat(trash, name, AT_REMOVEDIR) == 0)
		progress->gone++;
	/* A file system may leave out what was behind a removed entry: the next round. */
	else if (errno != ENOENT && errno != ENOTEMPTY)
		return -errno;
	return 0;
}

/* Looks at every name of the trash once. Returns 0 when there was none, 1, or the first -errno. */
static int empty_once(int trash, struct progress *progress)
{
	struct list list = {.fd = trash};
	const struct entry *entry;
	int error = 0;
	int stuck = 0;
	int found = 0;

	if (lseek(trash, 0, SEEK_SET) < 0)
		return -errno;
	while ((entry = next_entry(&list, &error)) != NULL && progress->left > 0) {
		int result = remove_name(trash, entry, false);

		found = 1;
		progress->left--;
		if (result == 0)
			progress->gone++;
		if (result == 1)
			result = remove_directory(trash, entry->name, progress);
		if (stuck == 0 && result < 0)
			stuck = result;
	}
	if (error != 0 || stuck != 0)
		return error != 0 ? error : stuck;
	return found;
}

int trash_empty(int fd, uint32_t most)
{
	struct progress progress = {.left = most};

	for (;;) {
		uint32_t gone = progress.gone;
		int result = empty_once(fd, &progress);

		/* What is stuck is tried again as long as anything else goes. */
		if (result == 0 || (result < 0 && progress.gone == gone))
			return result;
		if (progress.left == 0)
			return 1;
	}
}
