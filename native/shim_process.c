/*
 * Starting a process: prelude in the shim, program in a clone, postlude in the shim. The programs
 * say what happens; here stand only the descriptors that pass between them.
 */
#define _GNU_SOURCE
#include "shim.h"

#include "clone_divided.h"
#include "failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct process *process_find(const char *id)
{
	for (struct process *process = processes; process; process = process->next) {
		if (!process->is_forgotten && strcmp(process->entry.id, id) == 0)
			return process;
	}
	return NULL;
}

int process_signal(const struct process *process, int number)
{
	/* Never by pid: it may belong to another process by now. */
	return syscall(SYS_pidfd_send_signal, process->pidfd, number, NULL, 0) < 0 ? -errno : 0;
}

void process_release(struct process *process)
{
	stdio_end(process);
	log_close(&process->log);
	close_fd(&process->pidfd);
	close_fd(&process->devpts);
	close_fd(&process->memory_events);
	/* An ATTACH whose client has not taken the rest yet. */
	for (struct connection *each = connections; each; each = each->next) {
		if (each->process == process)
			each->process = NULL;
	}
}

static struct process *process_new(const struct start_request *request)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	memcpy(process->entry.id, request->id, strlen(request->id) + 1);
	for (int i = 0; i < 2; i++) {
		process->streams[i].source.fd = -1;
		process->streams[i].process = process;
	}
	process->streams[0].tail.stream = "stdout";
	process->streams[0].frame_type = SHIM_STDOUT;
	process->streams[1].tail.stream = "stderr";
	process->streams[1].frame_type = SHIM_STDERR;
	process->log = (struct log){.folder = -1, .file = -1};
	process->input.fd = process->pidfd = process->devpts = -1;
	process->slave = process->memory_events = -1;
	process->is_stdin_once = request->fixed.flags & SHIM_STDIN_ONCE;
	return process;
}

static int at_step(struct shim_reply *ret_reply, int error, enum shim_step step)
{
	*ret_reply = (struct shim_reply){
		.error = error,
		.phase = PHASE_STEP,
		.failed_op = (int32_t)step,
	};
	return -1;
}

static void at_operation(struct shim_reply *ret_reply, enum shim_phase phase,
			 const struct program_result *result)
{
	*ret_reply = (struct shim_reply){
		.error = result->error,
		.phase = (int32_t)phase,
		.failed_op = result->failed_op,
	};
}

static int open_cgroup(struct process *process, const char *path, int *ret_fd)
{
	*ret_fd = -1;
	if (!path)
		return 0;
	*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd < 0)
		return -errno;
	/* Absent where the memory controller is not enabled. */
	process->memory_events = openat(*ret_fd, "memory.events", O_RDONLY | O_CLOEXEC);
	process->oom_kills = exit_count_oom_kills(process->memory_events);
	return 0;
}

/* Everything that can be refused before a program runs. */
static int prepare(struct process *process, const struct start_request *request, int64_t *registers,
		   int *ret_cgroup, struct shim_reply *ret_reply)
{
	const struct shim_start *fixed = &request->fixed;
	bool is_tty = fixed->flags & SHIM_TTY;
	int error;

	for (int i = 0; i < REGISTER_PRESET; i++)
		registers[i] = -1;
	if (request->target) {
		const struct process *target = process_find(request->target);

		if (!target || target->has_exited)
			return at_step(ret_reply, ESRCH, STEP_TARGET);
		registers[REGISTER_TARGET] = target->pidfd;
		registers[REGISTER_DEVPTS] = target->devpts;
	}
	if (request->log) {
		error = log_open(&process->log, request->log, fixed->log_max_bytes,
				 fixed->log_max_files);
		if (error < 0)
			return at_step(ret_reply, -error, STEP_LOG);
	}
	error = open_cgroup(process, request->cgroup, ret_cgroup);
	if (error < 0)
		return at_step(ret_reply, -error, STEP_CGROUP);
	/* With a tty the prelude sets all three; without it, what is not a pipe is /dev/null. */
	if (is_tty)
		return 0;
	for (int i = REGISTER_STDIN; i <= REGISTER_STDERR; i++)
		registers[i] = null_fd;
	error = stdio_make(process, fixed->flags & SHIM_WITH_STDIN,
			   process->is_session || request->log, registers);
	return error < 0 ? at_step(ret_reply, -error, STEP_STDIO) : 0;
}

