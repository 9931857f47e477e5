/*
 * Fuzzes the reader of logs: any bytes, with any state. No byte outside the block is touched, the
 * text is never longer than what it comes from, and a line is either done with or not.
 */
#include "../log_text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_text text;
	size_t length;
	uint8_t *copy;

	if (size < sizeof(text))
		return 0;
	memcpy(&text, data, sizeof(text));
	length = size - sizeof(text);
	/* malloc ends exactly where the input does. */
	copy = malloc(length ? length : 1);
	if (!copy)
		return 0;
	memcpy(copy, data + sizeof(text), length);
	log_text(copy, (uint32_t)length, &text);
	if (text.used > length || text.size > text.used)
		abort();
	if (text.used > 0 && data[sizeof(text) + text.used - 1] != '\n')
		abort();
	free(copy);
	return 0;
}
