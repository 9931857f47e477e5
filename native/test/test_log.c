/* Tests of shim_log.c: what is written, byte for byte, and what is kept when it cannot be. */
#define _GNU_SOURCE
#include "harness.h"
#include "../shim_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

static char folder[] = "/tmp/nspod-test-log-XXXXXX";
static const struct timespec now = {.tv_sec = 1475712429, .tv_nsec = 669794202};
static const struct timespec leap_day = {.tv_sec = 951827696, .tv_nsec = 1};

#define HEAD "2016-10-06T00:07:09.669794202Z stdout "

static const char *path_of(const char *name)
{
	static char path[128];

	CHECK(snprintf(path, sizeof(path), "%s/%s", folder, name) > 0);
	return path;
}

/* The content of a file with a NUL behind it; "" when there is none. The caller frees it. */
static char *content_of(const char *name, size_t *ret_size)
{
	int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
	char *content = calloc(1, 1 << 20);
	ssize_t size = fd < 0 ? 0 : read(fd, content, (1 << 20) - 1);

	if (!content)
		abort();
	if (fd >= 0)
		close(fd);
	if (ret_size)
		*ret_size = size < 0 ? 0 : (size_t)size;
	return content;
}

static void check_content(const char *name, const char *want)
{
	char *content = content_of(name, NULL);

	CHECK(strcmp(content, want) == 0);
	free(content);
}

static void put(struct log *log, struct log_tail *tail, const char *text)
{
	log_write(log, tail, (const uint8_t *)text, strlen(text), &now);
}

static void writes_lines(void)
{
	struct log log;
	struct log_tail out = {.stream = "stdout"};
	struct log_tail err = {.stream = "stderr"};

	CHECK(log_open(&log, path_of("lines"), 0, 1) == 0);
	put(&log, &out, "one\n\ntw");
	put(&log, &err, "other\n");
	put(&log, &out, "o\nend");
	log_end(&log, &out, &leap_day);
	log_end(&log, &err, &leap_day);
	log_close(&log);
	check_content("lines", HEAD "F one\n" HEAD "F \n"
				    "2016-10-06T00:07:09.669794202Z stderr F other\n" HEAD "F two\n"
				    "2000-02-29T12:34:56.000000001Z stdout P end\n");
}

