/* See directory_list.h. */
#define _GNU_SOURCE
#include "directory_list.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

const struct entry *next_entry(struct list *list, int *ret_error)
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
