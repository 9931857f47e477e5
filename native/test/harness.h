/* A tiny test harness: CHECK() in functions that run() calls; the last line says what happened. */
#ifndef NSPOD_TEST_HARNESS_H
#define NSPOD_TEST_HARNESS_H

#include <stdbool.h>
#include <stdio.h>

static int passed;
static int failed;
static bool has_failed;

#define CHECK(condition)                                                               \
	do {                                                                           \
		if (!(condition)) {                                                    \
			printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
			has_failed = true;                                             \
		}                                                                      \
	} while (0)

static inline void run(const char *name, void (*test)(void))
{
	has_failed = false;
	test();
	if (has_failed) {
		printf("FAIL %s\n", name);
		failed++;
	} else {
		passed++;
	}
}

static inline int finish(void)
{
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0;
}

#endif
