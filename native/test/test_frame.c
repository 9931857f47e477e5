/* Tests of shim_frame.c: frames in any pieces, and requests that are damaged anywhere. */
#include "harness.h"
#include "program_builder.h"
#include "../shim_frame.h"

#include <stdlib.h>

/* Feeds bytes in pieces; returns how many frames came out, or -1 at a refusal. */
static int feed(const uint8_t *bytes, size_t size, size_t piece, uint32_t *ret_last_request)
{
	struct frame_reader reader = {0};
	size_t left = piece;
	int frames = 0;

	while (size > 0) {
		uint8_t *to;
		size_t room;

		CHECK(frame_reader_space(&reader, &to, &room) == 0);
		room = room < left ? room : left;
		room = room < size ? room : size;
		memcpy(to, bytes, room);
		bytes += room;
		size -= room;
		left = left == room ? piece : left - room;
		if (frame_reader_advance(&reader, room) < 0) {
			frame_reader_reset(&reader);
			return -1;
		}
		if (frame_reader_is_complete(&reader)) {
			frames++;
			*ret_last_request = reader.header.request;
			frame_reader_reset(&reader);
		}
	}
	frame_reader_reset(&reader);
	return frames;
}

static void reads_frames_in_any_pieces(void)
{
	uint8_t bytes[3 * sizeof(struct shim_frame_header) + 5 + 100] = {0};
	static const uint32_t sizes[] = {5, 0, 100};
	uint32_t request = 0;
	size_t at = 0;

	for (uint32_t i = 0; i < 3; i++) {
		struct shim_frame_header header = {
			.size = sizes[i], .type = SHIM_STDIN, .request = i + 1};

		memcpy(bytes + at, &header, sizeof(header));
		at += sizeof(header) + sizes[i];
	}
	for (size_t piece = 1; piece <= sizeof(bytes); piece++) {
		CHECK(feed(bytes, sizeof(bytes), piece, &request) == 3);
		CHECK(request == 3);
	}
}

static void refuses_headers(void)
{
	struct shim_frame_header large = {.size = SHIM_MAX_PAYLOAD + 1, .type = SHIM_STDIN};
	struct shim_frame_header reserved = {.type = SHIM_LIST, .reserved = 1};
	struct shim_frame_header reserved2 = {.type = SHIM_LIST, .reserved2 = 1};
	uint32_t request;

	CHECK(feed((uint8_t *)&large, sizeof(large), 16, &request) == -1);
	CHECK(feed((uint8_t *)&reserved, sizeof(reserved), 3, &request) == -1);
	CHECK(feed((uint8_t *)&reserved2, sizeof(reserved2), 16, &request) == -1);
}

static void knows_ids(void)
{
	char long_id[SHIM_MAX_ID + 2];

	memset(long_id, 'a', sizeof(long_id));
	CHECK(is_id("reaper", 6) && is_id("A-b_c.9", 7) && is_id(long_id, SHIM_MAX_ID));
	CHECK(!is_id(long_id, SHIM_MAX_ID + 1) && !is_id("", 0));
	CHECK(!is_id("..", 2) && !is_id(".new", 4) && !is_id("a/b", 3) && !is_id("a b", 3));
	CHECK(id_decode((const uint8_t *)"12345678web", 12, 8) != NULL);
	CHECK(id_decode((const uint8_t *)"12345678web", 11, 8) == NULL);
	CHECK(id_decode((const uint8_t *)"12345678", 8, 8) == NULL);
	CHECK(id_decode((const uint8_t *)"a\0b", 4, 0) == NULL);
	CHECK(id_decode(NULL, 0, 8) == NULL);
}

/* A START with an id, a log and a program of one operation. */
static size_t make_start(uint8_t *ret_payload)
{
	struct builder b = {0};
	struct shim_start fixed = {.flags = SHIM_TTY, .sizes = {[PART_ID] = 4, [PART_LOG] = 9}};
	size_t at = sizeof(fixed);

	add(&b, 39, 0);
	CHECK(verify(&b) == 0);
	fixed.sizes[PART_PROGRAM] = (uint32_t)b.size;
	memcpy(ret_payload, &fixed, sizeof(fixed));
	memcpy(ret_payload + at, "web\0\0\0\0", 8);
	memcpy(ret_payload + at + 8, "/tmp/log\0\0\0\0\0\0\0", 16);
	memcpy(ret_payload + at + 24, b.buffer, b.size);
	return at + 24 + b.size;
}

static void decodes_a_start(void)
{
	_Alignas(8) uint8_t payload[1024];
	size_t size = make_start(payload);
	struct start_request request;
	struct shim_reply reply;

	CHECK(start_request_decode(payload, size, &request, &reply) == 0);
	CHECK(strcmp(request.id, "web") == 0 && strcmp(request.log, "/tmp/log") == 0);
	CHECK(!request.cgroup && !request.target);
	CHECK(request.programs[1].op_count == 1 && request.programs[0].op_count == 0);
}

static void refuses_every_truncated_start(void)
{
	_Alignas(8) uint8_t payload[1024];
	size_t size = make_start(payload);

	for (size_t cut = 0; cut < size; cut++) {
		/* Exactly as large as it says, so that the sanitizer sees every byte beyond. */
		uint8_t *copy = malloc(cut ? cut : 1);
		struct start_request request;
		struct shim_reply reply;

		if (!copy)
			abort();
		memcpy(copy, payload, cut);
		CHECK(start_request_decode(copy, cut, &request, &reply) < 0);
		CHECK(reply.error != 0);
		free(copy);
	}
}

static void names_what_is_wrong_with_a_start(void)
{
	_Alignas(8) uint8_t payload[1024];
	size_t size = make_start(payload);
	struct start_request request;
	struct shim_reply reply;
	struct shim_start fixed;

	/* The operation's reserved field. */
	payload[sizeof(fixed) + 24 + sizeof(struct program_header) + 14] = 1;
	CHECK(start_request_decode(payload, size, &request, &reply) < 0);
	CHECK(reply.phase == PHASE_PROGRAM && reply.failed_op == 0);

	make_start(payload);
	payload[sizeof(fixed)] = '/';
	CHECK(start_request_decode(payload, size, &request, &reply) < 0);
	CHECK(reply.phase == PHASE_STEP && reply.failed_op == STEP_REQUEST);

	make_start(payload);
	memcpy(&fixed, payload, sizeof(fixed));
	fixed.sizes[PART_PRELUDE] = UINT32_MAX;
	memcpy(payload, &fixed, sizeof(fixed));
	CHECK(start_request_decode(payload, size, &request, &reply) < 0);
}

int main(void)
{
	run("reads frames in any pieces", reads_frames_in_any_pieces);
	run("refuses headers", refuses_headers);
	run("knows ids", knows_ids);
	run("decodes a start", decodes_a_start);
	run("refuses every truncated start", refuses_every_truncated_start);
	run("names what is wrong with a start", names_what_is_wrong_with_a_start);
	return finish();
}
