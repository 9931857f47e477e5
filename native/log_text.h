/*
 * Blocks of a log file as the text that the process wrote: the other end of shim_log.h. TypeScript
 * would spend more on each line than the whole way from the pipe to a reader does otherwise.
 *
 *   2016-10-06T00:17:09.669794202Z stdout F one⏎2016-… stdout P tw⏎2016-… stdout F o⏎ → one⏎two⏎
 *
 * The bytes are anybody's. What a shim would not have written ends the work: it is looked at by
 * src/shim/log-text.ts, which knows what else a line may be.
 */
#ifndef NSPOD_LOG_TEXT_H
#define NSPOD_LOG_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Longer lines are damage: twice what a shim writes. */
#define LOG_TEXT_MAX_LINE ((size_t)32 * 1024)

/* Offsets are known to src/sys/log-text.ts. */
struct log_text {
	uint32_t used;           /* out: bytes of the block that are done with */
	uint32_t size;           /* out: bytes of text, at the start of the block */
	uint8_t has_times;       /* in: the time stands before each line */
	uint8_t is_continued[2]; /* in and out: the next entry of stdout, stderr goes on with a line
				  */
	uint8_t unused;
	uint8_t since[32]; /* in: lines with smaller times are left out; zeros leave out none */
};

/* Writes the text of the whole lines at the start of the block over them. */
void log_text(uint8_t *block, uint32_t size, struct log_text *text);

#endif
