/*
 * Output and input of a process.
 *
 * Output of a container goes to its log and to every ATTACH; it is always read at once, so neither
 * can hold the container up. Output of an EXEC goes to its one client and is read only while that
 * client takes it: back-pressure reaches the process. Input is written as fast as the process
 * reads; until then the connection that sends it is not read.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A pipe's default capacity, see pipe(7). */
#define PIPE_SIZE ((size_t)64 * 1024)
/*
 * The capacity of a log's pipe that was full once: writer and reader wait for each other less often
 * (decision 0213). No more, because all pipes of root share one account.
 */
#define BUSY_PIPE_SIZE ((size_t)256 * 1024)
/* A pty buffers 64 KiB in each of two places. */
#define TTY_DRAIN_SIZE ((size_t)256 * 1024)

/* What is read at once. What is behind PIPE_SIZE has memory only while there is that much. */
static _Alignas(PIPE_SIZE) uint8_t chunk[BUSY_PIPE_SIZE];

/* One pipe; ours is the end that does not block. The other end is the child's. */
static int make_pipe(int *ret_ours, int64_t *ret_theirs, int our_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = ends[our_end];
	*ret_theirs = ends[1 - our_end];
	return fcntl(ends[our_end], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int stdio_make(struct process *process, bool with_stdin, bool with_output, int64_t *registers)
{
	int error = 0;

	if (with_stdin)
		error = make_pipe(&process->input.fd, &registers[REGISTER_STDIN], 1);
	for (int i = 0; with_output && error == 0 && i < 2; i++)
		error = make_pipe(&process->streams[i].source.fd, &registers[REGISTER_STDOUT + i],
				  0);
	return error;
}

/* The end of an EXEC: all its output is out and its status is known. */
static void end_session(struct process *process)
{
	if (!process->is_session || !process->has_exited || process->is_forgotten ||
	    process->streams[0].source.fd >= 0 || process->streams[1].source.fd >= 0)
		return;
	session_report_exit(process);
	process_forget(process);
}

static void close_stream(struct stream *stream)
{
	struct timespec now;

	if (stream->source.fd < 0)
		return;
	source_close(&stream->source);
	clock_gettime(CLOCK_REALTIME, &now);
	log_end(&stream->process->log, &stream->tail, &now);
}

static void deliver(struct stream *stream, size_t size)
{
	struct process *process = stream->process;
	struct timespec now;

	if (process->is_session) {
		if (process->session)
			connection_send(process->session, stream->frame_type, 0, chunk, size, NULL,
					0);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	log_write(&process->log, &stream->tail, chunk, size, &now);
	for (struct connection *each = connections; each; each = each->next) {
		if (each->role == ROLE_ATTACH && each->process == process && !each->is_dropped)
			connection_send(each, stream->frame_type, 0, chunk, size, NULL, 0);
	}
}

/* After a read of `size` bytes. */
static void adapt_to_flow(struct stream *stream, size_t size)
{
	static bool is_wide;

	/* A terminal has no pipe, and an EXEC waits for its client. */
	if (size >= PIPE_SIZE && !stream->is_busy && !stream->process->is_tty &&
	    !stream->process->is_session) {
		stream->is_busy = true;
		(void)fcntl(stream->source.fd, F_SETPIPE_SZ, BUSY_PIPE_SIZE);
	}
	if (size > PIPE_SIZE) {
		is_wide = true;
	} else if (is_wide && size < PIPE_SIZE) {
		is_wide = false;
		(void)madvise(chunk + PIPE_SIZE, sizeof(chunk) - PIPE_SIZE, MADV_DONTNEED);
	}
}

/* Returns the number of bytes, 0 when there are none now, -1 when there will be none any more. */
static ssize_t take_output(struct stream *stream)
{
	ssize_t n;

	do {
		n = read(stream->source.fd, chunk, sizeof(chunk));
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		deliver(stream, (size_t)n);
		adapt_to_flow(stream, (size_t)n);
		return n;
	}
	/* EIO: the terminal was hung up. */
	return n < 0 && errno == EAGAIN ? 0 : -1;
}

static bool is_held_back(const struct process *process)
{
	return process->session && !connection_is_drained(process->session);
}

/* The output of an EXEC, as long as its client takes it. */
static void pump(struct process *process)
{
	for (int i = 0; i < 2; i++) {
		struct stream *stream = &process->streams[i];
		ssize_t n = 1;

		if (stream->source.fd < 0)
			continue;
		/* After the exit to the last byte; before that one turn, others want theirs too. */
		while (!is_held_back(process) && n > 0) {
			n = take_output(stream);
			if (!process->has_exited)
				break;
		}
		/* Descendants may hold the pipe open: what is in it at the exit is the end. */
		if (n < 0 || (n == 0 && process->has_exited))
			close_stream(stream);
		else
			source_watch(&stream->source, is_held_back(process) ? 0 : EPOLLIN);
	}
	end_session(process);
}

static void output_ready(struct source *source, uint32_t events)
{
	struct stream *stream = container_of(source, struct stream, source);

	(void)events;
	if (stream->process->is_session)
		pump(stream->process);
	else if (take_output(stream) < 0)
		close_stream(stream);
}

static void input_ready(struct source *source, uint32_t events)
{
	struct process *process = container_of(source, struct process, input);
	bool is_blocked = false;

	/* The reader is gone. A terminal reports it too, but takes no input then either. */
	if (events & (EPOLLERR | EPOLLHUP))
		stdio_close_input(process);
	for (struct connection *each = connections; each; each = each->next) {
		if (each->process != process || !each->is_input_blocked || each->is_dropped)
			continue;
		if (stdio_write(process, each) < 0) {
			is_blocked = true;
			continue;
		}
		each->is_input_blocked = false;
		frame_reader_reset(&each->reader);
		connection_update(each);
	}
	source_watch(source, is_blocked ? EPOLLOUT : 0);
}

/* Writes the STDIN frame of the connection. Returns -1 when a rest has to wait. */
int stdio_write(struct process *process, struct connection *connection)
{
	const struct frame_reader *reader = &connection->reader;

	while (process->input.fd >= 0 && connection->input_done < reader->header.size) {
		ssize_t n = write(process->input.fd, reader->payload + connection->input_done,
				  reader->header.size - connection->input_done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno == EAGAIN)) {
			source_watch(&process->input, EPOLLOUT);
			return -1;
		}
		if (n < 0) {
			stdio_close_input(process);
			break;
		}
		connection->input_done += (size_t)n;
	}
	/* Written, or nobody is there to read it. */
	connection->input_done = 0;
	return 0;
}

void stdio_close_input(struct process *process)
{
	static const char end_of_file = 4;

	if (process->input.fd < 0)
		return;
	/* A terminal has no end of its own: its reader sees one when this character comes. */
	if (process->is_tty && write(process->input.fd, &end_of_file, 1) < 0 && errno != EAGAIN)
		complain("end of input", errno);
	source_close(&process->input);
	/* Frames that waited for room have nobody to go to. */
	for (struct connection *each = connections; each; each = each->next) {
		if (each->process != process || !each->is_input_blocked || each->is_dropped)
			continue;
		each->is_input_blocked = false;
		each->input_done = 0;
		frame_reader_reset(&each->reader);
		connection_update(each);
	}
}

void stdio_begin(struct process *process)
{
	process->input.ready = input_ready;
	for (int i = 0; i < 2; i++) {
		process->streams[i].source.ready = output_ready;
		source_watch(&process->streams[i].source, EPOLLIN);
	}
}

void stdio_resume(struct process *process)
{
	pump(process);
}

void stdio_drain(struct process *process)
{
	if (process->is_session) {
		pump(process);
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct stream *stream = &process->streams[i];
		struct timespec now;
		size_t left = TTY_DRAIN_SIZE;
		int size;
		ssize_t n = 1;

		if (stream->source.fd < 0)
			continue;
		/* No more than is there now: a process that lives on may write without end. */
		if (!process->is_tty && ioctl(stream->source.fd, FIONREAD, &size) == 0)
			left = (size_t)size;
		while (left > 0 && n > 0) {
			n = take_output(stream);
			left -= n > 0 && (size_t)n < left ? (size_t)n : left;
		}
		if (n < 0) {
			close_stream(stream);
			continue;
		}
		/* The record of the exit says that the log is complete. */
		clock_gettime(CLOCK_REALTIME, &now);
		log_end(&process->log, &stream->tail, &now);
	}
}

void stdio_end(struct process *process)
{
	source_close(&process->input);
	close_stream(&process->streams[0]);
	close_stream(&process->streams[1]);
	close_fd(&process->slave);
}
