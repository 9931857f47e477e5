/* Tests of tidy.c: what leaves the process, and that it is there again when somebody looks. */
#define _GNU_SOURCE
#include "harness.h"
#include "../tidy.h"

#include <stdint.h>
#include <stdlib.h>

#define PAGES 256
#define PAGE  ((size_t)4096)

/* In a segment that cannot be written, as code is. */
static const uint8_t constants[PAGES * PAGE] = {[0] = 1, [PAGES * PAGE - 1] = 2};
static volatile uint8_t data[PAGES * PAGE] = {[0] = 3};

static unsigned long sum_of(const volatile uint8_t *bytes)
{
	unsigned long sum = 0;

	for (size_t at = 0; at < PAGES * PAGE; at += PAGE)
		sum += bytes[at];
	return sum + bytes[PAGES * PAGE - 1];
}

/* Resident pages of the process that belong to files, /proc/self/statm. */
static unsigned long file_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128] = "";
	char *at = line;

	CHECK(file != NULL && fgets(line, sizeof(line), file) != NULL && fclose(file) == 0);
	/* size, resident, of files */
	(void)strtoul(at, &at, 10);
	(void)strtoul(at, &at, 10);
	return strtoul(at, &at, 10);
}

static void forgets_what_cannot_be_written(void)
{
	unsigned long before;

	CHECK(sum_of(constants) == 3);
	before = file_pages();
	tidy(1);
	CHECK(file_pages() + PAGES / 2 < before);
	CHECK(sum_of(constants) == 3);
}

static void keeps_what_was_written(void)
{
	for (size_t at = 0; at < PAGES * PAGE; at += PAGE)
		data[at] = 7;
	tidy(1);
	CHECK(sum_of(data) == (unsigned long)PAGES * 7);
}

static void keeps_the_program_unless_asked(void)
{
	unsigned long before;

	CHECK(sum_of(constants) == 3);
	before = file_pages();
	tidy(0);
	CHECK(file_pages() >= before - PAGES / 2);
}

int main(void)
{
	run("tidy() forgets what cannot be written", forgets_what_cannot_be_written);
	run("tidy() keeps what was written", keeps_what_was_written);
	run("tidy() keeps the program unless asked", keeps_the_program_unless_asked);
	return finish();
}