static void kill_and_collect(struct process *process)
{
	(void)process_signal(process, SIGKILL);
	while (waitpid(process->entry.pid, NULL, __WALL) < 0 && errno == EINTR)
		continue;
}

/* Prelude, clone, postlude. Returns 0 when the process runs. */
static int run_programs(struct process *process, const struct start_request *request, int cgroup_fd,
			struct program_result *result, struct shim_reply *ret_reply)
{
	const struct clone_options options = {
		.flags = request->fixed.clone_flags,
		.cgroup_fd = cgroup_fd,
		.ret_pidfd = &process->pidfd,
	};
	/* The child's descriptors are not ours: the postlude must not see their numbers. */
	struct program_result child;
	struct program_result after;
	int error = 0;
	int pid = 0;

	if (program_replay(&request->programs[0], result) < 0) {
		at_operation(ret_reply, PHASE_PRELUDE, result);
		error = -1;
	} else if (request->fixed.flags & SHIM_TTY) {
		error = tty_take(process, request->fixed.flags & SHIM_WITH_STDIN,
				 result->registers);
		if (error < 0)
			at_step(ret_reply, -error, STEP_STDIO);
	}
	if (error == 0) {
		child = *result;
		pid = program_division(&request->programs[1]) < 0
			      ? clone_child(&request->programs[1], &options, &child)
			      : clone_divided(&request->programs[1], &options, &child);
		if (pid < 0)
			at_operation(ret_reply, PHASE_PROGRAM, &child);
		else if (pid == 0)
			at_step(ret_reply, ECHILD, STEP_EXEC);
	}
	process->entry.pid = pid;
	process->entry.started_ms = now_ms();
	/* Also after a failure: it puts back what the prelude has changed in the shim. */
	after = *result;
	if (program_replay(&request->programs[2], &after) < 0 && error == 0 && pid > 0) {
		at_operation(ret_reply, PHASE_POSTLUDE, &after);
		kill_and_collect(process);
		return -1;
	}
	return pid > 0 ? 0 : -1;
}

/* Closes the child's ends, and keeps the devpts that the prelude may have made. */
static void settle(struct process *process, const struct start_request *request, int64_t *registers)
{
	const struct process *target = request->target ? process_find(request->target) : NULL;

	for (int i = REGISTER_STDIN; i <= REGISTER_STDERR; i++) {
		int64_t fd = registers[i];

		/* With a tty all three may be one descriptor. */
		for (int j = REGISTER_STDIN; j < i; j++)
			fd = registers[j] == registers[i] ? -1 : fd;
		if (fd >= 0 && fd != null_fd)
			close((int)fd);
	}
	if (registers[REGISTER_MASTER] >= 0)
		close((int)registers[REGISTER_MASTER]);
	if (registers[REGISTER_DEVPTS] >= 0 &&
	    (!target || registers[REGISTER_DEVPTS] != target->devpts))
		process->devpts = (int)registers[REGISTER_DEVPTS];
}

struct process *process_start(struct start_request *request, struct connection *session,
			      struct shim_reply *ret_reply)
{
	struct program_result result = {0};
	struct process *process;
	int cgroup_fd = -1;
	int error;

	if (failpoint("shim.start") < 0) {
		at_step(ret_reply, errno, STEP_REQUEST);
		return NULL;
	}
	if (process_find(request->id)) {
		at_step(ret_reply, EEXIST, STEP_ID);
		return NULL;
	}
	process = process_new(request);
	if (!process) {
		at_step(ret_reply, ENOMEM, STEP_REQUEST);
		return NULL;
	}
	process->session = session;
	process->is_session = session != NULL;
	error = prepare(process, request, result.registers, &cgroup_fd, ret_reply);
	if (error == 0)
		error = run_programs(process, request, cgroup_fd, &result, ret_reply);
	settle(process, request, result.registers);
	close_fd(&cgroup_fd);
	if (error < 0) {
		process_release(process);
		free(process);
		return NULL;
	}
	process->next = processes;
	processes = process;
	(void)failpoint("shim.started");
	*ret_reply = (struct shim_reply){.pid = process->entry.pid};
	return process;
}
