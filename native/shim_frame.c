/* See shim_frame.h. */
#include "shim_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE sizeof(struct shim_frame_header)

bool frame_reader_is_complete(const struct frame_reader *reader)
{
	return reader->filled >= HEADER_SIZE && reader->filled - HEADER_SIZE == reader->header.size;
}

int frame_reader_space(struct frame_reader *reader, uint8_t **ret_bytes, size_t *ret_size)
{
	size_t in_payload;

	if (reader->filled < HEADER_SIZE) {
		*ret_bytes = (uint8_t *)&reader->header + reader->filled;
		*ret_size = HEADER_SIZE - reader->filled;
		return 0;
	}
	in_payload = reader->filled - HEADER_SIZE;
	*ret_size = reader->header.size - in_payload;
	*ret_bytes = NULL;
	if (*ret_size == 0)
		return 0;
	if (!reader->payload) {
		reader->payload = malloc(reader->header.size);
		if (!reader->payload)
			return -1;
	}
	*ret_bytes = reader->payload + in_payload;
	return 0;
}

int frame_reader_advance(struct frame_reader *reader, size_t size)
{
	bool had_header = reader->filled >= HEADER_SIZE;

	reader->filled += size;
	if (had_header || reader->filled < HEADER_SIZE)
		return 0;
	if (reader->header.size > SHIM_MAX_PAYLOAD || reader->header.reserved != 0 ||
	    reader->header.reserved2 != 0)
		return -1;
	return 0;
}

void frame_reader_reset(struct frame_reader *reader)
{
	free(reader->payload);
	*reader = (struct frame_reader){0};
}

bool is_id(const char *text, size_t length)
{
	if (length == 0 || length > SHIM_MAX_ID || text[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		bool is_word =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!is_word && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

/* A text ends in the one NUL that its size counts. */
static bool is_text(const uint8_t *bytes, size_t size)
{
	return size > 0 && memchr(bytes, 0, size) == bytes + size - 1;
}

const char *id_decode(const uint8_t *payload, size_t size, size_t offset)
{
	const char *id;

	/* A frame without payload has no buffer either. */
	if (size <= offset)
		return NULL;
	id = (const char *)payload + offset;
	if (!is_text(payload + offset, size - offset) || !is_id(id, size - offset - 1))
		return NULL;
	return id;
}

static int refuse(struct shim_reply *ret_reply, int phase, int32_t failed_op)
{
	*ret_reply = (struct shim_reply){.error = EBADMSG, .phase = phase, .failed_op = failed_op};
	return -1;
}

/* Splits the payload; every part starts at a multiple of 8. */
static int split(uint8_t *payload, size_t size, const struct shim_start *fixed,
		 uint8_t *ret_parts[PART_COUNT])
{
	size_t at = sizeof(*fixed);

	for (int i = 0; i < PART_COUNT; i++) {
		/* Both are at most SHIM_MAX_PAYLOAD here: the sum cannot wrap. */
		size_t padded = ((size_t)fixed->sizes[i] + 7) & ~(size_t)7;

		if (fixed->sizes[i] > size || padded > size - at)
			return -1;
		ret_parts[i] = payload + at;
		at += padded;
	}
	return at == size ? 0 : -1;
}

int start_request_decode(uint8_t *payload, size_t size, struct start_request *ret_request,
			 struct shim_reply *ret_reply)
{
	struct shim_start *fixed = &ret_request->fixed;
	uint8_t *parts[PART_COUNT];
	const char *texts[PART_PRELUDE];

	*ret_request = (struct start_request){0};
	*ret_reply = (struct shim_reply){0};
	if (size < sizeof(*fixed))
		return refuse(ret_reply, PHASE_STEP, STEP_REQUEST);
	memcpy(fixed, payload, sizeof(*fixed));
	if ((fixed->flags & ~(uint32_t)(SHIM_TTY | SHIM_WITH_STDIN | SHIM_STDIN_ONCE)) != 0 ||
	    fixed->reserved != 0 || split(payload, size, fixed, parts) < 0)
		return refuse(ret_reply, PHASE_STEP, STEP_REQUEST);

	for (int i = PART_ID; i < PART_PRELUDE; i++) {
		texts[i] = fixed->sizes[i] == 0 ? NULL : (const char *)parts[i];
		if (texts[i] && !is_text(parts[i], fixed->sizes[i]))
			return refuse(ret_reply, PHASE_STEP, STEP_REQUEST);
	}
	ret_request->id = texts[PART_ID];
	ret_request->cgroup = texts[PART_CGROUP];
	ret_request->target = texts[PART_TARGET];
	ret_request->log = texts[PART_LOG];
	if (!ret_request->id || !is_id(ret_request->id, strlen(ret_request->id)))
		return refuse(ret_reply, PHASE_STEP, STEP_REQUEST);

	for (int i = 0; i < 3; i++) {
		uint32_t program_size = fixed->sizes[PART_PRELUDE + i];
		int32_t bad_op;

		if (program_size == 0 && PART_PRELUDE + i != PART_PROGRAM)
			continue;
		if (program_verify(parts[PART_PRELUDE + i], program_size, &ret_request->programs[i],
				   &bad_op) < 0)
			return refuse(ret_reply, PHASE_PRELUDE + i, bad_op);
	}
	return 0;
}
