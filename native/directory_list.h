/* The names of a directory, as bytes, a portion at a time. */
#ifndef NSPOD_DIRECTORY_LIST_H
#define NSPOD_DIRECTORY_LIST_H

#include <stddef.h>
#include <stdint.h>

#define LIST_SIZE ((size_t)16 * 1024)

/* getdents64(2). */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* All zeros but for the descriptor at the beginning. */
struct list {
	int fd;
	long size;
	long at;
	_Alignas(struct entry) uint8_t bytes[LIST_SIZE];
};

/* The next entry but "." and ".."; NULL at the end, or with *ret_error set to -errno. */
const struct entry *next_entry(struct list *list, int *ret_error);

#endif
