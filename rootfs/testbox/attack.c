/*
 * attack KIND ...: what a hostile program in a container tries. Each prints facts and judges
 * nothing:
 *
 *   trace SECONDS          seize every new process; "traced EXE ROOT" for each that it got, then
 *                          "tried=N traced=N"
 *   hijack SECONDS WORD    seize every new process, and look into those that have not come to a
 *                          program below /bin/ yet: status, descriptors, whether WORD is in their
 *                          memory; then break their code
 *   hold SECONDS           seize and stop every new process, and let none go
 *   exes SECONDS           open every /proc/PID/exe for writing; one line per answer, then
 *                          "tried=N"
 *   swap A B ...           exchange the two names of each pair until it is killed
 *   chroot                 the way out of a chroot by a second one; lists the root it comes to
 *   handle                 open the root of a file system by its handle
 *   terminal               push a byte into the terminal of fd 0
 *   take fds|sockets|watches|folders|files N   take N of them, print how many it got, stay
 *   users                  print the real, effective and saved user
 */
#include "testbox.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIDS 65536

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void link_of(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	length = readlink(path, text, size - 1);
	text[length < 0 ? 0 : length] = 0;
}

/* Calls visit for every process but ourselves. */
static void each_process(void (*visit)(pid_t pid))
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 0 && pid != getpid())
			visit(pid);
	}
	if (proc)
		closedir(proc);
}

static char seen[PIDS];
static int tried;
static int got;

static void trace_one(pid_t pid)
{
	char exe[256], root[256];

	if (pid >= PIDS || seen[pid])
		return;
	tried++;
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return;
	seen[pid] = 1;
	got++;
	link_of(pid, "exe", exe, sizeof(exe));
	link_of(pid, "root", root, sizeof(root));
	printf("traced %s %s\n", exe, root);
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	waitpid(pid, NULL, __WALL);
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

/* Where the word is in what the process may write; /proc/PID/mem needs no stop. */
static int has_word(pid_t pid, const char *word)
{
	char path[64], line[256];
	int mem, found = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	while (mem >= 0 && maps && fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		char *bytes;
		ssize_t size;

		if (sscanf(line, "%lx-%lx rw", &start, &end) != 2)
			continue;
		bytes = malloc(end - start);
		size = bytes ? pread(mem, bytes, end - start, (off_t)start) : -1;
		if (size > 0 && memmem(bytes, (size_t)size, word, strlen(word)))
			found++;
		free(bytes);
	}
	if (maps)
		fclose(maps);
	if (mem >= 0)
		close(mem);
	return found;
}

static void print_status(pid_t pid)
{
	static const char *const keys[] = {"Uid:", "CapPrm:", "NoNewPrivs:", "Seccomp:"};
	char path[64], line[256];
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			if (strncmp(line, keys[i], strlen(keys[i])) == 0)
				printf(" %.*s", (int)strcspn(line, "\n"), line);
		}
	}
	if (status)
		fclose(status);
}

static void print_descriptors(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	printf(" fds:");
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] != '.')
			printf(" %s", entry->d_name);
	}
	if (folder)
		closedir(folder);
}

/* An instruction that no program survives, where the process is just now. */
static int break_code(pid_t pid)
{
	char path[64], text[256] = {0}, *at;
	unsigned long place;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	close(fd);
	/* The last word is the program counter (proc_pid_syscall(5)). */
	at = strrchr(text, ' ');
	place = at ? strtoul(at, NULL, 16) : 0;
	return ptrace(PTRACE_POKETEXT, pid, place, 0) < 0 ? -1 : 0;
}

static const char *word_to_find;

