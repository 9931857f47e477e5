/* See shim_log.h. */
#define _GNU_SOURCE
#include "shim_log.h"

#include "failpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h> /* renameat */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX_SIZE 40 /* "2016-10-06T00:17:09.669794202Z stdout F " */
#define OUTPUT_SIZE ((size_t)64 * 1024)

static_assert(OUTPUT_SIZE > 2 * (LOG_MAX_CONTENT + PREFIX_SIZE + 1), "an entry always fits");

/* Entries that are not written yet. Empty between calls, so all logs share it. */
static uint8_t output[OUTPUT_SIZE];
static size_t output_size;

static void put_number(char *ret_digits, uint32_t value, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		ret_digits[i] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* UTC without libc: gmtime takes the lock of the time zone. Days to date after H. Hinnant. */
static void put_time(char *ret_text, const struct timespec *now)
{
	int64_t days = now->tv_sec / 86400;
	uint32_t second = (uint32_t)(now->tv_sec % 86400);
	int64_t shifted = days + 719468;
	int64_t era = shifted / 146097;
	uint32_t day_of_era = (uint32_t)(shifted - era * 146097);
	uint32_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint32_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t month_from_march = (5 * day_of_year + 2) / 153;
	uint32_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	uint32_t year = year_of_era + (uint32_t)era * 400 + (month <= 2 ? 1 : 0);

	put_number(ret_text, year, 4);
	ret_text[4] = '-';
	put_number(ret_text + 5, month, 2);
	ret_text[7] = '-';
	put_number(ret_text + 8, day, 2);
	ret_text[10] = 'T';
	put_number(ret_text + 11, second / 3600, 2);
	ret_text[13] = ':';
	put_number(ret_text + 14, second / 60 % 60, 2);
	ret_text[16] = ':';
	put_number(ret_text + 17, second % 60, 2);
	ret_text[19] = '.';
	put_number(ret_text + 20, (uint32_t)now->tv_nsec, 9);
	ret_text[29] = 'Z';
}

static void put_prefix(char *ret_prefix, const struct timespec *now, const char *stream)
{
	put_time(ret_prefix, now);
	ret_prefix[30] = ' ';
	memcpy(ret_prefix + 31, stream, 6);
	/* put_entry() sets the tag in between. */
	ret_prefix[37] = ' ';
	ret_prefix[39] = ' ';
}

static int open_file(struct log *log, int flags)
{
	int fd;

	if (failpoint("shim.log-open") < 0)
		return -errno;
	fd = openat(log->folder, log->name,
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);

	return fd < 0 ? -errno : fd;
}

int log_open(struct log *log, const char *path, uint64_t max_bytes, uint32_t max_files)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	struct stat st;
	int fd;

	*log = (struct log){.folder = -1, .file = -1};
	if (!slash || slash == path || slash - path >= PATH_MAX || !slash[1] ||
	    strlen(slash + 1) > NAME_MAX)
		return -EINVAL;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = 0;
	memcpy(log->name, slash + 1, strlen(slash + 1) + 1);
	log->max_bytes = max_bytes;
	log->max_files = max_files < 1 ? 1 : max_files;

	log->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->folder < 0)
		return -errno;
	fd = open_file(log, 0);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int error = fd < 0 ? fd : -errno;

		if (fd >= 0)
			close(fd);
		log_close(log);
		return error;
	}
	log->file = fd;
	log->size = (uint64_t)st.st_size;
	return 0;
}

void log_close(struct log *log)
{
	if (log->file >= 0)
		close(log->file);
	if (log->folder >= 0)
		close(log->folder);
	log->file = -1;
	log->folder = -1;
}

static void flush_output(struct log *log)
{
	size_t done = 0;

	while (done < output_size) {
		ssize_t n = failpoint("shim.log-write") < 0
				    ? -1
				    : write(log->file, output + done, output_size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* A torn line would make the next one unreadable too. */
			if (done > 0 && ftruncate(log->file, (off_t)log->size) < 0)
				log->size += done;
			log->dropped += output_size;
			output_size = 0;
			return;
		}
		done += (size_t)n;
	}
	log->size += output_size;
	output_size = 0;
}

