/* Unpacks gzip with ISA-L, which takes half of zlib's time. */
#ifndef NSPOD_INFLATE_H
#define NSPOD_INFLATE_H

#include <stdint.h>

/* What one call has done. */
struct inflate_progress {
	uint32_t taken;
	uint32_t written;
	/* The stream may end here. */
	uint32_t is_whole;
};

/* Bytes of a state. All zero, it is that of a stream that begins. */
uint32_t nspod_inflate_size(void);

/*
 * Goes on with a stream: takes input until there is no more of it or no room. Members in a row are
 * one stream (RFC 1952 2.2); what follows a zero byte behind a member is padding, as gzip(1) takes
 * it.
 *
 * Returns 0, or a negative number when the stream is damaged: ISAL_INVALID_BLOCK and its neighbours
 * of igzip_lib.h. The state is of no use then.
 */
int nspod_inflate(void *state, const uint8_t *input, uint32_t input_size, uint8_t *output,
		  uint32_t output_size, struct inflate_progress *ret_progress);

#endif