static void keeps_binary_bytes(void)
{
	uint8_t bytes[257];
	struct log log;
	struct log_tail out = {.stream = "stdout"};
	size_t size;
	char *content;

	for (int i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	bytes['\n'] = 'n';
	bytes[256] = '\n';
	CHECK(log_open(&log, path_of("binary"), 0, 1) == 0);
	log_write(&log, &out, bytes, sizeof(bytes), &now);
	log_close(&log);
	content = content_of("binary", &size);
	CHECK(size == 40 + sizeof(bytes) && memcmp(content + 40, bytes, sizeof(bytes)) == 0);
	free(content);
}

/* One line of `length`, in pieces of `piece`; returns the entries' tags and sizes. */
static void check_long_line(size_t length, size_t piece, const char *tags)
{
	struct log log;
	struct log_tail out = {.stream = "stdout"};
	uint8_t *line = malloc(length + 1);
	char *content;
	char *at;
	size_t size;
	size_t total = 0;
	size_t entries = 0;

	if (!line)
		abort();
	memset(line, 'x', length);
	line[length] = '\n';
	unlink(path_of("long"));
	CHECK(log_open(&log, path_of("long"), 0, 1) == 0);
	for (size_t done = 0; done < length + 1; done += piece) {
		size_t rest = length + 1 - done;

		log_write(&log, &out, line + done, rest < piece ? rest : piece, &now);
	}
	CHECK(out.size == 0 && out.content == NULL);
	log_close(&log);
	content = content_of("long", &size);
	for (at = content; *at; entries++) {
		char *end = strchr(at, '\n');

		CHECK(end && entries < strlen(tags) && at[38] == tags[entries]);
		if (!end)
			break;
		CHECK((size_t)(end - at) - 40 <= LOG_MAX_CONTENT);
		total += (size_t)(end - at) - 40;
		at = end + 1;
	}
	CHECK(entries == strlen(tags) && total == length);
	free(content);
	free(line);
}

static void splits_long_lines(void)
{
	static const size_t pieces[] = {1000, 16384, 16385, 65536, 7};

	for (size_t i = 0; i < 5; i++) {
		check_long_line(LOG_MAX_CONTENT - 1, pieces[i], "F");
		check_long_line(LOG_MAX_CONTENT, pieces[i], "F");
		check_long_line(LOG_MAX_CONTENT + 1, pieces[i], "PF");
		check_long_line(3 * LOG_MAX_CONTENT, pieces[i], "PPF");
		check_long_line(3 * LOG_MAX_CONTENT + 5, pieces[i], "PPPF");
	}
}

static void rotates(void)
{
	struct log log;
	struct log_tail out = {.stream = "stdout"};

	CHECK(log_open(&log, path_of("r"), 84, 3) == 0);
	put(&log, &out, "1\n2\n3\n4\n5\n6\n7\n");
	log_close(&log);
	check_content("r", HEAD "F 7\n");
	check_content("r.1", HEAD "F 5\n" HEAD "F 6\n");
	check_content("r.2", HEAD "F 3\n" HEAD "F 4\n");
	check_content("r.3", "");
	/* A later start goes on with the file that is there. */
	CHECK(log_open(&log, path_of("r"), 84, 3) == 0);
	put(&log, &out, "8\n9\n");
	log_close(&log);
	check_content("r", HEAD "F 9\n");
	check_content("r.1", HEAD "F 7\n" HEAD "F 8\n");
}

static void keeps_no_history_with_one_file(void)
{
	struct log log;
	struct log_tail out = {.stream = "stdout"};

	CHECK(log_open(&log, path_of("single"), 50, 1) == 0);
	put(&log, &out, "1\n2\n3\n");
	log_close(&log);
	check_content("single", HEAD "F 3\n");
	check_content("single.1", "");
}

static void writes_lines_larger_than_a_file(void)
{
	struct log log;
	struct log_tail out = {.stream = "stdout"};

	CHECK(log_open(&log, path_of("tiny"), 10, 2) == 0);
	put(&log, &out, "1\n2\n");
	log_close(&log);
	check_content("tiny", HEAD "F 2\n");
	check_content("tiny.1", HEAD "F 1\n");
}

/* RLIMIT_FSIZE stands for a disk that is full after 100 bytes. */
static void drops_whole_lines_on_a_full_disk(void)
{
	struct rlimit limit;
	struct rlimit old;
	struct log log;
	struct log_tail out = {.stream = "stdout"};

	CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
	limit = old;
	limit.rlim_cur = 100;
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK(log_open(&log, path_of("full"), 0, 1) == 0);
	put(&log, &out, "1\n");
	put(&log, &out, "too long for the rest of the disk\n");
	CHECK(log.dropped > 0 && log.size == 42);
	put(&log, &out, "2\n");
	CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
	log_close(&log);
	check_content("full", HEAD "F 1\n" HEAD "F 2\n");
}

static void refuses_paths(void)
{
	struct log log;

	CHECK(log_open(&log, "relative", 0, 1) == -EINVAL);
	CHECK(log_open(&log, "/", 0, 1) == -EINVAL);
	CHECK(log_open(&log, "/no/such/folder/log", 0, 1) == -ENOENT);
	CHECK(symlink("elsewhere", path_of("link")) == 0);
	CHECK(log_open(&log, path_of("link"), 0, 1) == -ELOOP);
	CHECK(log.file == -1 && log.folder == -1);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(folder))
		return 1;
	run("writes lines", writes_lines);
	run("keeps binary bytes", keeps_binary_bytes);
	run("splits long lines", splits_long_lines);
	run("rotates", rotates);
	run("keeps no history with one file", keeps_no_history_with_one_file);
	run("writes lines larger than a file", writes_lines_larger_than_a_file);
	run("drops whole lines on a full disk", drops_whole_lines_on_a_full_disk);
	run("refuses paths", refuses_paths);
	CHECK(snprintf(command, sizeof(command), "rm -rf %s", folder) > 0);
	if (system(command) != 0)
		return 1;
	return finish();
}
