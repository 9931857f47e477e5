/* Gives a tree with hostile content to a group. */
#ifndef NSPOD_GROUP_H
#define NSPOD_GROUP_H

#include <stddef.h>
#include <stdint.h>

#define GROUP_MAX_DEPTH 500 /* levels below the root; each costs a descriptor */

/* Which call has failed. */
enum group_call {
	GROUP_NOTHING,
	GROUP_DEPTH, /* the tree is deeper than GROUP_MAX_DEPTH */
	GROUP_OPENAT2,
	GROUP_GETDENTS64,
	GROUP_STATX,
	GROUP_FCHOWNAT,
	GROUP_FCHMOD,
};

/* What is asked for and how far it is; src/sys/group-walk.ts reads and writes it by offset. */
struct group_change {
	uint32_t group;
	uint32_t file_mode;        /* bits that regular files get */
	uint32_t directory_mode;   /* and directories */
	uint32_t only_on_mismatch; /* leave the tree alone when its root is as it should be */
	volatile uint32_t seen;    /* entries looked at so far */
	uint32_t failed_call;      /* enum group_call */
	int32_t error;             /* errno of it */
	uint32_t root;             /* register of a program that has the directory's descriptor */
};

/* Bytes that group_walk() works in. */
size_t group_room(void);

/*
 * Walks through the directory behind `fd`: no link is followed, no mount entered, the root comes
 * last. Allocates nothing, so it may run in a child that shares its parent's memory.
 * Returns 0, or -1 with change->failed_call and change->error.
 */
int group_walk(int fd, struct group_change *change, void *room);

#endif
