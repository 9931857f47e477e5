/* See log_text.h. */
#include "log_text.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static const uint8_t shape[] = "0000-00-00T00:00:00.000000000Z std";

#define TIME_SIZE ((size_t)30)
#define STREAM_AT (sizeof(shape) - 1) /* "out " or "err " */
#define TAG_AT    (STREAM_AT + 4)
#define HEAD_SIZE (TAG_AT + 2)

static_assert(sizeof(struct log_text) == 44, "as TypeScript writes it");
static_assert(TIME_SIZE <= sizeof(((struct log_text *)0)->since), "a time has room");

static bool is_head(const uint8_t *bytes)
{
	for (size_t i = 0; i < STREAM_AT; i++) {
		if (shape[i] == '0' ? bytes[i] < '0' || bytes[i] > '9' : bytes[i] != shape[i])
			return false;
	}
	if (memcmp(bytes + STREAM_AT, "out ", 4) != 0 && memcmp(bytes + STREAM_AT, "err ", 4) != 0)
		return false;
	return (bytes[TAG_AT] == 'F' || bytes[TAG_AT] == 'P') && bytes[TAG_AT + 1] == ' ';
}

void log_text(uint8_t *block, uint32_t size, struct log_text *text)
{
	/* A shim gives one time to all lines that it reads at once, so most heads are known. */
	uint8_t head[HEAD_SIZE] = {0};
	uint8_t *put = block;
	uint8_t *line = block;
	const uint8_t *end = block + size;

	while ((size_t)(end - line) > HEAD_SIZE) {
		const uint8_t *content = line + HEAD_SIZE;
		size_t window = (size_t)(end - line) < LOG_TEXT_MAX_LINE + 1
					? (size_t)(end - content)
					: LOG_TEXT_MAX_LINE + 1 - HEAD_SIZE;
		const uint8_t *newline = memchr(content, '\n', window);
		uint8_t *is_continued;
		size_t length;

		if (!newline)
			break;
		if (memcmp(line, head, HEAD_SIZE) != 0) {
			if (!is_head(line))
				break;
			memcpy(head, line, HEAD_SIZE);
		}
		line += newline + 1 - line;
		if (memcmp(head, text->since, TIME_SIZE) < 0)
			continue;
		is_continued = &text->is_continued[head[STREAM_AT] == 'e'];
		if (text->has_times && !*is_continued) {
			memcpy(put, head, TIME_SIZE);
			put[TIME_SIZE] = ' ';
			put += TIME_SIZE + 1;
		}
		*is_continued = head[TAG_AT] == 'P';
		/* The newline ends the file's line, and the process's unless that goes on. */
		length = (size_t)(newline - content) + (*is_continued ? 0 : 1);
		memmove(put, content, length);
		put += length;
	}
	text->used = (uint32_t)(line - block);
	text->size = (uint32_t)(put - block);
}
