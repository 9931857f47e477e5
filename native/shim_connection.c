/*
 * Connections: accepting them, reading frames, and queues for what a client does not take yet.
 *
 * Nobody waits for a client. Frames that it does not read are queued; a client whose queue gets
 * too long is dropped, except that the output of an EXEC is read no faster than its client takes
 * it (shim_stdio.c), and requests no faster than it takes the replies.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_CONNECTIONS  256
#define MAX_QUEUE_ATTACH ((size_t)1 << 20)
/* Room for the largest REPLY; beyond that only events can pile up. */
#define MAX_QUEUE ((size_t)2 * SHIM_MAX_PAYLOAD)
/* Frames that are handled before others get their turn. */
#define FRAMES_PER_TURN 16

bool connection_is_drained(const struct connection *connection)
{
	return connection->queue_start == connection->queue_end;
}

void connection_update(struct connection *connection)
{
	uint32_t events = EPOLLRDHUP;

	if (connection->is_dropped)
		return;
	if (!connection_is_drained(connection))
		events |= EPOLLOUT;
	/* A client that does not read its replies gets no more of them. */
	else if (!connection->is_input_blocked && !connection->is_closing)
		events |= EPOLLIN;
	if (connection->role >= ROLE_EXEC && !connection->is_input_blocked &&
	    !connection->is_closing)
		events |= EPOLLIN;
	source_watch(&connection->source, events);
}

void connection_drop(struct connection *connection)
{
	if (connection->is_dropped)
		return;
	connection->is_dropped = true;
	source_close(&connection->source);
	session_end(connection);
}

void connection_free(struct connection *connection)
{
	frame_reader_reset(&connection->reader);
	free(connection->queue);
	free(connection);
}

/* Returns -1 when the queue would get too long. */
static int enqueue(struct connection *connection, const uint8_t *bytes, size_t size)
{
	size_t queued = connection->queue_end - connection->queue_start;
	size_t limit = connection->role == ROLE_ATTACH ? MAX_QUEUE_ATTACH : MAX_QUEUE;

	if (size == 0)
		return 0;
	if (queued + size > limit)
		return -1;
	if (connection->queue_end + size > connection->queue_capacity) {
		size_t capacity = queued + size < 4096 ? 4096 : (queued + size) * 3 / 2;
		uint8_t *queue = malloc(capacity);

		if (!queue)
			return -1;
		if (queued > 0)
			memcpy(queue, connection->queue + connection->queue_start, queued);
		free(connection->queue);
		connection->queue = queue;
		connection->queue_start = 0;
		connection->queue_end = queued;
		connection->queue_capacity = capacity;
	}
	memcpy(connection->queue + connection->queue_end, bytes, size);
	connection->queue_end += size;
	return 0;
}

void connection_send(struct connection *connection, enum shim_frame_type type, uint32_t request,
		     const void *head, size_t head_size, const void *body, size_t body_size)
{
	struct shim_frame_header header = {
		.size = (uint32_t)(head_size + body_size),
		.type = (uint16_t)type,
		.request = request,
	};
	struct iovec parts[3] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = (void *)head, .iov_len = head_size},
		{.iov_base = (void *)body, .iov_len = body_size},
	};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
	size_t sent = 0;

	if (connection->is_dropped)
		return;
	/* Straight to the socket when nothing is queued before it: the usual case, without a copy.
	 */
	if (connection_is_drained(connection)) {
		ssize_t n = sendmsg(connection->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			connection_drop(connection);
			return;
		}
		sent = n < 0 ? 0 : (size_t)n;
	}
	for (int i = 0; i < 3; i++) {
		size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;

		sent -= skip;
		if (enqueue(connection, (uint8_t *)parts[i].iov_base + skip,
			    parts[i].iov_len - skip) < 0) {
			connection_drop(connection);
			return;
		}
	}
	connection_update(connection);
}

static void flush_queue(struct connection *connection)
{
	while (!connection_is_drained(connection)) {
		ssize_t n = send(connection->source.fd, connection->queue + connection->queue_start,
				 connection->queue_end - connection->queue_start,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			connection_drop(connection);
			return;
		}
		connection->queue_start += (size_t)n;
	}
	free(connection->queue);
	connection->queue = NULL;
	connection->queue_start = connection->queue_end = connection->queue_capacity = 0;
	if (connection->role == ROLE_EXEC && connection->process)
		stdio_resume(connection->process);
	connection_update(connection);
}

/* Returns 1 when a frame is complete, 0 when more must come, -1 when the client is gone. */
static int receive(struct connection *connection)
{
	while (!frame_reader_is_complete(&connection->reader)) {
		uint8_t *bytes;
		size_t size;
		ssize_t n;

		if (frame_reader_space(&connection->reader, &bytes, &size) < 0)
			return -1;
		n = recv(connection->source.fd, bytes, size, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0 || frame_reader_advance(&connection->reader, (size_t)n) < 0)
			return -1;
	}
	return 1;
}

static void connection_ready(struct source *source, uint32_t events)
{
	struct connection *connection = container_of(source, struct connection, source);

	if (events & EPOLLOUT)
		flush_queue(connection);
	for (int i = 0; (events & EPOLLIN) && i < FRAMES_PER_TURN; i++) {
		int state;

		if (connection->is_dropped || !(source->events & EPOLLIN))
			return;
		state = receive(connection);
		if (state < 0) {
			connection_drop(connection);
			return;
		}
		if (state == 0)
			return;
		session_handle(connection);
	}
	/* With EPOLLIN the end of the stream is read in its turn, after the frames before it. */
	if (!(events & EPOLLIN) && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		connection_drop(connection);
}

/* Without a free descriptor the connection would stay in the backlog and epoll would spin. */
static void refuse_one(int listener)
{
	int fd;

	close(null_fd);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}

void connection_accept(struct source *source, uint32_t events)
{
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *connection;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	unsigned int count = 0;

	(void)events;
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			refuse_one(source->fd);
		return;
	}
	for (connection = connections; connection; connection = connection->next)
		count++;
	connection = NULL;
	/* The folder is closed to others already; this holds even if someone opens it. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0 &&
	    count < MAX_CONNECTIONS)
		connection = calloc(1, sizeof(*connection));
	if (!connection) {
		close(fd);
		return;
	}
	connection->source = (struct source){.fd = fd, .ready = connection_ready};
	connection->next = connections;
	connections = connection;
	connection_update(connection);
}
