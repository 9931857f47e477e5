/* serve: servers for probes; one process per connection, so that a stalled one holds up nobody. */
#include "testbox.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t done = write(fd, at, size);

		if (done <= 0)
			return false;
		at += done;
		size -= (size_t)done;
	}
	return true;
}

static bool read_all(int fd, void *data, size_t size)
{
	char *at = data;

	while (size > 0) {
		ssize_t done = read(fd, at, size);

		if (done <= 0)
			return false;
		at += done;
		size -= (size_t)done;
	}
	return true;
}

/* GET /status/CODE answers with it, /away leads to another host, /stall never answers. */
static void serve_http(int fd, int unused)
{
	static const char refusal[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
	char request[4096];
	char answer[512];
	size_t size = 0;
	int status = 200;

	(void)unused;
	request[0] = '\0';
	while (strstr(request, "\r\n\r\n") == NULL) {
		ssize_t done = read(fd, request + size, sizeof(request) - size - 1);

		if (done <= 0 || size + (size_t)done >= sizeof(request) - 1)
			return;
		size += (size_t)done;
		request[size] = '\0';
		/* TLS, for example: whoever speaks it is told at once that this is HTTP. */
		if (size >= 4 && memcmp(request, "GET ", 4) != 0) {
			write_all(fd, refusal, sizeof(refusal) - 1);
			return;
		}
	}
	fputs(request, stdout);
	fflush(stdout);
	if (strncmp(request, "GET /stall ", 11) == 0)
		pause();
	if (strncmp(request, "GET /status/", 12) == 0)
		status = atoi(request + 12);
	if (strncmp(request, "GET /away ", 10) == 0)
		status = 302;
	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 %d Told\r\nContent-Length: 5\r\nConnection: close\r\n%s\r\ntold\n",
		 status, status == 302 ? "Location: http://elsewhere.example/\r\n" : "");
	write_all(fd, answer, strlen(answer));
}

static void serve_tcp(int fd, int unused)
{
	(void)fd;
	(void)unused;
}

enum { FRAME_DATA = 0, FRAME_HEADERS = 1, FRAME_SETTINGS = 4, FRAME_PING = 6 };
enum { FLAG_ACK = 1, FLAG_END_STREAM = 1, FLAG_END_HEADERS = 4 };

static bool write_frame(int fd, uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
			uint8_t size)
{
	uint8_t header[9] = {0, 0, size, type, flags};
	uint32_t id = htonl(stream);

	memcpy(header + 5, &id, sizeof(id));
	return write_all(fd, header, sizeof(header)) && write_all(fd, payload, size);
}

/* HPACK by hand: :status 200 and content-type from the static table, the trailer with its name. */
static bool answer_health(int fd, uint32_t stream, int status)
{
	static const char headers[] = "\x88\x0f\x10\x10"
				      "application/grpc";
	static const char trailers[] = "\x00\x0bgrpc-status\x01"
				       "0";
	const uint8_t message[] = {0, 0, 0, 0, 2, 8, (uint8_t)status};

	return write_frame(fd, FRAME_HEADERS, FLAG_END_HEADERS, stream, headers,
			   sizeof(headers) - 1) &&
	       write_frame(fd, FRAME_DATA, 0, stream, message, sizeof(message)) &&
	       write_frame(fd, FRAME_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, stream, trailers,
			   sizeof(trailers) - 1);
}

/* grpc.health.v1.Health/Check over HTTP/2; every call gets the same status. */
static void serve_grpc(int fd, int status)
{
	char preface[24];
	uint8_t header[9];
	char payload[16384];

	if (!read_all(fd, preface, sizeof(preface)) ||
	    !write_frame(fd, FRAME_SETTINGS, 0, 0, "", 0))
		return;
	while (read_all(fd, header, sizeof(header))) {
		size_t size = (size_t)header[0] << 16 | (size_t)header[1] << 8 | header[2];
		uint8_t type = header[3];
		uint8_t flags = header[4];
		uint32_t stream;

		memcpy(&stream, header + 5, sizeof(stream));
		stream = ntohl(stream);
		if (size > sizeof(payload) || !read_all(fd, payload, size))
			return;
		if (type == FRAME_SETTINGS && !(flags & FLAG_ACK))
			write_frame(fd, FRAME_SETTINGS, FLAG_ACK, 0, "", 0);
		else if (type == FRAME_PING && !(flags & FLAG_ACK))
			write_frame(fd, FRAME_PING, FLAG_ACK, 0, payload, (uint8_t)size);
		else if ((type == FRAME_DATA || type == FRAME_HEADERS) && (flags & FLAG_END_STREAM))
			answer_health(fd, stream, status);
	}
}

/* All that comes goes back, also after the other side has said its last byte. */
static void serve_echo(int fd, int status)
{
	char buffer[65536];
	ssize_t size;

	(void)status;
	while ((size = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t sent = 0; sent < size;) {
			ssize_t n = write(fd, buffer + sent, (size_t)(size - sent));

			if (n < 0)
				return;
			sent += n;
		}
}

static const struct {
	const char *name;
	void (*serve)(int fd, int status);
} protocols[] = {
	{"http", serve_http}, {"tcp", serve_tcp}, {"grpc", serve_grpc}, {"echo", serve_echo}};

int cmd_serve(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	void (*serve)(int fd, int status) = NULL;
	int status = argc > 3 ? atoi(argv[3]) : 1;
	int yes = 1;
	int listener;

	for (size_t i = 0; argc > 2 && i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(argv[1], protocols[i].name) == 0)
			serve = protocols[i].serve;
	if (serve == NULL)
		return 2;
	address.sin_port = htons((uint16_t)atoi(argv[2]));
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 64) < 0) {
		perror("serve");
		return 1;
	}
	/* No zombies; and as PID 1 it ends at once when it is told to. */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGTERM, _exit);
	printf("serving %s\n", argv[1]);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return 1;
		if (fd >= 0 && fork() == 0) {
			serve(fd, status);
			_exit(0);
		}
		if (fd >= 0)
			close(fd);
	}
}
