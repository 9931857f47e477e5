/*
 * ipc KIND put NAME VALUE / ipc KIND get NAME: what two containers of one pod share and two pods
 * must not. SysV kinds take a number as NAME (the key), POSIX kinds "/name". get prints the value
 * or "error=ENOENT". Nothing is removed: the objects go with the IPC namespace.
 */
#include "testbox.h"
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#define TEXT 256

struct message {
	long type;
	char text[TEXT];
};

static int fail(void)
{
	printf("error=%s\n", strerrorname_np(errno));
	return 1;
}

static int sem(const char *name, const char *value)
{
	int id = semget((key_t)strtol(name, NULL, 0), 1, value ? IPC_CREAT | 0666 : 0);
	int number;

	if (id < 0)
		return fail();
	if (value)
		return semctl(id, 0, SETVAL, atoi(value)) < 0 ? fail() : 0;
	number = semctl(id, 0, GETVAL);
	if (number < 0)
		return fail();
	printf("%d\n", number);
	return 0;
}

static int shm(const char *name, const char *value)
{
	int id = shmget((key_t)strtol(name, NULL, 0), TEXT, value ? IPC_CREAT | 0666 : 0);
	char *memory = id < 0 ? (char *)-1 : shmat(id, NULL, 0);

	if (memory == (char *)-1)
		return fail();
	if (value)
		strncpy(memory, value, TEXT - 1);
	else
		printf("%s\n", memory);
	return 0;
}

static int msg(const char *name, const char *value)
{
	int id = msgget((key_t)strtol(name, NULL, 0), value ? IPC_CREAT | 0666 : 0);
	struct message message = {.type = 1};

	if (id < 0)
		return fail();
	if (value) {
		strncpy(message.text, value, TEXT - 1);
		return msgsnd(id, &message, TEXT, 0) < 0 ? fail() : 0;
	}
	if (msgrcv(id, &message, TEXT, 1, IPC_NOWAIT) < 0)
		return fail();
	puts(message.text);
	return 0;
}

static int posix_shm(const char *name, const char *value)
{
	int fd = shm_open(name, value ? O_CREAT | O_RDWR : O_RDONLY, 0666);
	char text[TEXT] = "";

	if (fd < 0)
		return fail();
	if (value)
		return write(fd, value, strlen(value)) < 0 ? fail() : 0;
	if (read(fd, text, TEXT - 1) < 0)
		return fail();
	puts(text);
	return 0;
}

static int posix_mq(const char *name, const char *value)
{
	struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = TEXT};
	mqd_t queue = mq_open(name, value ? O_CREAT | O_RDWR : O_RDWR | O_NONBLOCK, 0666, &attr);
	char text[TEXT + 1] = "";

	if (queue == (mqd_t)-1)
		return fail();
	if (value)
		return mq_send(queue, value, strlen(value), 0) < 0 ? fail() : 0;
	if (mq_receive(queue, text, TEXT, NULL) < 0)
		return fail();
	puts(text);
	return 0;
}

int cmd_ipc(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const char *name, const char *value);
	} kinds[] = {
		{"sem", sem},           {"shm", shm}, {"msg", msg}, {"posix-shm", posix_shm},
		{"posix-mq", posix_mq},
	};
	int put = argc == 5 && strcmp(argv[2], "put") == 0;

	if (put || (argc == 4 && strcmp(argv[2], "get") == 0))
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (strcmp(argv[1], kinds[i].name) == 0)
				return kinds[i].run(argv[3], put ? argv[4] : NULL);
	fprintf(stderr, "usage: ipc sem|shm|msg|posix-shm|posix-mq put NAME VALUE | get NAME\n");
	return 2;
}
