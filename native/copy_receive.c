/*
 * A tar stream into a path. Takes what tar programs write today: ustar, PAX records of name, link
 * and size, long names of GNU tar. Names with ".." are refused. An existing file is replaced by a
 * new one, so that who has it open keeps the old one; where it cannot be removed (a mount point) it
 * is written anew. Folders that exist stay as they are.
 */
#define _GNU_SOURCE
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of one PAX header or long name. */
#define MAX_EXTENDED (1u << 20)

struct entry {
	char *name;
	char *link;
	uint64_t size;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	time_t mtime;
	char type;
};

/* A folder that was made: its mode may forbid what is to be put into it. */
struct made_folder {
	char *path;
	struct entry entry;
	struct made_folder *next;
};

/* From the headers in front of an entry. */
struct extended {
	char *name;
	char *link;
	uint64_t size;
	bool has_size;
};

static char buffer[128 * 1024];
static struct made_folder *made;
static bool keeps_owners;

static void *allocated(void *memory)
{
	if (!memory)
		copy_die(ENOMEM, "receive", "-");
	return memory;
}

static uint64_t number(const char *field, size_t size)
{
	uint64_t value = 0;
	size_t i = 0;

	if ((unsigned char)field[0] == 0x80) {
		for (i = 1; i < size; i++)
			value = value << 8 | (unsigned char)field[i];
		return value;
	}
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (uint64_t)(field[i] - '0');
	return value;
}

static void skip(uint64_t size)
{
	while (size > 0) {
		size_t part = size < sizeof(buffer) ? (size_t)size : sizeof(buffer);

		if (!copy_read(buffer, part))
			copy_die(EPIPE, "read", "-");
		size -= part;
	}
}

static uint64_t padding(uint64_t size)
{
	return -size % TAR_BLOCK;
}

/* The body of a header that stands in front of an entry, with a NUL behind it. */
static char *read_body(uint64_t size)
{
	char *body;

	if (size > MAX_EXTENDED)
		copy_die(EFBIG, "read", "-");
	body = allocated(calloc(1, (size_t)size + 1));
	if (size > 0 && !copy_read(body, (size_t)size))
		copy_die(EPIPE, "read", "-");
	skip(padding(size));
	return body;
}

static void replace(char **text, const char *value)
{
	free(*text);
	*text = allocated(strdup(value));
}

/* Records are "length key=value\n", the length counts the whole record. */
static void take_records(char *body, uint64_t size, struct extended *extended)
{
	char *at = body;
	char *end = body + size;

	while (at < end) {
		char *key;
		char *value;
		unsigned long length = strtoul(at, &key, 10);

		if (length == 0 || length > (size_t)(end - at) || *key != ' ' ||
		    at[length - 1] != '\n')
			copy_die(EBADMSG, "read", "-");
		at[length - 1] = '\0';
		key++;
		value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		else
			copy_die(EBADMSG, "read", "-");
		if (strcmp(key, "path") == 0)
			replace(&extended->name, value);
		else if (strcmp(key, "linkpath") == 0)
			replace(&extended->link, value);
		else if (strcmp(key, "size") == 0) {
			extended->size = strtoull(value, NULL, 10);
			extended->has_size = true;
		}
		at += length;
	}
}

/* Name below the target, without "/" at its ends and parts "."; NULL when it has "..". */
static char *cleaned(const char *name)
{
	char *clean = allocated(calloc(1, strlen(name) + 1));
	size_t length = 0;

	while (*name != '\0') {
		size_t part = strcspn(name, "/");

		if (part == 2 && memcmp(name, "..", 2) == 0) {
			free(clean);
			return NULL;
		}
		if (part > 0 && !(part == 1 && *name == '.')) {
			if (length > 0)
				clean[length++] = '/';
			memcpy(clean + length, name, part);
			length += part;
		}
		name += part;
		name += *name == '/' ? 1 : 0;
	}
	return clean;
}

static char *joined(const char *folder, const char *name)
{
	const char *slash = *name != '\0' && strcmp(folder, "/") != 0 ? "/" : "";
	char *path;

	if (asprintf(&path, "%s%s%s", folder, slash, name) < 0)
		copy_die(ENOMEM, "receive", "-");
	return path;
}