static bool name_of_rotated(const struct log *log, uint32_t number, char ret_name[NAME_MAX + 1])
{
	size_t length = strlen(log->name);
	int width = 1;

	for (uint32_t rest = number; rest > 9; rest /= 10)
		width++;
	if (length + 1 + (size_t)width > NAME_MAX)
		return false;
	memcpy(ret_name, log->name, length);
	ret_name[length] = '.';
	put_number(ret_name + length + 1, number, width);
	ret_name[length + 1 + (size_t)width] = 0;
	return true;
}

/* 0.log → 0.log.1 → 0.log.2 …; the oldest is overwritten by the rename. */
static void rotate(struct log *log)
{
	char from[NAME_MAX + 1];
	char to[NAME_MAX + 1];
	int fd;

	if (failpoint("shim.log-rotate") < 0)
		return;
	for (uint32_t number = log->max_files - 1; number > 1; number--) {
		if (name_of_rotated(log, number - 1, from) && name_of_rotated(log, number, to))
			(void)renameat(log->folder, from, log->folder, to);
	}
	if (log->max_files == 1) {
		if (unlinkat(log->folder, log->name, 0) < 0 && errno != ENOENT)
			return;
	} else {
		if (!name_of_rotated(log, 1, to) ||
		    (renameat(log->folder, log->name, log->folder, to) < 0 && errno != ENOENT))
			return;
	}
	fd = open_file(log, O_EXCL);
	if (fd < 0) {
		/* No inode left: go on with the old file under its old name. */
		if (log->max_files > 1)
			(void)renameat(log->folder, to, log->folder, log->name);
		return;
	}
	close(log->file);
	log->file = fd;
	log->size = 0;
}

static void put_entry(struct log *log, const char *prefix, char tag, const uint8_t *content,
		      size_t size)
{
	size_t entry_size = PREFIX_SIZE + size + 1;

	if (log->max_bytes > 0 && log->size + output_size > 0 &&
	    log->size + output_size + entry_size > log->max_bytes) {
		flush_output(log);
		if (log->size > 0)
			rotate(log);
	}
	if (entry_size > OUTPUT_SIZE - output_size)
		flush_output(log);
	memcpy(output + output_size, prefix, PREFIX_SIZE);
	output[output_size + PREFIX_SIZE - 2] = (uint8_t)tag;
	/* memcpy from NULL is undefined even for no bytes. */
	if (size > 0)
		memcpy(output + output_size + PREFIX_SIZE, content, size);
	output[output_size + entry_size - 1] = '\n';
	output_size += entry_size;
}

/* Appends to the tail; without memory the bytes are dropped. */
static void keep(struct log *log, struct log_tail *tail, const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return;
	if (!tail->content)
		tail->content = malloc(LOG_MAX_CONTENT);
	if (!tail->content) {
		log->dropped += size;
		return;
	}
	memcpy(tail->content + tail->size, bytes, size);
	tail->size += size;
}

void log_write(struct log *log, struct log_tail *tail, const uint8_t *bytes, size_t size,
	       const struct timespec *now)
{
	char prefix[PREFIX_SIZE];

	if (log->file < 0)
		return;
	put_prefix(prefix, now, tail->stream);
	while (size > 0) {
		size_t room = LOG_MAX_CONTENT - tail->size;
		/* One byte more than fits: a newline there still ends a line of full length. */
		size_t window = size < room + 1 ? size : room + 1;
		const uint8_t *newline = memchr(bytes, '\n', window);
		size_t used = newline ? (size_t)(newline - bytes) : window < room ? window : room;
		bool is_entry = newline || size > room;

		if (tail->size > 0 || !is_entry) {
			keep(log, tail, bytes, used);
			if (is_entry)
				put_entry(log, prefix, newline ? 'F' : 'P', tail->content,
					  tail->size);
		} else {
			put_entry(log, prefix, newline ? 'F' : 'P', bytes, used);
		}
		if (is_entry)
			tail->size = 0;
		used += newline ? 1 : 0;
		bytes += used;
		size -= used;
	}
	flush_output(log);
	if (tail->size == 0) {
		/* 16 KiB per stream are dear where a hundred pods sit idle. */
		free(tail->content);
		tail->content = NULL;
	}
}

void log_end(struct log *log, struct log_tail *tail, const struct timespec *now)
{
	char prefix[PREFIX_SIZE];

	if (log->file >= 0 && tail->size > 0) {
		put_prefix(prefix, now, tail->stream);
		put_entry(log, prefix, 'P', tail->content, tail->size);
		flush_output(log);
	}
	free(tail->content);
	tail->content = NULL;
	tail->size = 0;
}
