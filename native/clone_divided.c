/*
 * Two processes for one program; see clone_divided.h.
 *
 *   caller ── clone_child() ──▶ outside: operations before the division
 *                                  │ clone(CLONE_PARENT|CLONE_VFORK): memory is copied
 *                                  └──▶ inside: operations after it, execve
 *
 * What "inside" has said is not believed: somebody else may have spoken for it.
 * Source: clone(2) CLONE_PARENT, CLONE_VFORK; madvise(2) MADV_WIPEONFORK; pid_namespaces(7).
 */
#define _GNU_SOURCE
#include "clone_divided.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* errno values of the kernel are below it (linux/err.h MAX_ERRNO). */
#define ERRNO_END 4096

/* What both processes write; shared, and so in the hands of whoever traces "inside". */
struct report {
	struct program_result result;
	volatile bool has_ended;
};

/* Private memory that the copy has as well. */
struct division {
	struct program rest;
	struct report *report;
	void **volatile thread; /* what __builtin_thread_pointer() gives, and cannot in the copy */
	volatile long inside;   /* pid, or -errno; written by "outside" */
	size_t size;            /* of this mapping */
	uint8_t bytes[];        /* operations of the rest, then the pool */
};

int32_t program_division(const struct program *program)
{
	for (uint32_t i = 0; i < program->op_count; i++) {
		if (program->ops[i].nr == PROGRAM_DIVIDE)
			return (int32_t)i;
	}
	return -1;
}

/*
 * errno lives in thread-local memory, which the copy has as zeros. On x86-64 its first word is its
 * own address (ELF Handling For Thread-Local Storage, 4.4.6); aarch64 has that in a register only.
 */
static void restore_thread(void **thread)
{
#if defined(__x86_64__)
	*thread = thread;
#else
	(void)thread;
#endif
}

static void run_outside(void *argument)
{
	struct division *division = argument;
	/* Not clone3, which filters of containers refuse. The exit signal is that of this process.
	 */
	long pid;

	division->thread = __builtin_thread_pointer();
	pid = syscall(SYS_clone, CLONE_PARENT | CLONE_VFORK, NULL, NULL, NULL, NULL);

	if (pid == 0) {
		restore_thread(division->thread);
		program_replay(&division->rest, &division->report->result);
		/* Only reached without a successful execve. */
		division->report->has_ended = true;
		syscall(SYS_exit_group, 127);
		__builtin_unreachable();
	}
	division->inside = pid < 0 ? -errno : pid;
}

/* Returns the mapping, or NULL. */
static struct division *division_new(const struct program *program, uint32_t at)
{
	size_t ops = (program->op_count - at - 1) * sizeof(struct program_op);
	size_t size = sizeof(struct division) + ops + program->pool_size;
	int protection = PROT_READ | PROT_WRITE;
	struct division *division =
		mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (division == MAP_FAILED)
		return NULL;
	division->size = size;
	division->report = mmap(NULL, sizeof(*division->report), protection,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (division->report == MAP_FAILED) {
		munmap(division, size);
		return NULL;
	}
	memcpy(division->bytes, &program->ops[at + 1], ops);
	memcpy(division->bytes + ops, program->pool, program->pool_size);
	division->rest = (struct program){
		.ops = (const struct program_op *)(void *)division->bytes,
		.op_count = program->op_count - at - 1,
		.pool = division->bytes + ops,
		.pool_size = program->pool_size,
	};
	return division;
}

static void division_free(struct division *division)
{
	munmap(division->report, sizeof(*division->report));
	munmap(division, division->size);
}

/* One line of /proc/self/maps: "start-end rw-p ...". Returns the next line, or NULL. */
static char *wipe_mapping(char *line)
{
	uintptr_t start = strtoul(line, &line, 16);
	uintptr_t end = *line == '-' ? strtoul(line + 1, &line, 16) : 0;
	bool is_own = strncmp(line, " rw-p ", 6) == 0;

	/* Files say EINVAL: of those only variables that the program file initialises. */
	if (is_own && end > start)
		syscall(SYS_madvise, start, end - start, MADV_WIPEONFORK);
	line = strchr(line, '\n');
	return line ? line + 1 : NULL;
}

/* Memory that a copy shall not have: heap, stacks, buffers. Returns 0 or -errno. */
static int wipe_on_fork(struct division *kept)
{
	char text[64 * 1024];
	size_t length = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	int error = fd < 0 ? -errno : 0;

	while (error == 0) {
		ssize_t n = read(fd, text + length, sizeof(text) - 1 - length);

		if (n == 0)
			break;
		length += n > 0 ? (size_t)n : 0;
		if (n < 0 && errno != EINTR)
			error = -errno;
		else if (length == sizeof(text) - 1)
			error = -E2BIG;
	}
	if (fd >= 0)
		close(fd);
	text[length] = 0;
	for (char *line = text; error == 0 && line && *line;)
		line = wipe_mapping(line);
	if (error == 0 && madvise(kept, kept->size, MADV_KEEPONFORK) < 0)
		error = -errno;
	return error;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		continue;
}

/* The process lives, or has been killed: what it is now, the caller learns as of any child. */
static int keep(pid_t pid, int32_t *ret_pidfd)
{
	int fd = ret_pidfd ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	int error = ret_pidfd && fd < 0 ? -errno : 0;

	if (error < 0) {
		/* Not collected yet, so the number is still its own. */
		kill(pid, SIGKILL);
		reap(pid);
		return error;
	}
	if (ret_pidfd)
		*ret_pidfd = fd;
	return pid;
}

/* Numbers only, and only such as a program can give. The process is collected as an orphan. */
static int fail_inside(const struct division *division, int32_t first,
		       struct program_result *result)
{
	int32_t failed = division->report->result.failed_op;
	int32_t error = division->report->result.error;
	bool is_sane = failed >= 0 && (uint32_t)failed < division->rest.op_count && error > 0 &&
		       error < ERRNO_END;

	result->failed_op = is_sane ? first + failed : -1;
	result->error = is_sane ? error : ECHILD;
	return -result->error;
}

/* After "outside" came to its end, or was killed: 0 is no process inside. */
static int take_inside(const struct division *division, int32_t at, int32_t *ret_pidfd,
		       struct program_result *result)
{
	long pid = division->inside;

	if (pid > 0 && division->report->has_ended)
		return fail_inside(division, at + 1, result);
	if (pid > 0)
		return keep((pid_t)pid, ret_pidfd);
	result->failed_op = pid < 0 ? at : -1;
	result->error = pid < 0 ? (int32_t)-pid : ECHILD;
	return -result->error;
}

int clone_divided(const struct program *program, const struct clone_options *options,
		  struct program_result *result)
{
	int32_t at = program_division(program);
	struct program outside = *program;
	struct clone_options own = *options;
	struct division *division = division_new(program, (uint32_t)at);
	int error = division ? wipe_on_fork(division) : -ENOMEM;

	result->failed_op = -1;
	result->error = -error;
	if (error == 0) {
		outside.op_count = (uint32_t)at;
		own.ret_pidfd = NULL;
		own.after = run_outside;
		own.argument = division;
		error = clone_child(&outside, &own, result);
		/* It never executes anything: what lives on has been killed. */
		if (error > 0)
			reap(error);
		if (error >= 0)
			error = take_inside(division, at, options->ret_pidfd, result);
	}
	if (division)
		division_free(division);
	return error;
}
