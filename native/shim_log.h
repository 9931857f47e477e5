/*
 * Log files in the format of the Kubernetes CRI, one line per line of output:
 *
 *   2016-10-06T00:17:09.669794202Z stdout F a whole line
 *   2016-10-06T00:17:09.669794202Z stdout P a part: the next entry of this stream goes on with it
 *
 * All bytes are kept, so output = contents joined, with a newline after each F. A container is
 * never held up by its log: what cannot be written is dropped, whole lines at a time, and counted.
 *
 * Source: kubernetes/design-proposals "CRI: Log management".
 */
#ifndef NSPOD_SHIM_LOG_H
#define NSPOD_SHIM_LOG_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Content of one entry at most; longer lines become partial entries. */
#define LOG_MAX_CONTENT ((size_t)16 * 1024)

struct log {
	int folder; /* fds; -1 = no log */
	int file;
	uint64_t size;      /* of the current file */
	uint64_t max_bytes; /* 0 = it never rotates */
	uint32_t max_files; /* the current one included, at least 1 */
	uint64_t dropped;   /* bytes that could not be written */
	char name[NAME_MAX + 1];
};

/* The unfinished line of one stream. */
struct log_tail {
	const char *stream; /* "stdout" or "stderr" */
	uint8_t *content;   /* LOG_MAX_CONTENT bytes, NULL while there is none */
	size_t size;
};

/* Opens or continues the file at `path`. Returns 0 or -errno; *log needs no closing then. */
int log_open(struct log *log, const char *path, uint64_t max_bytes, uint32_t max_files);

/* Writes the whole lines of the output and keeps the rest in *tail. */
void log_write(struct log *log, struct log_tail *tail, const uint8_t *bytes, size_t size,
	       const struct timespec *now);

/* Ends a stream: what is in *tail becomes a partial entry. */
void log_end(struct log *log, struct log_tail *tail, const struct timespec *now);

void log_close(struct log *log);

#endif
