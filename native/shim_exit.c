/*
 * The end of a process. The order is the promise: first its last output is in the log, then the
 * record of its exit is on disk, and only then anybody is told. Whoever hears of an exit can rely
 * on both, and whoever was not there finds the record.
 */
#define _GNU_SOURCE
#include "shim.h"

#include "failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h> /* renameat */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORD_FOLDER    "exits/"
#define RECORD_TEMPORARY RECORD_FOLDER ".new" /* no id begins with a dot */

static void path_of_record(const char *id, char ret_path[sizeof(RECORD_FOLDER) + SHIM_MAX_ID])
{
	memcpy(ret_path, RECORD_FOLDER, sizeof(RECORD_FOLDER) - 1);
	memcpy(ret_path + sizeof(RECORD_FOLDER) - 1, id, strlen(id) + 1);
}

static int write_record(const struct process *process)
{
	struct shim_exit_record record = {
		.magic = SHIM_EXIT_RECORD_MAGIC,
		.version = SHIM_VERSION,
		.entry = process->entry,
	};
	char path[sizeof(RECORD_FOLDER) + SHIM_MAX_ID];
	int error = 0;
	int fd;

	if (failpoint("shim.exit-record") < 0)
		return -errno;
	fd = openat(SHIM_FD_FOLDER, RECORD_TEMPORARY,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, &record, sizeof(record)) != (ssize_t)sizeof(record))
		error = EIO;
	/* Before the rename: a crash of the machine must not leave an empty record in place. */
	else if (fsync(fd) < 0)
		error = errno;
	close(fd);
	path_of_record(process->entry.id, path);
	if (error == 0 && renameat(SHIM_FD_FOLDER, RECORD_TEMPORARY, SHIM_FD_FOLDER, path) < 0)
		error = errno;
	return -error;
}

/* Value of "oom_kill" in memory.events; 0 where there is no such file or line. */
uint64_t exit_count_oom_kills(int memory_events)
{
	static const char key[] = "oom_kill ";
	char text[512];
	ssize_t size;
	const char *found;

	if (memory_events < 0)
		return 0;
	size = pread(memory_events, text, sizeof(text) - 1, 0);
	if (size <= 0)
		return 0;
	text[size] = 0;
	/* At the start of a line, so that it is not the end of another key. */
	for (found = text; found; found = strchr(found, '\n')) {
		found += *found == '\n' ? 1 : 0;
		if (strncmp(found, key, sizeof(key) - 1) == 0)
			return strtoull(found + sizeof(key) - 1, NULL, 10);
	}
	return 0;
}

static void finish(struct process *process, int status)
{
	struct shim_process_entry *entry = &process->entry;
	int error;

	process->has_exited = true;
	entry->finished_ms = now_ms();
	entry->flags |= ENTRY_EXITED;
	if (WIFSIGNALED(status)) {
		entry->signal = WTERMSIG(status);
		entry->exit_code = 128 + entry->signal;
		if (entry->signal == SIGKILL &&
		    exit_count_oom_kills(process->memory_events) > process->oom_kills)
			entry->flags |= ENTRY_OOM_KILLED;
	} else {
		entry->exit_code = WEXITSTATUS(status);
	}
	close_fd(&process->memory_events);
	/* The number may be given to another process from now on. */
	close_fd(&process->pidfd);
	stdio_close_input(process);
	/* Ends the session of an EXEC, at once or when its client has taken the rest. */
	stdio_drain(process);
	if (process->is_session)
		return;
	entry->log_dropped = process->log.dropped;
	error = write_record(process);
	/* ENOENT: somebody removed the pod's folder; those who are connected still hear of it. */
	if (error < 0 && error != -ENOENT)
		complain("exit record", -error);
	(void)failpoint("shim.exit-report");
	session_report_exit(process);
}

void exit_collect(void)
{
	for (;;) {
		struct process *process;
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0)
			return;
		/* Others are orphans that came to us as subreaper: collected and not missed. */
		for (process = processes; process; process = process->next) {
			if (process->entry.pid == pid && !process->has_exited) {
				finish(process, status);
				break;
			}
		}
	}
}

void process_forget(struct process *process)
{
	char path[sizeof(RECORD_FOLDER) + SHIM_MAX_ID];

	if (!process->is_session) {
		path_of_record(process->entry.id, path);
		if (unlinkat(SHIM_FD_FOLDER, path, 0) < 0 && errno != ENOENT)
			complain("forgetting an exit", errno);
	}
	/* Now and not in the sweep: the reply says that it is done. */
	process_release(process);
	process->is_forgotten = true;
}
