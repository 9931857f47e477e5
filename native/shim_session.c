/*
 * What each frame of a client does. A frame that is damaged or comes at the wrong time ends its
 * connection: both ends are of one project, so it is a fault and no matter of taste.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void reply(struct connection *connection, const struct shim_reply *answer)
{
	connection_send(connection, SHIM_REPLY, connection->reader.header.request, answer,
			sizeof(*answer), NULL, 0);
}

static void reply_step(struct connection *connection, int error, enum shim_step step)
{
	struct shim_reply answer = {
		.error = error,
		.phase = error == 0 ? PHASE_NONE : PHASE_STEP,
		.failed_op = error == 0 ? 0 : (int32_t)step,
	};

	reply(connection, &answer);
}

static void handle_hello(struct connection *connection)
{
	struct shim_hello hello;
	struct shim_hello answer = {.magic = SHIM_MAGIC, .version = SHIM_VERSION};
	const struct frame_reader *reader = &connection->reader;

	if (reader->header.type != SHIM_HELLO || reader->header.size != sizeof(hello)) {
		connection_drop(connection);
		return;
	}
	memcpy(&hello, reader->payload, sizeof(hello));
	answer.pid = getpid();
	if (hello.magic != SHIM_MAGIC || hello.version != SHIM_VERSION)
		answer.error = EPROTONOSUPPORT;
	connection_send(connection, SHIM_HELLO, reader->header.request, &answer, sizeof(answer),
			NULL, 0);
	if (answer.error != 0)
		connection_drop(connection);
	connection->role = ROLE_CONTROL;
}

static void handle_start(struct connection *connection, bool is_exec)
{
	const struct frame_reader *reader = &connection->reader;
	struct start_request request;
	struct shim_reply answer;
	struct process *process = NULL;

	if (start_request_decode(reader->payload, reader->header.size, &request, &answer) == 0)
		process = process_start(&request, is_exec ? connection : NULL, &answer);
	if (process && is_exec) {
		connection->role = ROLE_EXEC;
		connection->process = process;
		connection->has_stdin = request.fixed.flags & SHIM_WITH_STDIN;
	}
	reply(connection, &answer);
	/* After the reply: the first output must not come before it. */
	if (process)
		stdio_begin(process);
}

static void handle_run(struct connection *connection)
{
	const struct frame_reader *reader = &connection->reader;
	struct {
		struct shim_reply reply;
		struct program_result result;
	} answer = {0};
	struct program program;
	int32_t bad_op;

	static_assert(sizeof(answer) == sizeof(struct shim_reply) + sizeof(struct program_result),
		      "crosses the socket");
	/* The reply is larger than the request: the largest programs would not fit into it. */
	if (reader->header.size > SHIM_MAX_PAYLOAD - sizeof(answer)) {
		reply_step(connection, EMSGSIZE, STEP_REQUEST);
		return;
	}
	if (program_verify(reader->payload, reader->header.size, &program, &bad_op) < 0) {
		answer.result.failed_op = bad_op;
		answer.result.error = EBADMSG;
	} else {
		program_replay(&program, &answer.result);
	}
	answer.reply.error = answer.result.error;
	answer.reply.phase = answer.result.error == 0 ? PHASE_NONE : PHASE_PROGRAM;
	answer.reply.failed_op = answer.result.failed_op;
	connection_send(connection, SHIM_REPLY, reader->header.request, &answer, sizeof(answer),
			reader->payload, reader->header.size);
}

static void handle_signal(struct connection *connection)
{
	const struct frame_reader *reader = &connection->reader;
	const struct process *process;
	struct shim_signal fixed;
	const char *id = id_decode(reader->payload, reader->header.size, sizeof(fixed));

	if (!id) {
		connection_drop(connection);
		return;
	}
	memcpy(&fixed, reader->payload, sizeof(fixed));
	process = process_find(id);
	if (!process || process->has_exited)
		reply_step(connection, ENOENT, STEP_ID);
	else
		reply_step(connection, -process_signal(process, (int)fixed.number), STEP_ID);
}

static void handle_list(struct connection *connection)
{
	struct shim_process_entry entries[64];
	struct shim_reply answer = {0};
	size_t count = 0;

	/* In frames of 64; the last one has fewer, and may have none. */
	for (struct process *process = processes; process; process = process->next) {
		if (process->is_session || process->is_forgotten)
			continue;
		entries[count] = process->entry;
		entries[count++].log_dropped = process->log.dropped;
		if (count == 64) {
			connection_send(connection, SHIM_REPLY, connection->reader.header.request,
					&answer, sizeof(answer), entries, sizeof(entries));
			count = 0;
		}
	}
	connection_send(connection, SHIM_REPLY, connection->reader.header.request, &answer,
			sizeof(answer), entries, count * sizeof(entries[0]));
}

static void handle_forget(struct connection *connection)
{
	const struct frame_reader *reader = &connection->reader;
	const char *id = id_decode(reader->payload, reader->header.size, 0);
	struct process *process;

	if (!id) {
		connection_drop(connection);
		return;
	}
	process = process_find(id);
	if (!process || process->is_session) {
		reply_step(connection, ENOENT, STEP_ID);
	} else if (!process->has_exited) {
		reply_step(connection, EBUSY, STEP_BUSY);
	} else {
		process_forget(process);
		reply_step(connection, 0, STEP_REQUEST);
	}
}

