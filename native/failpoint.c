/* See failpoint.h. What does not read as a point ends the list: our own daemon wrote it. */
#define _GNU_SOURCE
#include "failpoint.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct point {
	const char *name; /* in the environment, not ended by a zero */
	size_t name_size;
	char kind;
	unsigned long value;
	unsigned long first;
	unsigned long last;
	unsigned long passed;
};

static struct point points[16];
static size_t point_count;

/* A number and what must stand before it. Returns what comes after, NULL when it is not so. */
static const char *take_number(const char *at, char before, unsigned long *ret_number)
{
	char *end;

	if (!at || *at != before)
		return NULL;
	*ret_number = strtoul(at + 1, &end, 10);
	return end == at + 1 ? NULL : end;
}

void failpoint_arm(const char *text)
{
	point_count = 0;
	while (text && *text && point_count < sizeof(points) / sizeof(points[0])) {
		struct point *point = &points[point_count];
		const char *equals = strchr(text, '=');

		if (!equals || !equals[1])
			return;
		*point = (struct point){
			.name = text,
			.name_size = (size_t)(equals - text),
			.kind = equals[1],
		};
		text = take_number(equals + 2, ',', &point->value);
		text = take_number(text, ',', &point->first);
		text = take_number(text, ',', &point->last);
		if (!text)
			return;
		point_count++;
		text += *text == ';' ? 1 : 0;
	}
}

static int act(const struct point *point)
{
	const struct timespec delay = {
		.tv_sec = (time_t)(point->value / 1000),
		.tv_nsec = (long)(point->value % 1000) * 1000000,
	};

	switch (point->kind) {
	case 'e':
		errno = (int)point->value;
		return -1;
	case 'k':
		(void)kill(getpid(), SIGKILL);
		return 0;
	case 'd':
		(void)nanosleep(&delay, NULL);
		return 0;
	default:
		return 0;
	}
}

int failpoint(const char *name)
{
	const struct point *now = NULL;

	for (size_t i = 0; i < point_count; i++) {
		struct point *point = &points[i];

		if (strncmp(name, point->name, point->name_size) != 0 || name[point->name_size])
			continue;
		point->passed++;
		if (!now && point->passed >= point->first &&
		    (point->last == 0 || point->passed <= point->last))
			now = point;
	}
	return now ? act(now) : 0;
}
