/*
 * The shim's own structures. One thread, one epoll loop: a handler never waits, and what it closes
 * is freed only after it has returned (shim_sweep), so no handler holds a pointer to freed memory.
 *
 *   shim.c            start, the loop, signals          shim_connection.c  sockets and queues
 *   shim_session.c    what each frame does              shim_process.c     starting a process
 *   shim_stdio.c      its output and input              shim_tty.c         its terminal
 *   shim_exit.c       its end, and the record of it     shim_log.c         its log file
 */
#ifndef NSPOD_SHIM_H
#define NSPOD_SHIM_H

#include "shim_frame.h"
#include "shim_log.h"

#include <stdbool.h>
#include <sys/epoll.h>

/* File descriptors that the program which exec'ed the shim has prepared. */
enum shim_fd {
	SHIM_FD_LISTEN = 3, /* the listening socket */
	SHIM_FD_REAPER = 4, /* the reaper's binary, for programs: execveat(4, "") */
	SHIM_FD_FOLDER = 5, /* the pod's folder: exits/ is below it */
};

/* Registers of the programs of a START, preset by the shim or left by the prelude. */
enum shim_register {
	REGISTER_STDIN = 0,
	REGISTER_STDOUT = 1,
	REGISTER_STDERR = 2,
	REGISTER_TARGET = 3, /* pidfd of the target */
	REGISTER_DEVPTS =
		4, /* its devpts; or the one that the prelude made, which the shim keeps */
	REGISTER_MASTER = 5, /* the pty's master, which the shim takes over */
	REGISTER_PRESET = 8, /* 6 and 7 are the programs' own */
};

/* Something that epoll watches; embedded in what owns the fd. */
struct source {
	int fd;          /* -1 = closed */
	uint32_t events; /* 0 = not watched */
	void (*ready)(struct source *source, uint32_t events);
};

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* One direction of output: the read end of a pipe, or a pty's master. */
struct stream {
	struct source source;
	struct process *process;
	struct log_tail tail;
	uint16_t frame_type; /* SHIM_STDOUT or SHIM_STDERR */
	bool is_busy;        /* its pipe was full once */
};

struct process {
	struct process *next;
	struct stream streams[2]; /* stdout (with a tty: everything), stderr */
	struct source input;      /* the write end of stdin; with a tty a duplicate of the master */
	struct log log;
	struct connection *session; /* EXEC: its connection, NULL when that is gone */
	struct shim_process_entry entry;
	uint64_t oom_kills; /* when it started */
	int pidfd;          /* all fds: -1 = none */
	int devpts;
	int slave; /* see shim_tty.c */
	int memory_events;
	bool is_session;
	bool is_tty;
	bool is_stdin_once;
	bool has_exited;
	bool is_forgotten; /* to be freed by the sweep */
};

enum connection_role { ROLE_NEW, ROLE_CONTROL, ROLE_EXEC, ROLE_ATTACH };

struct connection {
	struct connection *next;
	struct source source;
	struct frame_reader reader;
	uint8_t *queue; /* bytes that the socket did not take yet */
	size_t queue_start;
	size_t queue_end;
	size_t queue_capacity;
	struct process *process; /* of a session */
	size_t input_done;       /* bytes of the STDIN frame in `reader` that are written */
	enum connection_role role;
	bool has_stdin;
	bool is_input_blocked; /* the frame in `reader` waits for room in the process's stdin */
	bool is_closing;       /* has got its exit: nothing is read from it any more */
	bool is_dropped;       /* to be freed by the sweep */
};

/* shim.c */
extern struct process *processes;
extern struct connection *connections;
extern int null_fd; /* /dev/null, for reading and writing */
void source_watch(struct source *source, uint32_t events);
void source_close(struct source *source);
void close_fd(int *fd);
void complain(const char *what, int error); /* one line on stderr, the shim's own log */
_Noreturn void shim_end(int status);

/* shim_connection.c */
void connection_accept(struct source *source, uint32_t events);
void connection_send(struct connection *connection, enum shim_frame_type type, uint32_t request,
		     const void *head, size_t head_size, const void *body, size_t body_size);
bool connection_is_drained(const struct connection *connection);
void connection_update(struct connection *connection); /* what epoll watches it for */
void connection_drop(struct connection *connection);
void connection_free(struct connection *connection);

/* shim_session.c */
void session_handle(struct connection *connection); /* the complete frame in its reader */
void session_end(struct connection *connection);    /* it is being dropped */
void session_report_exit(struct process *process);  /* to all who must know */

/* shim_process.c */
struct process *process_find(const char *id);
struct process *process_start(struct start_request *request, struct connection *session,
			      struct shim_reply *ret_reply);
int process_signal(const struct process *process, int number); /* 0 or -errno */
void process_forget(struct process *process);
void process_release(struct process *process); /* all but its memory */
int64_t now_ms(void);

/* shim_stdio.c */
int stdio_make(struct process *process, bool with_stdin, bool with_output, int64_t *registers);
void stdio_begin(struct process *process);
void stdio_resume(struct process *process); /* the session's client takes more */
void stdio_drain(struct process *process);  /* it has exited: read what it left */
void stdio_end(struct process *process);
int stdio_write(struct process *process, struct connection *connection);
void stdio_close_input(struct process *process);

/* shim_tty.c */
int tty_take(struct process *process, bool with_stdin, int64_t *registers);
void tty_resize(const struct process *process, uint16_t columns, uint16_t rows);
void tty_hang_up(struct process *process);

/* shim_exit.c */
uint64_t exit_count_oom_kills(int memory_events);
void exit_collect(void); /* waits for all children that have ended */

#endif
