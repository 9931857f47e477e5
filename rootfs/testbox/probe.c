/* status, sysprobe, ttycheck: what a process inside a container is and may do. */
#include "testbox.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int cmd_status(int argc, char **argv)
{
	char buffer[4096];
	ssize_t got;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	(void)argc;
	(void)argv;
	if (fd < 0) {
		perror("/proc/self/status");
		return 1;
	}
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, (size_t)got, stdout);
	return 0;
}

#if defined(__x86_64__)
/* The 32-bit entry: other numbers, and a seccomp filter that forgets it lets everything through. */
static long call_i386(long number, const long *args)
{
	long result;

	/* ebp, the sixth argument, stays ours: no system call that tests probe needs it. */
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(args[0]), "c"(args[1]), "d"(args[2]), "S"(args[3]),
			   "D"(args[4])
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}
#endif

static long call_native(long number, const long *args)
{
	long result = syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);

	return result < 0 ? -errno : result;
}

static int probe_one(const char *entry, const char *word)
{
	long args[6] = {0};
	char *rest;
	long number = strtol(word, &rest, 0);
	long result;

	for (int i = 0; i < 6 && (*rest == ':' || *rest == ','); i++)
		args[i] = strtol(rest + 1, &rest, 0);
	if (strcmp(entry, "native") == 0) {
		result = call_native(number, args);
	} else {
#if defined(__x86_64__)
		result = strcmp(entry, "i386") == 0 ? call_i386(number, args)
						    : call_native(number | 0x40000000, args);
#else
		return 3;
#endif
	}
	if (result < 0 && result > -4096) {
		const char *name = strerrorname_np((int)-result);

		printf("%s %s\n", word, name ? name : "unknown");
	} else {
		printf("%s %ld\n", word, result);
	}
	return 0;
}

/* Each call in a child of its own, with 2 s to live: it may kill, block or change its caller. */
int cmd_sysprobe(int argc, char **argv)
{
	if (argc < 3 ||
	    (strcmp(argv[1], "native") && strcmp(argv[1], "i386") && strcmp(argv[1], "x32"))) {
		fprintf(stderr, "usage: sysprobe native|i386|x32 NR[:ARG,...]...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(2);
			exit(probe_one(argv[1], argv[i]));
		}
		if (pid < 0 || waitpid(pid, &status, 0) < 0) {
			perror("sysprobe");
			return 1;
		}
		if (WIFSIGNALED(status))
			printf("%s SIG%s\n", argv[i], sigabbrev_np(WTERMSIG(status)));
		else if (WEXITSTATUS(status) == 3)
			printf("%s no-such-entry\n", argv[i]);
	}
	return 0;
}

static void print_size(void)
{
	struct winsize size = {0};

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		printf("size=%hux%hu\n", size.ws_col, size.ws_row);
	else
		printf("size=none\n");
}

int cmd_ttycheck(int argc, char **argv)
{
	sigset_t resized;
	int got;

	for (int fd = 0; fd < 3; fd++) {
		const char *name = ttyname(fd);

		printf("fd%d=%s\n", fd, isatty(fd) ? (name ? name : "tty") : "none");
	}
	int controlling = open("/dev/tty", O_RDWR | O_CLOEXEC);

	printf("controlling=%s\n", controlling >= 0 ? "yes" : "no");
	printf("session_leader=%s\n", getsid(0) == getpid() ? "yes" : "no");
	printf("foreground=%s\n",
	       controlling >= 0 && tcgetpgrp(controlling) == getpgrp() ? "yes" : "no");
	sigemptyset(&resized);
	sigaddset(&resized, SIGWINCH);
	sigprocmask(SIG_BLOCK, &resized, NULL);
	print_size();
	if (argc > 1 && strcmp(argv[1], "watch") == 0)
		while (sigwait(&resized, &got) == 0)
			print_size();
	return 0;
}
