/* The entry point of nspod-copy, and what both directions share. */
#include "copy.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int status;

static void tell(const char *data, size_t size)
{
	while (size > 0) {
		ssize_t done = write(STDERR_FILENO, data, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		data += done;
		size -= (size_t)done;
	}
}

void copy_report(int error, const char *operation, const char *path)
{
	char digits[8];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + error % 10);
		error /= 10;
	} while (error > 0 && at > 0);
	tell(digits + at, sizeof(digits) - at);
	tell(" ", 1);
	tell(operation, strlen(operation));
	tell(" ", 1);
	tell(path, strlen(path) + 1);
	status = 1;
}

_Noreturn void copy_die(int error, const char *operation, const char *path)
{
	copy_report(error, operation, path);
	_exit(2);
}

int copy_status(void)
{
	return status;
}

void copy_write(const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t done = write(STDOUT_FILENO, at, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			copy_die(errno, "write", "-");
		at += done;
		size -= (size_t)done;
	}
}

void copy_write_zeros(size_t size)
{
	static const char zeros[4096];

	while (size > 0) {
		size_t part = size < sizeof(zeros) ? size : sizeof(zeros);

		copy_write(zeros, part);
		size -= part;
	}
}

bool copy_read(void *ret_data, size_t size)
{
	char *at = ret_data;
	size_t left = size;

	while (left > 0) {
		ssize_t done = read(STDIN_FILENO, at, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			copy_die(errno, "read", "-");
		if (done == 0 && left == size)
			return false;
		if (done == 0)
			copy_die(EPIPE, "read", "-");
		at += done;
		left -= (size_t)done;
	}
	return true;
}

unsigned int tar_checksum(const struct tar_header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	const size_t start = offsetof(struct tar_header, checksum);
	unsigned int sum = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		bool own = i >= start && i < start + sizeof(header->checksum);

		sum += own ? ' ' : bytes[i];
	}
	return sum;
}

int main(int argc, char **argv)
{
	/* EPIPE says it better. */
	(void)signal(SIGPIPE, SIG_IGN);
	umask(022);
	if (argc == 3 && strcmp(argv[1], "send") == 0)
		copy_send(argv[2]);
	else if (argc == 5 && strcmp(argv[1], "receive") == 0)
		copy_receive(argv[2], argv[3], strcmp(argv[4], "1") == 0);
	else
		copy_die(EINVAL, "start", "nspod-copy");
	return copy_status();
}
