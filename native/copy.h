/*
 * nspod-copy: the two ends of `nspod cp` inside a container, where no tar may be.
 *
 *   nspod-copy send PATH                   writes PATH as a tar stream to stdout
 *   nspod-copy receive PATH NAME OWNERS    takes a tar stream from stdin and puts it to PATH
 *
 * It runs as any exec does, in the container's sandbox and as its user, so that no path of the
 * container is ever resolved anywhere else. NAME is what the content is called when PATH is a
 * folder; an empty one puts the entries themselves into PATH. OWNERS is "1" to give files their
 * owners, modes and times of the archive where the user may do that.
 *
 * What goes wrong is told on stderr, one record each: errno SP operation SP path NUL; the words for
 * it are made elsewhere. Exit status: 0, 1 when something was left out, 2 when nothing more worked.
 * Source: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
#ifndef NSPOD_COPY_H
#define NSPOD_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TAR_BLOCK 512u

/* All fields are text; the names are those of the format. */
struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[8];
	char owner[32];
	char group[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char padding[12];
};

enum {
	TAR_FILE = '0',
	TAR_LINK = '1',
	TAR_SYMLINK = '2',
	TAR_FOLDER = '5',
	TAR_LONG_LINK = 'K',
	TAR_LONG_NAME = 'L',
	TAR_PAX = 'x',
	TAR_PAX_GLOBAL = 'g',
};

/* Tells an error of this path; the exit status will be 1 at least. */
void copy_report(int error, const char *operation, const char *path);

/* Tells it and ends. */
_Noreturn void copy_die(int error, const char *operation, const char *path);

/* What was reported so far: 0 or 1. */
int copy_status(void);

/* Whole transfers; they die when they cannot. */
void copy_write(const void *data, size_t size);
void copy_write_zeros(size_t size);

/* Fills the buffer from stdin; false when stdin has ended before its first byte. */
bool copy_read(void *ret_data, size_t size);

/* Sum of the header's bytes, its own field counted as spaces. */
unsigned int tar_checksum(const struct tar_header *header);

void copy_send(const char *path);
void copy_receive(const char *path, const char *name, bool owners);

#endif
