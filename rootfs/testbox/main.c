/* One static program with several names, like busybox: /bin/hog -> testbox. */
#include "testbox.h"
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"attack", cmd_attack, "attack KIND ...: what a hostile program tries; see attack.c"},
	{"burn", cmd_burn, "burn SECONDS: keep one CPU busy; prints wall_us and cpu_us"},
	{"count", cmd_count,
	 "count LINES MB_PER_SECOND: numbers in lines of 100 bytes, at that pace; 0: at any"},
	{"forks", cmd_forks,
	 "forks MAX: fork children that sleep until fork fails; prints the count"},
	{"hog", cmd_hog, "hog MIB [hold]: touch memory MiB by MiB; prints what it reached"},
	{"ipc", cmd_ipc, "ipc sem|shm|msg|posix-shm|posix-mq put|get NAME [VALUE]: IPC objects"},
	{"serve", cmd_serve,
	 "serve http|tcp|grpc|echo PORT [HEALTH]: a server for probes; prints what it is asked"},
	{"status", cmd_status, "status: /proc/self/status of this process"},
	{"sysprobe", cmd_sysprobe,
	 "sysprobe native|i386|x32 NR[:ARG,...]...: errno of raw system calls"},
	{"ttycheck", cmd_ttycheck,
	 "ttycheck [watch]: terminal facts of fds 0 to 2; watch prints resizes"},
};

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(name, "testbox") == 0 && argc > 1) {
		argv++;
		argc--;
		name = argv[0];
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(name, "--list") == 0)
			puts(commands[i].name);
		else if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc, argv);
	}
	if (strcmp(name, "--list") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stderr, "%s\n", commands[i].help);
	return 2;
}
