/* Decodes what a client sends. Pure: no I/O, nothing is trusted; fuzzed by test/fuzz_frame.c. */
#ifndef NSPOD_SHIM_FRAME_H
#define NSPOD_SHIM_FRAME_H

#include "shim_protocol.h"

#include <stdbool.h>

/* A frame that arrives in pieces. Zero-initialised = waiting for a header. */
struct frame_reader {
	struct shim_frame_header header;
	size_t filled;    /* bytes of header and payload that are here */
	uint8_t *payload; /* 8-byte aligned, header.size bytes; NULL until the header is complete */
};

/*
 * Where the next bytes of the frame belong and how many it still lacks; 0 bytes when it is
 * complete. Returns -1 when there is no memory for the payload.
 */
int frame_reader_space(struct frame_reader *reader, uint8_t **ret_bytes, size_t *ret_size);

/* Tells that `size` bytes were put there. Returns -1 when they end a header that is not valid. */
int frame_reader_advance(struct frame_reader *reader, size_t size);

bool frame_reader_is_complete(const struct frame_reader *reader);

/* Frees the payload and waits for the next header. */
void frame_reader_reset(struct frame_reader *reader);

/* A START or EXEC; all pointers lead into the payload. */
struct start_request {
	struct shim_start fixed;
	const char *id;
	const char *cgroup; /* NULL when absent, as the next two */
	const char *target;
	const char *log;
	struct program programs[3]; /* prelude, program, postlude; op_count 0 when absent */
};

/*
 * Checks a START or EXEC, with its programs. Returns 0; or -1 with the phase and the index of the
 * operation that is at fault, as struct shim_reply has them.
 */
int start_request_decode(uint8_t *payload, size_t size, struct start_request *ret_request,
			 struct shim_reply *ret_reply);

/* The id that fills the payload from `offset` to its end, or NULL. */
const char *id_decode(const uint8_t *payload, size_t size, size_t offset);

/* An id becomes a file name: 1 to SHIM_MAX_ID of A-Z a-z 0-9 . _ -, and no dot in front. */
bool is_id(const char *text, size_t length);

#endif
