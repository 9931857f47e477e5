/*
 * Fuzzes what a shim does with the bytes of a client before anything of them is executed: frames,
 * START with its parts and programs, ids.
 */
#include "../shim_frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A text ends inside the payload; strlen is watched by the sanitizer. */
static bool is_inside(const struct frame_reader *reader, const char *text)
{
	return !text ||
	       (size_t)(text - (const char *)reader->payload) + strlen(text) < reader->header.size;
}

static void decode(const struct frame_reader *reader)
{
	const uint32_t size = reader->header.size;
	struct start_request request;
	struct shim_reply reply;

	switch (reader->header.type) {
	case SHIM_START:
	case SHIM_EXEC:
		if (start_request_decode(reader->payload, size, &request, &reply) < 0) {
			if (reply.error == 0)
				abort();
			break;
		}
		if (strlen(request.id) > SHIM_MAX_ID || request.programs[1].pool == NULL)
			abort();
		if (!is_inside(reader, request.cgroup) || !is_inside(reader, request.target) ||
		    !is_inside(reader, request.log))
			abort();
		break;
	case SHIM_SIGNAL:
	case SHIM_ATTACH:
		(void)id_decode(reader->payload, size, 8);
		break;
	case SHIM_FORGET:
		(void)id_decode(reader->payload, size, 0);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_reader reader = {0};

	while (size > 0) {
		uint8_t *to;
		size_t room;

		if (frame_reader_space(&reader, &to, &room) < 0)
			break;
		room = room < size ? room : size;
		if (room > 0)
			memcpy(to, data, room);
		data += room;
		size -= room;
		if (frame_reader_advance(&reader, room) < 0)
			break;
		if (frame_reader_is_complete(&reader)) {
			decode(&reader);
			frame_reader_reset(&reader);
		}
	}
	frame_reader_reset(&reader);
	return 0;
}
