/*
 * libnspod-inflate.so: gzip by ISA-L for FFI, built where its header is. A library of its own,
 * because a machine may lack libisal.so.2: this one does not load then, and Node's zlib does the
 * work.
 *
 * Members' headers are read here, because ISA-L 2.30 loses its place in one that comes in two
 * parts. It runs in threads of Node's on hostile input, in a confined process: nothing here is
 * static, and nothing is allocated. Source: RFC 1952; isa-l/igzip_lib.h.
 */
#include "inflate.h"

#include <isa-l/igzip_lib.h>
#include <stdbool.h>

#define EXPORT __attribute__((visibility("default")))

/* RFC 1952 2.3. */
#define FIXED_SIZE 10
#define FHCRC      0x02
#define FEXTRA     0x04
#define FNAME      0x08
#define FCOMMENT   0x10
#define RESERVED   0xe0

/* In the order of a stream. */
enum place {
	IN_FIXED = 0,
	IN_EXTRA_SIZE,
	IN_EXTRA,
	IN_NAME,
	IN_COMMENT,
	IN_CHECK,
	IN_CONTENT,
	BEHIND_MEMBER,
	IN_PADDING,
};

struct stream {
	enum place place;
	/* Bytes of the current part of the header that were taken. */
	uint32_t at;
	uint32_t extra_size;
	uint8_t flags;
	/* The state of ISA-L was made. */
	bool is_ready;
	struct inflate_state isal;
};

EXPORT uint32_t nspod_inflate_size(void)
{
	return sizeof(struct stream);
}

static void go_to(struct stream *stream, enum place place)
{
	stream->place = place;
	stream->at = 0;
}

static int take_fixed(struct stream *stream, uint8_t byte)
{
	static const uint8_t magic[] = {0x1f, 0x8b};

	if (stream->at < sizeof(magic) && byte != magic[stream->at])
		return ISAL_INVALID_WRAPPER;
	if (stream->at == 2 && byte != 8)
		return ISAL_UNSUPPORTED_METHOD;
	if (stream->at == 3)
		stream->flags = byte;
	if (stream->at == 3 && (byte & RESERVED) != 0)
		return ISAL_INVALID_WRAPPER;
	if (++stream->at == FIXED_SIZE)
		go_to(stream, IN_EXTRA_SIZE);
	stream->extra_size = 0;
	return 0;
}

/* Passes over the parts that the header does not have. */
static void skip_absent(struct stream *stream)
{
	if (stream->place == IN_EXTRA_SIZE && (stream->flags & FEXTRA) == 0)
		go_to(stream, IN_NAME);
	if (stream->place == IN_EXTRA && stream->at == stream->extra_size)
		go_to(stream, IN_NAME);
	if (stream->place == IN_NAME && (stream->flags & FNAME) == 0)
		go_to(stream, IN_COMMENT);
	if (stream->place == IN_COMMENT && (stream->flags & FCOMMENT) == 0)
		go_to(stream, IN_CHECK);
	if (stream->place == IN_CHECK && (stream->flags & FHCRC) == 0)
		go_to(stream, IN_CONTENT);
}

static int take_header(struct stream *stream, uint8_t byte)
{
	int result = 0;

	if (stream->place == IN_FIXED) {
		result = take_fixed(stream, byte);
	} else if (stream->place == IN_EXTRA_SIZE) {
		stream->extra_size |= (uint32_t)byte << (8 * stream->at);
		if (++stream->at == 2)
			go_to(stream, IN_EXTRA);
	} else if (stream->place == IN_EXTRA) {
		stream->at++;
	} else if (stream->place == IN_CHECK) {
		if (++stream->at == 2)
			go_to(stream, IN_CONTENT);
	} else if (byte == 0) {
		go_to(stream, stream->place == IN_NAME ? IN_COMMENT : IN_CHECK);
	}
	skip_absent(stream);
	return result;
}

static void begin_content(struct stream *stream)
{
	if (stream->is_ready)
		isal_inflate_reset(&stream->isal);
	else
		isal_inflate_init(&stream->isal);
	stream->is_ready = true;
	stream->isal.crc_flag = ISAL_GZIP_NO_HDR_VER;
}

/* Takes bytes up to the content of a member, as far as there are any. Returns how many, or < 0. */
static int take_headers(struct stream *stream, const uint8_t *input, uint32_t size)
{
	uint32_t taken = 0;

	while (stream->place != IN_CONTENT && taken < size) {
		int result;

		if (stream->place == BEHIND_MEMBER)
			go_to(stream, input[taken] == 0 ? IN_PADDING : IN_FIXED);
		if (stream->place == IN_PADDING)
			return (int)size;
		result = take_header(stream, input[taken++]);
		if (result < 0)
			return result;
		if (stream->place == IN_CONTENT)
			begin_content(stream);
	}
	return (int)taken;
}

EXPORT int nspod_inflate(void *state, const uint8_t *input, uint32_t input_size, uint8_t *output,
			 uint32_t output_size, struct inflate_progress *ret_progress)
{
	struct stream *stream = state;
	struct inflate_state *isal = &stream->isal;
	uint32_t taken = 0;
	uint32_t written = 0;
	int result;

	for (;;) {
		result = take_headers(stream, input + taken, input_size - taken);
		if (result < 0)
			break;
		taken += (uint32_t)result;
		result = 0;
		if (stream->place != IN_CONTENT)
			break;
		/* Not written to: the library's type lacks a const. */
		isal->next_in = (uint8_t *)(input + taken);
		isal->avail_in = input_size - taken;
		isal->next_out = output + written;
		isal->avail_out = output_size - written;
		result = isal_inflate(isal);
		taken = input_size - isal->avail_in;
		written = output_size - isal->avail_out;
		/* A dictionary is nothing that gzip has. */
		if (result == ISAL_NEED_DICT)
			result = ISAL_INVALID_WRAPPER;
		if (result < 0)
			break;
		result = 0;
		if (isal->block_state != ISAL_BLOCK_FINISH)
			break;
		stream->place = BEHIND_MEMBER;
	}
	ret_progress->taken = taken;
	ret_progress->written = written;
	ret_progress->is_whole = stream->place == BEHIND_MEMBER || stream->place == IN_PADDING;
	return result;
}