static void hijack_one(pid_t pid)
{
	char exe[256], root[256];
	int status;

	if (pid >= PIDS || seen[pid])
		return;
	tried++;
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return;
	seen[pid] = 1;
	link_of(pid, "exe", exe, sizeof(exe));
	link_of(pid, "root", root, sizeof(root));
	if (exe[0] == 0 || strncmp(exe, "/bin/", 5) == 0) {
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
		waitpid(pid, NULL, __WALL);
		ptrace(PTRACE_DETACH, pid, 0, 0);
		return;
	}
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	waitpid(pid, &status, __WALL);
	link_of(pid, "exe", exe, sizeof(exe));
	/* It may have come to its program in between. */
	if (WIFSTOPPED(status) && strncmp(exe, "/bin/", 5) != 0 && exe[0] != 0) {
		got++;
		printf("hijacked %s root: %s", exe, root);
		print_status(pid);
		print_descriptors(pid);
		printf(" words: %d", has_word(pid, word_to_find));
		printf(" broken: %s\n", break_code(pid) < 0 ? strerrorname_np(errno) : "yes");
	}
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

static void hold_one(pid_t pid)
{
	if (pid >= PIDS || seen[pid])
		return;
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return;
	seen[pid] = 1;
	got++;
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	printf("held %d\n", (int)pid);
}

static int hunt(double length, void (*visit)(pid_t pid))
{
	double end = seconds() + length;

	puts("ready");
	while (seconds() < end)
		each_process(visit);
	printf("tried=%d traced=%d\n", tried, got);
	return 0;
}

static int seize(int count, char **pids)
{
	char path[64], byte;

	for (int i = 0; i < count; i++) {
		pid_t pid = (pid_t)atoi(pids[i]);
		const char *seized = "seized";
		const char *environ = "read";
		int fd;

		if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
			seized = strerrorname_np(errno);
		snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
		fd = open(path, O_RDONLY);
		if (fd < 0 || read(fd, &byte, 1) < 0)
			environ = strerrorname_np(errno);
		printf("%d %s %s\n", (int)pid, seized, environ);
	}
	return 0;
}

static void open_exe(pid_t pid)
{
	char path[64], exe[256], copy[64];
	int fd;

	tried++;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	link_of(pid, "exe", exe, sizeof(exe));
	snprintf(copy, sizeof(copy), "/proc/self/fd/%d", fd);
	for (int round = 0; round < 20; round++) {
		int writable = open(copy, O_WRONLY | O_CLOEXEC);

		if (writable >= 0) {
			printf("opened %s\n", exe);
			close(writable);
			break;
		}
	}
	close(fd);
}

static int exes(double length)
{
	double end = seconds() + length;

	puts("ready");
	while (seconds() < end)
		each_process(open_exe);
	printf("tried=%d\n", tried);
	return 0;
}

static _Noreturn void swap(int count, char **names)
{
	puts("ready");
	for (int pair = 0;; pair = pair + 2 < count ? pair + 2 : 0)
		syscall(SYS_renameat2, AT_FDCWD, names[pair], AT_FDCWD, names[pair + 1],
			2 /* RENAME_EXCHANGE */);
}

static int fail(const char *what)
{
	printf("%s %s\n", what, strerrorname_np(errno));
	return 0;
}

static int second_chroot(void)
{
	DIR *root;
	struct dirent *entry;

	if (mkdir("/tmp/cell", 0755) < 0 && errno != EEXIST)
		return fail("mkdir");
	if (chroot("/tmp/cell") < 0)
		return fail("chroot");
	for (int up = 0; up < 64; up++)
		if (chdir("..") < 0)
			return fail("chdir");
	if (chroot(".") < 0)
		return fail("chroot");
	root = opendir("/");
	while (root && (entry = readdir(root)))
		if (entry->d_name[0] != '.')
			printf("%s\n", entry->d_name);
	return 0;
}

static int by_handle(void)
{
	struct {
		struct file_handle head;
		unsigned char bytes[128];
	} handle = {.head = {.handle_bytes = 128}};
	int mount, fd;

	if (name_to_handle_at(AT_FDCWD, "/etc/hosts", &handle.head, &mount, 0) < 0)
		return fail("name_to_handle_at");
	/* Inode 2: the root of ext4. */
	*(unsigned int *)handle.head.f_handle = 2;
	fd = open("/etc/hosts", O_RDONLY);
	if (open_by_handle_at(fd, &handle.head, O_RDONLY) < 0)
		return fail("open_by_handle_at");
	puts("open_by_handle_at opened");
	return 0;
}

static int terminal(void)
{
	char byte = 'x';

	if (ioctl(0, TIOCSTI, &byte) < 0)
		return fail("TIOCSTI");
	puts("TIOCSTI pushed");
	return 0;
}

static int take_one(const char *kind, int number, int watches)
{
	char name[64];
	int fd;

	if (strcmp(kind, "fds") == 0)
		return open("/dev/null", O_RDONLY);
	if (strcmp(kind, "sockets") == 0)
		return socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(name, sizeof(name), "/tmp/taken-%d", number);
	if (strcmp(kind, "folders") == 0)
		return mkdir(name, 0755);
	fd = open(name, O_CREAT | O_WRONLY, 0600);
	if (fd < 0 || strcmp(kind, "watches") != 0)
		return fd < 0 ? fd : close(fd);
	close(fd);
	return inotify_add_watch(watches, name, IN_MODIFY);
}

static _Noreturn void take(const char *kind, int wanted)
{
	struct rlimit limit;
	int count = 0;
	int watches = inotify_init();

	/* As far as the hard limit goes. */
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (count < wanted && take_one(kind, count, watches) >= 0)
		count++;
	printf("took=%d %s error=%s\n", count, kind,
	       count < wanted ? strerrorname_np(errno) : "none");
	for (;;)
		pause();
}

static int users(void)
{
	uid_t real, effective, saved;

	getresuid(&real, &effective, &saved);
	printf("users %u %u %u\n", real, effective, saved);
	return 0;
}

int cmd_attack(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";

	if (strcmp(kind, "trace") == 0 && argc == 3)
		return hunt(atof(argv[2]), trace_one);
	if (strcmp(kind, "hold") == 0 && argc == 3)
		return hunt(atof(argv[2]), hold_one);
	if (strcmp(kind, "hijack") == 0 && argc == 4) {
		word_to_find = argv[3];
		return hunt(atof(argv[2]), hijack_one);
	}
	if (strcmp(kind, "seize") == 0)
		return seize(argc - 2, argv + 2);
	if (strcmp(kind, "exes") == 0 && argc == 3)
		return exes(atof(argv[2]));
	if (strcmp(kind, "swap") == 0 && argc >= 4 && argc % 2 == 0)
		swap(argc - 2, argv + 2);
	if (strcmp(kind, "chroot") == 0)
		return second_chroot();
	if (strcmp(kind, "handle") == 0)
		return by_handle();
	if (strcmp(kind, "terminal") == 0)
		return terminal();
	if (strcmp(kind, "take") == 0 && argc == 4)
		take(argv[2], atoi(argv[3]));
	if (strcmp(kind, "users") == 0)
		return users();
	return 2;
}
