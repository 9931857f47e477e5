/*
 * What the daemon and a shim say to each other; src/shim/protocol.ts is the other side and draws
 * the bytes. Little endian, every frame is a header and `size` bytes of payload:
 *
 *   | u32 size | u16 type | u16 0 | u32 request | u32 0 | payload ... |
 *
 * The first frame of a connection is HELLO. EXEC or ATTACH turns the connection into a session,
 * which carries the streams of one process; every other connection is a control connection and
 * gets an EXITED for each process that ends.
 */
#ifndef NSPOD_SHIM_PROTOCOL_H
#define NSPOD_SHIM_PROTOCOL_H

#include "program.h"

#define SHIM_MAGIC       0x4d48534eu /* "NSHM" */
#define SHIM_VERSION     1u
#define SHIM_MAX_PAYLOAD (4u << 20)
#define SHIM_MAX_ID      127u

enum shim_frame_type {
	/* from the client */
	SHIM_HELLO = 1, /* struct shim_hello; answered by the same */
	SHIM_START = 2, /* struct shim_start and its parts; answered by REPLY */
	SHIM_RUN =
		3, /* a program for the shim itself; REPLY + struct program_result + the buffer */
	SHIM_SIGNAL = 4,       /* struct shim_signal, id */
	SHIM_LIST = 5,         /* nothing; REPLY + struct shim_process_entry each */
	SHIM_FORGET = 6,       /* id */
	SHIM_SHUTDOWN = 7,     /* nothing; the shim ends after the REPLY */
	SHIM_EXEC = 8,         /* as START; the connection becomes the process's session */
	SHIM_ATTACH = 9,       /* struct shim_attach, id; the connection becomes a session */
	SHIM_STDIN = 10,       /* bytes */
	SHIM_STDIN_CLOSE = 11, /* nothing */
	SHIM_RESIZE = 12,      /* struct shim_resize */
	/* from the shim */
	SHIM_REPLY = 64,  /* struct shim_reply, more by request */
	SHIM_EXITED = 65, /* struct shim_process_entry, on control connections */
	SHIM_STDOUT = 66, /* bytes */
	SHIM_STDERR = 67, /* bytes */
	SHIM_EXIT = 68,   /* struct shim_exit, the last frame of a session */
};

struct shim_frame_header {
	uint32_t size; /* of the payload, at most SHIM_MAX_PAYLOAD */
	uint16_t type;
	uint16_t reserved;
	uint32_t request; /* chosen by the client, repeated in the REPLY; 0 otherwise */
	uint32_t reserved2;
};

struct shim_hello {
	uint32_t magic;
	uint32_t version;
	int32_t pid;   /* of the shim; 0 from the client */
	int32_t error; /* EPROTONOSUPPORT: the versions differ, the shim closes */
};

enum shim_start_flags { SHIM_TTY = 1, SHIM_WITH_STDIN = 2, SHIM_STDIN_ONCE = 4 };

/* Parts follow in this order, each padded with zeros to 8 bytes. */
enum shim_start_part {
	PART_ID,      /* texts end in one NUL, which the size counts */
	PART_CGROUP,  /* directory, or of size 0 */
	PART_TARGET,  /* id, or of size 0 */
	PART_LOG,     /* path, or of size 0 */
	PART_PRELUDE, /* programs; all but PROGRAM may be of size 0 */
	PART_PROGRAM,
	PART_POSTLUDE,
	PART_COUNT,
};

struct shim_start {
	uint64_t clone_flags;
	uint64_t log_max_bytes;
	uint32_t log_max_files; /* the current one included */
	uint32_t flags;         /* enum shim_start_flags */
	uint32_t sizes[PART_COUNT];
	uint32_t reserved;
};

struct shim_signal {
	uint32_t number;
	uint32_t reserved;
};

struct shim_attach {
	uint32_t flags; /* SHIM_WITH_STDIN */
	uint32_t reserved;
};

struct shim_resize {
	uint16_t columns;
	uint16_t rows;
	uint32_t reserved;
};

/* Where a START, EXEC or RUN failed: in one of its programs, or in a step of the shim. */
enum shim_phase { PHASE_NONE, PHASE_PRELUDE, PHASE_PROGRAM, PHASE_POSTLUDE, PHASE_STEP };

enum shim_step {
	STEP_REQUEST, /* the request is malformed, or not for this kind of connection */
	STEP_ID,      /* EEXIST: a process with this id is known; ENOENT: none is */
	STEP_TARGET,  /* ESRCH: the target is not running */
	STEP_LOG,     /* opening the log file */
	STEP_CGROUP,  /* opening the cgroup directory */
	STEP_STDIO,   /* making pipes, or the prelude left no terminal */
	STEP_EXEC,    /* the program came to its end without an execve */
	STEP_BUSY,    /* EBUSY: the process (FORGET) or any process (SHUTDOWN) is still running */
};

struct shim_reply {
	int32_t error;     /* errno, 0 = done */
	int32_t phase;     /* enum shim_phase */
	int32_t failed_op; /* index in that program (-1: clone3), or enum shim_step */
	int32_t pid;       /* START, EXEC: of the new process in the host's PID namespace */
};

enum shim_entry_flags { ENTRY_EXITED = 1, ENTRY_OOM_KILLED = 2 };

struct shim_process_entry {
	char id[SHIM_MAX_ID + 1];
	int64_t started_ms;   /* since the epoch */
	int64_t finished_ms;  /* 0 while it runs */
	uint64_t log_dropped; /* bytes of output that could not be written to the log */
	int32_t pid;
	int32_t exit_code; /* 128 + signal when killed */
	int32_t signal;    /* 0 when it exited */
	uint32_t flags;    /* enum shim_entry_flags */
};

struct shim_exit {
	int32_t exit_code;
	int32_t signal;
};

/* The content of exits/<id>: what EXITED says, kept for a daemon that was not there to hear it. */
#define SHIM_EXIT_RECORD_MAGIC 0x5458454eu /* "NEXT" */

struct shim_exit_record {
	uint32_t magic;
	uint32_t version;
	struct shim_process_entry entry;
};

static_assert(sizeof(struct shim_frame_header) == 16, "crosses the socket");
static_assert(sizeof(struct shim_hello) == 16, "crosses the socket");
static_assert(sizeof(struct shim_start) == 56, "crosses the socket");
static_assert(offsetof(struct shim_start, sizes) == 24, "crosses the socket");
static_assert(sizeof(struct shim_signal) == 8, "crosses the socket");
static_assert(sizeof(struct shim_attach) == 8, "crosses the socket");
static_assert(sizeof(struct shim_resize) == 8, "crosses the socket");
static_assert(sizeof(struct shim_reply) == 16, "crosses the socket");
static_assert(sizeof(struct shim_process_entry) == 168, "crosses the socket");
static_assert(offsetof(struct shim_process_entry, pid) == 152, "crosses the socket");
static_assert(sizeof(struct shim_exit) == 8, "crosses the socket");
static_assert(sizeof(struct shim_exit_record) == 176, "is written to disk");

#endif
