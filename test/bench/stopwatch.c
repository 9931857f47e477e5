/*
 * Runs commands for the benchmark and takes their time, many at once: started by room.ts inside the
 * namespaces of one peer, so that no command pays for entering them. As process 1 of a PID
 * namespace it reaps what its commands leave, and takes all of it along when its standard input
 * ends.
 *
 *   request  u32 length, then NUL-terminated words: id, deadline in ms, file for stdin, file for
 *            output, program, arguments...
 *   answer   one line: id, exit code or 128 + signal (-1 = killed at the deadline), microseconds
 *
 * The time runs from before the fork until the exit is seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RUNNING = 64, MAX_WORDS = 200, MAX_REQUEST = 1 << 16 };

struct running {
	pid_t pid; /* 0 = free */
	int is_overdue;
	int64_t began_us;
	int64_t deadline_us;
	char id[32];
};

static struct running table[MAX_RUNNING];
static sigset_t child_signal;

static int64_t now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void become(char **words)
{
	int input = open(words[2], O_RDONLY);
	int output = open(words[3], O_WRONLY | O_CREAT | O_APPEND, 0600);

	setsid();
	sigprocmask(SIG_UNBLOCK, &child_signal, NULL);
	if (input < 0 || output < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 ||
	    dup2(output, 2) < 0)
		_exit(126);
	if (input > 2)
		close(input);
	if (output > 2)
		close(output);
	execvp(words[4], words + 4);
	_exit(127);
}

static void start(char **words)
{
	struct running *slot = table;

	while (slot < table + MAX_RUNNING && slot->pid != 0)
		slot++;
	if (slot == table + MAX_RUNNING) {
		fprintf(stderr, "stopwatch: more than %d commands at once\n", MAX_RUNNING);
		exit(1);
	}
	snprintf(slot->id, sizeof(slot->id), "%s", words[0]);
	slot->is_overdue = 0;
	slot->began_us = now_us();
	slot->deadline_us = slot->began_us + atoll(words[1]) * 1000;
	slot->pid = fork();
	if (slot->pid == 0)
		become(words);
	if (slot->pid < 0) {
		perror("stopwatch: fork");
		exit(1);
	}
}

static void read_exactly(char *target, size_t size)
{
	while (size > 0) {
		ssize_t got = read(0, target, size);

		if (got == 0)
			exit(0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			exit(1);
		target += got;
		size -= (size_t)got;
	}
}

static void take_request(void)
{
	static char buffer[MAX_REQUEST + 1];
	char *words[MAX_WORDS + 1];
	uint32_t length, at = 0;
	int count = 0;

	read_exactly((char *)&length, sizeof(length));
	if (length > MAX_REQUEST)
		exit(1);
	read_exactly(buffer, length);
	buffer[length] = 0;
	while (at < length && count < MAX_WORDS) {
		words[count++] = buffer + at;
		at += (uint32_t)strlen(buffer + at) + 1;
	}
	words[count] = NULL;
	if (count < 5)
		exit(1);
	start(words);
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		int64_t ended = now_us();

		for (struct running *each = table; each < table + MAX_RUNNING; each++) {
			int code =
				WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

			if (each->pid != pid)
				continue;
			printf("%s %d %lld\n", each->id, each->is_overdue ? -1 : code,
			       (long long)(ended - each->began_us));
			fflush(stdout);
			each->pid = 0;
		}
	}
}

/* Kills what is overdue; returns the milliseconds until the next deadline, -1 for none. */
static int check_deadlines(void)
{
	int64_t now = now_us(), next = -1;

	for (struct running *each = table; each < table + MAX_RUNNING; each++) {
		if (each->pid == 0 || each->is_overdue)
			continue;
		if (each->deadline_us <= now) {
			each->is_overdue = 1;
			kill(-each->pid, SIGKILL);
			kill(each->pid, SIGKILL);
		} else if (next < 0 || each->deadline_us - now < next) {
			next = each->deadline_us - now;
		}
	}
	return next < 0 ? -1 : (int)(next / 1000 + 1);
}

int main(void)
{
	struct pollfd fds[2] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};

	sigemptyset(&child_signal);
	sigaddset(&child_signal, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_signal, NULL);
	fds[1].fd = signalfd(-1, &child_signal, SFD_CLOEXEC);
	if (fds[1].fd < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct signalfd_siginfo info;

		if (poll(fds, 2, check_deadlines()) < 0 && errno != EINTR)
			return 1;
		if ((fds[1].revents & POLLIN) && read(fds[1].fd, &info, sizeof(info)) > 0)
			reap();
		if (fds[0].revents & (POLLIN | POLLHUP))
			take_request();
	}
}
