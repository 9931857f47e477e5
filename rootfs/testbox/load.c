/* burn, count, forks, hog: loads for a CPU, a log, pids.max and memory.max. */
#include "testbox.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int cmd_burn(int argc, char **argv)
{
	long long begin = now_us(CLOCK_MONOTONIC);
	long long length = (long long)(1e6 * (argc > 1 ? atof(argv[1]) : 1));

	while (now_us(CLOCK_MONOTONIC) - begin < length)
		;
	printf("wall_us=%lld cpu_us=%lld\n", now_us(CLOCK_MONOTONIC) - begin,
	       now_us(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}

static void write_all(const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, size);

		if (n < 0 && errno != EINTR)
			_exit(1);
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
}

int cmd_count(int argc, char **argv)
{
	enum { LINE = 100, BLOCK = 512 };
	static char block[BLOCK * LINE + 1];
	long long lines = argc > 1 ? atoll(argv[1]) : 1;
	long long bytes_per_us = argc > 2 ? atoll(argv[2]) : 0;
	long long begin = now_us(CLOCK_MONOTONIC);

	for (long long first = 0; first < lines; first += BLOCK) {
		int count = lines - first < BLOCK ? (int)(lines - first) : BLOCK;
		long long early = bytes_per_us == 0 ? 0
						    : first * LINE / bytes_per_us -
							      (now_us(CLOCK_MONOTONIC) - begin);

		if (early > 0)
			usleep((useconds_t)early);
		for (int i = 0; i < count; i++)
			snprintf(block + i * LINE, LINE + 1, "%099lld\n", first + i);
		write_all(block, (size_t)count * LINE);
	}
	return 0;
}

/* Children sleep in pause() and die with us: a fork bomb that stays countable. */
int cmd_forks(int argc, char **argv)
{
	int max = argc > 1 ? atoi(argv[1]) : 10000;
	int count = 0;
	pid_t pid = 0;
	sigset_t term;

	setpgid(0, 0); /* the SIGTERM below is for the children, not for the shell that called us */
	/* Blocked, not ignored: a child that is just being born gets it when it unblocks. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	for (; count < max; count++) {
		pid = fork();
		if (pid == 0) {
			sigprocmask(SIG_UNBLOCK, &term, NULL);
			for (;;)
				pause();
		}
		if (pid < 0)
			break;
	}
	printf("forked=%d error=%s\n", count, pid < 0 ? strerrorname_np(errno) : "none");
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}

int cmd_hog(int argc, char **argv)
{
	int wanted = argc > 1 ? atoi(argv[1]) : 64;
	size_t mib = 1024 * 1024;

	for (int i = 1; i <= wanted; i++) {
		char *page =
			mmap(NULL, mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED) {
			printf("refused_mib=%d error=%s\n", i, strerrorname_np(errno));
			return 1;
		}
		memset(page, i, mib);
		if (i % 8 == 0 || i == wanted)
			printf("touched_mib=%d\n", i);
	}
	if (argc > 2 && strcmp(argv[2], "hold") == 0)
		pause();
	return 0;
}
