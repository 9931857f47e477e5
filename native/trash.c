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

#define LIST_SIZE  ((size_t)16 * 1024)
#define NAME_BYTES ((size_t)12)

/* getdents64(2). */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* Entries of one directory, a portion at a time. */
struct list {
	int fd;
	long size;
	long at;
	_Alignas(struct entry) uint8_t bytes[LIST_SIZE];
};

/* The next entry but "." and ".."; NULL at the end, or with *ret_error set. */
static const struct entry *next_entry(struct list *list, int *ret_error)
{
	for (;;) {
		const struct entry *entry;

		if (list->at >= list->size) {
			list->at = 0;
			list->size = syscall(SYS_getdents64, list->fd, list->bytes, LIST_SIZE);
			if (list->size < 0)
				*ret_error = -errno;
			if (list->size <= 0)
				return NULL;
		}
		entry = (const struct entry *)(const void *)(list->bytes + list->at);
		list->at += entry->size;
		if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0)
			return entry;
	}
}

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

/* Empties and removes one directory of the trash. Returns 0, 1 when `*left` ran out, or -errno. */
static int remove_directory(int trash, const char *name, uint32_t *left)
{
	struct list list = {.fd = open_directory(trash, name)};
	const struct entry *entry;
	int result = list.fd < 0 ? list.fd : 0;

	while (result == 0 && (entry = next_entry(&list, &result)) != NULL) {
		if (*left == 0) {
			result = 1;
			break;
		}
		(*left)--;
		result = remove_name(list.fd, entry, true);
		if (result == 1)
			result = move_up(list.fd, entry->name, trash);
	}
	if (list.fd >= 0)
		close(list.fd);
	if (result == 0 && unlinkat(trash, name, AT_REMOVEDIR) < 0) {
		/* A file system may leave out what was behind a removed entry: the next round. */
		if (errno != ENOENT && errno != ENOTEMPTY)
			return -errno;
	}
	return result == -ENOENT ? 0 : result;
}

int trash_empty(int fd, uint32_t most)
{
	uint32_t left = most;

	for (;;) {
		struct list list = {.fd = fd};
		const struct entry *entry;
		bool is_empty = true;
		int result = 0;

		if (lseek(fd, 0, SEEK_SET) < 0)
			return -errno;
		while ((entry = next_entry(&list, &result)) != NULL) {
			is_empty = false;
			if (left == 0)
				return 1;
			left--;
			result = remove_name(fd, entry, false);
			if (result == 1)
				result = remove_directory(fd, entry->name, &left);
			if (result != 0)
				return result;
		}
		if (result != 0 || is_empty)
			return result;
	}
}
