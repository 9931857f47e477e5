/* Tests of log_text.c: what becomes of lines, and where it stops. */
#include "harness.h"
#include "../log_text.h"

#include <stdlib.h>
#include <string.h>

#define TIME "2016-10-06T00:07:09.669794202Z"
#define OUT  TIME " stdout "
#define ERR  TIME " stderr "

/* A copy that ends where the text does: a sanitizer sees every byte behind it. */
static uint8_t *block;

static void take(const char *input, struct log_text *text)
{
	size_t size = strlen(input);

	free(block);
	block = malloc(size);
	if (!block)
		abort();
	memcpy(block, input, size);
	log_text(block, (uint32_t)size, text);
}

static bool is_text(const struct log_text *text, const char *want, size_t used)
{
	return text->size == strlen(want) && memcmp(block, want, text->size) == 0 &&
	       text->used == used;
}

static void takes_heads_off(void)
{
	static const char input[] = OUT "F one\n" ERR "F \n" OUT "P tw\n" OUT "F o\n";
	struct log_text text = {0};

	take(input, &text);
	CHECK(is_text(&text, "one\n\ntwo\n", sizeof(input) - 1));
	CHECK(text.is_continued[0] == 0 && text.is_continued[1] == 0);
	take(ERR "P x\n", &text);
	CHECK(text.is_continued[0] == 0 && text.is_continued[1] == 1);
}

static void keeps_times_of_lines_and_not_of_parts(void)
{
	struct log_text text = {.has_times = 1, .is_continued = {0, 1}};

	take(OUT "P a\n" ERR "F b\n" OUT "F c\n" ERR "F d\n", &text);
	CHECK(is_text(&text, TIME " ab\nc\n" TIME " d\n", 168));
}

static void leaves_out_what_is_older(void)
{
	struct log_text text = {0};

	memcpy(text.since, "2016-10-06T00:07:09.669794203Z", 30);
	take(OUT "F old\n2016-10-06T00:07:09.669794203Z stdout F new\n" OUT "P older\n", &text);
	CHECK(is_text(&text, "new\n", 44 + 44 + 46));
	CHECK(text.is_continued[0] == 0);
}

static void stops_at_what_no_shim_wrote(void)
{
	static const char *const others[] = {
		"",
		"\n",
		OUT "F torn",
		OUT "F",
		OUT "F\n",
		OUT "X x\n",
		OUT "F:x x\n",
		TIME " stdlog F x\n",
		"2016-10-06T00:07:09.66979420Z stdout F xx\n",
		"2016-10-06T00:07:09.669794202+00:00 stdout F x\n",
		"2016-10-06 00:07:09.669794202Z stdout F x\n",
		"2016-1\n-06T00:07:09.669794202Z stdout F x\n",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char input[256];
		struct log_text text = {0};

		CHECK(snprintf(input, sizeof(input), "%s%s%s", OUT "F ok\n", others[i],
			       OUT "F ok\n") > 0);
		/* A torn line ends the block. */
		if (!strchr(others[i], '\n'))
			input[43 + strlen(others[i])] = 0;
		take(input, &text);
		CHECK(is_text(&text, "ok\n", 43));
	}
}

static void stops_at_a_line_that_is_too_long(void)
{
	for (size_t more = 0; more < 2; more++) {
		size_t size = LOG_TEXT_MAX_LINE + more;
		char *line = calloc(1, size + 2);
		struct log_text text = {0};

		if (!line)
			abort();
		memset(line, 'x', size);
		memcpy(line, OUT "F ", sizeof(OUT "F ") - 1);
		line[size] = '\n';
		take(line, &text);
		CHECK(text.used == (more ? 0 : size + 1));
		CHECK(text.size == (more ? 0 : size + 1 - 40));
		free(line);
	}
}

int main(void)
{
	run("log_text() takes heads off", takes_heads_off);
	run("log_text() keeps times of lines and not of parts",
	    keeps_times_of_lines_and_not_of_parts);
	run("log_text() leaves out what is older", leaves_out_what_is_older);
	run("log_text() stops at what no shim wrote", stops_at_what_no_shim_wrote);
	run("log_text() stops at a line that is too long", stops_at_a_line_that_is_too_long);
	free(block);
	return finish();
}