/* The folders on the way, as `mkdir -p`; those of the first `base` bytes are not ours to make. */
static void make_parents(char *path, size_t base)
{
	for (char *slash = strchr(path + base, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
}

static void set_times(const char *path, const struct entry *entry)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = entry->mtime}};

	utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

/* Only root may give files away; without the capability, or an id that is none here, they stay. */
static void set_owner(const char *path, const struct entry *entry)
{
	if (!keeps_owners || geteuid() != 0)
		return;
	if (fchownat(AT_FDCWD, path, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EPERM && errno != EINVAL && errno != EOVERFLOW)
		copy_report(errno, "chown", path);
}

static mode_t mode_of(const struct entry *entry)
{
	if (keeps_owners && geteuid() == 0)
		return entry->mode & 07777;
	return entry->mode & 0755;
}

static int open_new(const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd;

	if (unlink(path) < 0 && errno != ENOENT && errno != EISDIR) {
		/* A mount point, or a folder that may not be changed. */
		fd = open(path, flags | O_TRUNC, 0600);
		return fd;
	}
	return open(path, flags | O_EXCL, 0600);
}

static void receive_file(const char *path, const struct entry *entry)
{
	uint64_t left = entry->size;
	int fd = open_new(path);

	if (fd < 0) {
		copy_report(errno, "open", path);
		skip(left + padding(left));
		return;
	}
	while (left > 0) {
		size_t part = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
		char *at = buffer;

		if (!copy_read(buffer, part))
			copy_die(EPIPE, "read", "-");
		left -= part;
		while (part > 0 && fd >= 0) {
			ssize_t done = write(fd, at, part);

			if (done < 0 && errno == EINTR)
				continue;
			if (done <= 0) {
				copy_report(errno, "write", path);
				close(fd);
				fd = -1;
				break;
			}
			at += done;
			part -= (size_t)done;
		}
	}
	skip(padding(entry->size));
	if (fd < 0)
		return;
	/* The owner first: a new one takes the set-id bits. */
	set_owner(path, entry);
	if (fchmod(fd, mode_of(entry)) < 0 && errno != EPERM)
		copy_report(errno, "chmod", path);
	if (close(fd) < 0)
		copy_report(errno, "write", path);
	set_times(path, entry);
}

static void receive_folder(const char *path, const struct entry *entry)
{
	struct made_folder *folder;
	struct stat stat;

	if (mkdir(path, 0700) < 0) {
		int error = errno;

		if (error != EEXIST || fstatat(AT_FDCWD, path, &stat, 0) < 0 ||
		    !S_ISDIR(stat.st_mode))
			copy_report(error, "mkdir", path);
		return;
	}
	folder = allocated(calloc(1, sizeof(*folder)));
	folder->path = allocated(strdup(path));
	folder->entry = *entry;
	folder->next = made;
	made = folder;
}

static void receive_link(const char *path, const struct entry *entry, const char *target)
{
	int done;

	unlink(path);
	done = entry->type == TAR_SYMLINK ? symlink(target, path) : link(target, path);
	if (done < 0) {
		copy_report(errno, "link", path);
	} else if (entry->type == TAR_SYMLINK) {
		set_owner(path, entry);
		set_times(path, entry);
	}
}

static void receive_entry(const char *target, const struct entry *entry)
{
	char *name = cleaned(entry->name);
	char *path;
	char *linked;

	if (!name) {
		copy_report(EXDEV, "receive", entry->name);
		skip(entry->size + padding(entry->size));
		return;
	}
	path = joined(target, name);
	make_parents(path, strlen(target));
	switch (entry->type) {
	case TAR_FILE:
	case '\0':
	case '7':
		receive_file(path, entry);
		break;
	case TAR_FOLDER:
		receive_folder(path, entry);
		skip(entry->size + padding(entry->size));
		break;
	case TAR_SYMLINK:
		receive_link(path, entry, entry->link);
		break;
	case TAR_LINK:
		linked = cleaned(entry->link);
		if (linked) {
			char *other = joined(target, linked);

			receive_link(path, entry, other);
			free(other);
		} else {
			copy_report(EXDEV, "link", path);
		}
		free(linked);
		break;
	default:
		copy_report(EINVAL, "receive", path);
		skip(entry->size + padding(entry->size));
	}
	free(path);
	free(name);
}

/* The last made comes first: what is below a folder is done before the folder. */
static void finish_folders(void)
{
	while (made) {
		struct made_folder *folder = made;

		set_owner(folder->path, &folder->entry);
		if (chmod(folder->path, mode_of(&folder->entry)) < 0 && errno != EPERM)
			copy_report(errno, "chmod", folder->path);
		set_times(folder->path, &folder->entry);
		made = folder->next;
		free(folder->path);
		free(folder);
	}
}

static char *text_of(const char *field, size_t size)
{
	return allocated(strndup(field, size));
}

static char *name_of(const struct tar_header *header)
{
	char *name = text_of(header->name, sizeof(header->name));
	char *prefix;
	char *whole;

	/* "ustar" and NUL; the GNU format has other things in the place of the prefix. */
	if (memcmp(header->magic, "ustar\0", 6) != 0 || header->prefix[0] == '\0')
		return name;
	prefix = text_of(header->prefix, sizeof(header->prefix));
	whole = joined(prefix, name);
	free(prefix);
	free(name);
	return whole;
}

static void take_header(const struct tar_header *header, struct extended *extended,
			const char *target)
{
	uint64_t size = number(header->size, sizeof(header->size));
	struct entry entry;
	char *body;

	switch (header->type) {
	case TAR_PAX:
	case TAR_PAX_GLOBAL:
	case TAR_LONG_NAME:
	case TAR_LONG_LINK:
		body = read_body(size);
		if (header->type == TAR_PAX)
			take_records(body, size, extended);
		else if (header->type == TAR_LONG_NAME)
			replace(&extended->name, body);
		else if (header->type == TAR_LONG_LINK)
			replace(&extended->link, body);
		free(body);
		return;
	default:
		break;
	}
	entry = (struct entry){
		.name = extended->name ? extended->name : name_of(header),
		.link = extended->link ? extended->link
				       : text_of(header->link, sizeof(header->link)),
		.size = extended->has_size ? extended->size : size,
		.mode = (mode_t)number(header->mode, sizeof(header->mode)),
		.uid = (uid_t)number(header->uid, sizeof(header->uid)),
		.gid = (gid_t)number(header->gid, sizeof(header->gid)),
		.mtime = (time_t)number(header->mtime, sizeof(header->mtime)),
		.type = header->type,
	};
	*extended = (struct extended){0};
	receive_entry(target, &entry);
	free(entry.name);
	free(entry.link);
}

/* Where the content goes: below a folder by its name, or to the path itself. */
static char *target_of(const char *path, const char *name)
{
	struct stat stat;
	bool is_folder = fstatat(AT_FDCWD, path, &stat, 0) == 0 && S_ISDIR(stat.st_mode);

	if (*name == '\0' && !is_folder)
		copy_die(ENOTDIR, "open", path);
	if (*name != '\0' && !is_folder && path[strlen(path) - 1] == '/')
		copy_die(ENOENT, "open", path);
	return is_folder ? joined(path, name) : allocated(strdup(path));
}

void copy_receive(const char *path, const char *name, bool owners)
{
	struct extended extended = {0};
	struct tar_header header;
	char *target;

	if (*path == '\0')
		copy_die(ENOENT, "open", path);
	keeps_owners = owners;
	target = target_of(path, name);
	while (copy_read(&header, sizeof(header))) {
		unsigned int sum = tar_checksum(&header);

		/* A block of zeros is the end; what follows is read so that the writer is not
		 * stuck. */
		if (sum == 8u * ' ') {
			while (copy_read(&header, sizeof(header)))
				continue;
			break;
		}
		if (sum != number(header.checksum, sizeof(header.checksum)))
			copy_die(EBADMSG, "read", "-");
		take_header(&header, &extended, target);
	}
	finish_folders();
	free(extended.name);
	free(extended.link);
	free(target);
}
