/* Tests of failpoint.c: when a point acts, and that what is no point arms nothing. */
#define _GNU_SOURCE
#include "harness.h"
#include "../failpoint.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One digit per call: what failpoint() answered, as errno or 0. */
static bool answers(const char *name, const int *wanted, int count)
{
	for (int i = 0; i < count; i++) {
		int error = failpoint(name) < 0 ? errno : 0;

		if (error != wanted[i])
			return false;
	}
	return true;
}

static void does_nothing_unarmed(void)
{
	const int none[] = {0, 0};

	failpoint_arm(NULL);
	CHECK(answers("shim.start", none, 2));
	failpoint_arm("");
	CHECK(answers("shim.start", none, 2));
}

static void acts_in_its_time(void)
{
	const int first[] = {ENOSPC, ENOSPC, 0, 0};
	const int second[] = {0, EIO, 0};
	const int later[] = {0, EMFILE, EMFILE, EMFILE};
	const int none[] = {0, 0};

	failpoint_arm("shim.a=e,28,1,2;shim.b=e,5,2,2;shim.c=e,24,2,0");
	CHECK(answers("shim.a", first, 4));
	CHECK(answers("shim.b", second, 3));
	CHECK(answers("shim.c", later, 4));
	CHECK(answers("shim.ab", none, 2));
	CHECK(answers("shim", none, 2));
}

static void takes_the_first_of_a_name(void)
{
	const int wanted[] = {ENOSPC, EIO, 0};

	failpoint_arm("shim.a=e,28,1,1;shim.a=e,5,1,2");
	CHECK(answers("shim.a", wanted, 3));
}

static void stops_at_what_is_no_point(void)
{
	const int wanted[] = {ENOSPC};
	const int none[] = {0};
	static const char *const damaged[] = {
		"shim.a=e,28,1,0;shim.b",      "shim.a=e,28,1,0;shim.b=",
		"shim.a=e,28,1,0;shim.b=e",    "shim.a=e,28,1,0;shim.b=e,5,1",
		"shim.a=e,28,1,0;shim.b=e5,1", "shim.a=e,28,1,0;shim.b=e,5,,1",
	};

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		failpoint_arm(damaged[i]);
		CHECK(answers("shim.a", wanted, 1));
		CHECK(answers("shim.b", none, 1));
	}
}

static void holds_no_more_than_it_has_room_for(void)
{
	char text[1024];
	size_t size = 0;
	const int wanted[] = {EIO};

	while (size + 32 < sizeof(text))
		size += (size_t)snprintf(text + size, sizeof(text) - size, "shim.a=e,5,1,0;");
	failpoint_arm(text);
	CHECK(answers("shim.a", wanted, 1));
}

static void kills_or_waits(void)
{
	struct timespec before;
	struct timespec after;
	int status = 0;
	pid_t pid;

	failpoint_arm("shim.wait=d,20,1,1;shim.kill=k,0,1,0");
	CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
	CHECK(failpoint("shim.wait") == 0);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
	CHECK((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >=
	      19);
	pid = fork();
	if (pid == 0) {
		(void)failpoint("shim.kill");
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
	run("does nothing unarmed", does_nothing_unarmed);
	run("acts in its time", acts_in_its_time);
	run("takes the first of a name", takes_the_first_of_a_name);
	run("stops at what is no point", stops_at_what_is_no_point);
	run("holds no more than it has room for", holds_no_more_than_it_has_room_for);
	run("kills or waits", kills_or_waits);
	return finish();
}
