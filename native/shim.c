/*
 * The pod's supervisor: parent of its processes, keeper of their streams, logs and exit statuses.
 * It outlives the daemon that started it. It knows system calls and processes, no pods.
 *
 * Exit status: 0 after SHUTDOWN, or after SIGTERM once nothing runs any more; 2 when it was not
 * started with the file descriptors of enum shim_fd; 3 when epoll fails. Idle it waits for ever.
 */
#define _GNU_SOURCE
#include "shim.h"

#include "failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct process *processes;
struct connection *connections;
int null_fd = -1;

static int epoll_fd = -1;
static bool is_ending; /* SIGTERM came: end when nothing runs */

void complain(const char *what, int error)
{
	static const char label[] = ": errno ";
	char line[96];
	char digits[12];
	size_t length = strlen(what) < 64 ? strlen(what) : 64;
	size_t count = 0;

	memcpy(line, what, length);
	memcpy(line + length, label, sizeof(label) - 1);
	length += sizeof(label) - 1;
	do {
		digits[count++] = (char)('0' + error % 10);
		error /= 10;
	} while (error > 0 && count < sizeof(digits));
	while (count > 0)
		line[length++] = digits[--count];
	line[length++] = '\n';
	/* Nobody to tell when this fails. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void source_watch(struct source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	int operation;

	if (source->fd < 0 || source->events == events)
		return;
	/* Not watched at all rather than for nothing: epoll reports a hang-up in any case. */
	operation = events == 0           ? EPOLL_CTL_DEL
		    : source->events == 0 ? EPOLL_CTL_ADD
					  : EPOLL_CTL_MOD;
	if (epoll_ctl(epoll_fd, operation, source->fd, &event) < 0) {
		complain("epoll_ctl", errno);
		return;
	}
	source->events = events;
}

void source_close(struct source *source)
{
	/* First: a duplicate of the fd elsewhere would keep the entry of epoll alive. */
	source_watch(source, 0);
	close_fd(&source->fd);
}

void shim_end(int status)
{
	(void)unlinkat(SHIM_FD_FOLDER, "shim.sock", 0);
	_exit(status);
}

static bool is_anything_running(void)
{
	for (const struct process *process = processes; process; process = process->next) {
		if (!process->has_exited)
			return true;
	}
	return false;
}

static void take_signals(struct source *source, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			exit_collect();
		else
			is_ending = true;
	}
	if (is_ending && !is_anything_running())
		shim_end(0);
}

/* Frees what handlers have given up. */
static void shim_sweep(void)
{
	for (struct connection **at = &connections; *at;) {
		struct connection *connection = *at;

		if (!connection->is_dropped) {
			at = &connection->next;
			continue;
		}
		*at = connection->next;
		connection_free(connection);
	}
	for (struct process **at = &processes; *at;) {
		struct process *process = *at;

		if (!process->is_forgotten) {
			at = &process->next;
			continue;
		}
		*at = process->next;
		free(process);
	}
}

static int make_signal_fd(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	/* Only blocked, not ignored: children would inherit that. A write to a closed pipe: EPIPE.
	 */
	sigaddset(&signals, SIGPIPE);
	if (sigprocmask(SIG_SETMASK, &signals, NULL) < 0)
		return -1;
	sigdelset(&signals, SIGPIPE);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int prepare(struct source *listener, struct source *signals)
{
	int is_listening = 0;
	socklen_t size = sizeof(is_listening);

	for (int fd = SHIM_FD_LISTEN; fd <= SHIM_FD_FOLDER; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -1;
	}
	if (getsockopt(SHIM_FD_LISTEN, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) < 0)
		return -1;
	if (!is_listening) {
		errno = ENOTSOCK;
		return -1;
	}
	/* Nobody may attach to it or read its memory, also not its children before their exec. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	prctl(PR_SET_NAME, "nspod-shim");
	/* What is freed goes back to the kernel: the shim sits idle for most of its life. */
	mallopt(M_MMAP_THRESHOLD, 16 * 1024);
	mallopt(M_TRIM_THRESHOLD, 16 * 1024);

	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	signals->fd = make_signal_fd();
	if (null_fd < 0 || epoll_fd < 0 || signals->fd < 0)
		return -1;
	source_watch(signals, EPOLLIN);
	source_watch(listener, EPOLLIN);
	return 0;
}

int main(void)
{
	struct source listener = {.fd = SHIM_FD_LISTEN, .ready = connection_accept};
	struct source signals = {.fd = -1, .ready = take_signals};

	failpoint_arm(getenv("NSPOD_FAILPOINTS"));
	if (prepare(&listener, &signals) < 0) {
		complain("nspod-shim cannot start", errno);
		return 2;
	}
	for (;;) {
		struct epoll_event event;
		/* One at a time: with more, a handler could close what a later one is about. */
		int count = epoll_wait(epoll_fd, &event, 1, -1);

		if (count < 0 && errno != EINTR) {
			complain("epoll_wait", errno);
			return 3;
		}
		if (count > 0) {
			struct source *source = event.data.ptr;

			source->ready(source, event.events);
			shim_sweep();
		}
	}
}
