/*
 * A file or tree as a tar stream, in the format of GNU tar: long names in entries of their own,
 * numbers that are too large in base 256. Names begin with the last part of the path.
 *
 * The tree may change meanwhile: every step is relative to a descriptor, no symbolic link below the
 * path is followed, and a file that shrinks is filled up with zeros.
 */
#define _GNU_SOURCE
#include "copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deeper trees need more descriptors than a process has. */
#define MAX_DEPTH 900

static char buffer[128 * 1024];

static void put_number(char *field, size_t size, uint64_t value)
{
	/* A field of n bytes holds n - 1 octal digits. */
	if (value >> (3 * (size - 1)) != 0) {
		memset(field, 0, size);
		for (size_t i = size - 1; i > 0 && value > 0; i--, value >>= 8)
			field[i] = (char)(value & 0xff);
		field[0] = (char)0x80;
		return;
	}
	field[size - 1] = '\0';
	for (size_t i = size - 1; i > 0; i--, value >>= 3)
		field[i - 1] = (char)('0' + (value & 7));
}

static void write_header(struct tar_header *header)
{
	memcpy(header->magic, "ustar  ", sizeof(header->magic));
	put_number(header->checksum, sizeof(header->checksum) - 1, tar_checksum(header));
	header->checksum[sizeof(header->checksum) - 1] = ' ';
	copy_write(header, sizeof(*header));
}

/* Names that fill the field have no NUL; longer ones stand in front, and the field has their start.
 */
static void put_name(char *field, size_t size, const char *name, char type)
{
	size_t length = strlen(name);

	if (length > size) {
		struct tar_header header = {.name = "././@LongLink", .type = type};

		put_number(header.mode, sizeof(header.mode), 0);
		put_number(header.size, sizeof(header.size), length + 1);
		write_header(&header);
		copy_write(name, length + 1);
		copy_write_zeros(-(length + 1) % TAR_BLOCK);
	}
	memcpy(field, name, length < size ? length : size);
}

static void write_entry(const char *name, const char *link, const struct stat *stat, char type)
{
	struct tar_header header = {.type = type};

	put_name(header.link, sizeof(header.link), link, TAR_LONG_LINK);
	put_name(header.name, sizeof(header.name), name, TAR_LONG_NAME);
	put_number(header.mode, sizeof(header.mode), stat->st_mode & 07777);
	put_number(header.uid, sizeof(header.uid), stat->st_uid);
	put_number(header.gid, sizeof(header.gid), stat->st_gid);
	put_number(header.size, sizeof(header.size),
		   type == TAR_FILE ? (uint64_t)stat->st_size : 0);
	put_number(header.mtime, sizeof(header.mtime),
		   stat->st_mtime < 0 ? 0 : (uint64_t)stat->st_mtime);
	write_header(&header);
}

static void send_file(int fd, const char *name, const struct stat *stat)
{
	uint64_t left = (uint64_t)stat->st_size;

	write_entry(name, "", stat, TAR_FILE);
	while (left > 0) {
		size_t want = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
		ssize_t done = read(fd, buffer, want);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			copy_report(done < 0 ? errno : EPIPE, "read", name);
			memset(buffer, 0, want);
			done = (ssize_t)want;
		}
		copy_write(buffer, (size_t)done);
		left -= (uint64_t)done;
	}
	copy_write_zeros((size_t)(-(uint64_t)stat->st_size % TAR_BLOCK));
}

static void send_link(int parent, const char *file, const char *name, const struct stat *stat)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(parent, file, target, sizeof(target) - 1);

	if (length < 0) {
		copy_report(errno, "readlink", name);
		return;
	}
	target[length] = '\0';
	write_entry(name, target, stat, TAR_SYMLINK);
}

static void send_at(int parent, const char *file, const char *name, int depth);

/* Takes the descriptor. */
static void send_folder(int fd, const char *name, const struct stat *stat, int depth)
{
	DIR *folder = depth < MAX_DEPTH ? fdopendir(fd) : NULL;
	char *path;
	struct dirent *entry;

	if (!folder) {
		copy_report(depth < MAX_DEPTH ? errno : ENAMETOOLONG, "list", name);
		close(fd);
		return;
	}
	if (asprintf(&path, "%s/", name) < 0)
		copy_die(ENOMEM, "list", name);
	write_entry(path, "", stat, TAR_FOLDER);
	free(path);
	while (errno = 0, (entry = readdir(folder))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (asprintf(&path, "%s/%s", name, entry->d_name) < 0)
			copy_die(ENOMEM, "list", name);
		send_at(dirfd(folder), entry->d_name, path, depth + 1);
		free(path);
	}
	if (errno != 0)
		copy_report(errno, "list", name);
	closedir(folder);
}

/* The descriptor is of what the flags allow; what it is says the kernel now, not an earlier look.
 */
static void send_open(int fd, const char *name, int depth)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0) {
		copy_report(errno, "stat", name);
	} else if (S_ISDIR(stat.st_mode)) {
		send_folder(fd, name, &stat, depth);
		return;
	} else if (S_ISREG(stat.st_mode)) {
		send_file(fd, name, &stat);
	} else {
		copy_report(EINVAL, "send", name);
	}
	close(fd);
}

static void send_at(int parent, const char *file, const char *name, int depth)
{
	struct stat stat;
	int fd;

	if (fstatat(parent, file, &stat, AT_SYMLINK_NOFOLLOW) < 0) {
		copy_report(errno, "stat", name);
		return;
	}
	if (S_ISLNK(stat.st_mode)) {
		send_link(parent, file, name, &stat);
		return;
	}
	if (!S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode)) {
		copy_report(EINVAL, "send", name);
		return;
	}
	/* Should it be a pipe by now, opening it does not wait. */
	fd = openat(parent, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		copy_report(errno, "open", name);
	else
		send_open(fd, name, depth);
}

void copy_send(const char *path)
{
	char *whole = strdup(path);
	size_t length = strlen(path);
	const char *name;
	struct stat stat;
	int fd;

	if (!whole)
		copy_die(ENOMEM, "open", path);
	while (length > 1 && whole[length - 1] == '/')
		whole[--length] = '\0';
	name = strrchr(whole, '/') ? strrchr(whole, '/') + 1 : whole;
	if (*name == '\0' || strcmp(name, "..") == 0)
		name = ".";
	/* A device would have effects when it is opened. */
	if (fstatat(AT_FDCWD, path, &stat, 0) < 0)
		copy_die(errno, "open", path);
	if (!S_ISREG(stat.st_mode) && !S_ISDIR(stat.st_mode))
		copy_die(EINVAL, "send", path);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		copy_die(errno, "open", path);
	send_open(fd, name, 0);
	copy_write_zeros((size_t)2 * TAR_BLOCK);
	free(whole);
}