static void handle_shutdown(struct connection *connection)
{
	for (const struct process *process = processes; process; process = process->next) {
		if (!process->has_exited) {
			reply_step(connection, EBUSY, STEP_BUSY);
			return;
		}
	}
	reply_step(connection, 0, STEP_REQUEST);
	shim_end(0);
}

static void handle_attach(struct connection *connection)
{
	const struct frame_reader *reader = &connection->reader;
	const char *id =
		id_decode(reader->payload, reader->header.size, sizeof(struct shim_attach));
	struct shim_attach fixed;
	struct process *process;

	if (!id) {
		connection_drop(connection);
		return;
	}
	memcpy(&fixed, reader->payload, sizeof(fixed));
	process = process_find(id);
	if (!process || process->is_session || process->has_exited) {
		reply_step(connection, ESRCH, STEP_TARGET);
		return;
	}
	connection->role = ROLE_ATTACH;
	connection->process = process;
	connection->has_stdin = (fixed.flags & SHIM_WITH_STDIN) && process->input.fd >= 0;
	reply_step(connection, 0, STEP_REQUEST);
}

static void handle_control(struct connection *connection)
{
	switch (connection->reader.header.type) {
	case SHIM_START:
		handle_start(connection, false);
		return;
	case SHIM_EXEC:
		handle_start(connection, true);
		return;
	case SHIM_RUN:
		handle_run(connection);
		return;
	case SHIM_SIGNAL:
		handle_signal(connection);
		return;
	case SHIM_LIST:
		handle_list(connection);
		return;
	case SHIM_FORGET:
		handle_forget(connection);
		return;
	case SHIM_SHUTDOWN:
		handle_shutdown(connection);
		return;
	case SHIM_ATTACH:
		handle_attach(connection);
		return;
	default:
		connection_drop(connection);
	}
}

/* Ends the input of a process when the client that fed it is done. */
static void end_input(const struct connection *connection)
{
	struct process *process = connection->process;

	if (!process || !connection->has_stdin)
		return;
	if (connection->role == ROLE_EXEC || process->is_stdin_once)
		stdio_close_input(process);
}

static void handle_stream(struct connection *connection)
{
	const struct frame_reader *reader = &connection->reader;
	struct process *process = connection->process;

	switch (reader->header.type) {
	case SHIM_STDIN:
		if (process && connection->has_stdin && stdio_write(process, connection) < 0)
			connection->is_input_blocked = true;
		return;
	case SHIM_STDIN_CLOSE:
		end_input(connection);
		return;
	case SHIM_RESIZE: {
		struct shim_resize size;

		if (reader->header.size != sizeof(size)) {
			connection_drop(connection);
			return;
		}
		memcpy(&size, reader->payload, sizeof(size));
		if (process)
			tty_resize(process, size.columns, size.rows);
		return;
	}
	default:
		connection_drop(connection);
	}
}

void session_handle(struct connection *connection)
{
	if (connection->role == ROLE_NEW)
		handle_hello(connection);
	else if (connection->role == ROLE_CONTROL)
		handle_control(connection);
	else
		handle_stream(connection);
	/* A frame whose bytes do not fit into the pipe stays until they do. */
	if (!connection->is_input_blocked && !connection->is_dropped)
		frame_reader_reset(&connection->reader);
	connection_update(connection);
}

void session_end(struct connection *connection)
{
	struct process *process = connection->process;

	if (!process)
		return;
	end_input(connection);
	connection->process = NULL;
	if (connection->role != ROLE_EXEC)
		return;
	process->session = NULL;
	if (process->is_tty)
		tty_hang_up(process);
	/* Nobody hears it any more; it is read on and thrown away, so that the process can go on.
	 */
	stdio_resume(process);
}

static void send_exit(struct connection *connection, const struct shim_process_entry *entry)
{
	struct shim_exit exit = {.exit_code = entry->exit_code, .signal = entry->signal};

	connection->process = NULL;
	connection->is_input_blocked = false;
	connection_send(connection, SHIM_EXIT, 0, &exit, sizeof(exit), NULL, 0);
	/* The client closes when it has read this. If we did, what it is just writing would fail or
	 * reset the connection, and take away what it has not read yet. */
	connection->is_closing = true;
	connection_update(connection);
}

void session_report_exit(struct process *process)
{
	if (process->is_session) {
		if (process->session)
			send_exit(process->session, &process->entry);
		process->session = NULL;
		return;
	}
	for (struct connection *each = connections; each; each = each->next) {
		if (each->is_dropped)
			continue;
		if (each->role == ROLE_CONTROL)
			connection_send(each, SHIM_EXITED, 0, &process->entry,
					sizeof(process->entry), NULL, 0);
		else if (each->role == ROLE_ATTACH && each->process == process)
			send_exit(each, &process->entry);
	}
}
