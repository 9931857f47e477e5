/*
 * mailbox send|receive TEXT: one message through a System V message queue.
 * Processes see each other's queue only when they share an IPC namespace: that is what the demo
 * shows. receive blocks in the kernel until the message is there. See msgop(2).
 */
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#define QUEUE_KEY 0x6e73706f /* "nspo" */

struct message {
	long type;
	char text[256];
};

int main(int argc, char **argv)
{
	struct message message = {.type = 1};
	int queue = msgget(QUEUE_KEY, IPC_CREAT | 0600);

	if (queue < 0) {
		perror("mailbox: msgget");
		return 1;
	}
	if (argc == 3 && strcmp(argv[1], "send") == 0) {
		strncpy(message.text, argv[2], sizeof(message.text) - 1);
		if (msgsnd(queue, &message, sizeof(message.text), 0) < 0) {
			perror("mailbox: msgsnd");
			return 1;
		}
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "receive") == 0) {
		if (msgrcv(queue, &message, sizeof(message.text), 1, 0) < 0) {
			perror("mailbox: msgrcv");
			return 1;
		}
		puts(message.text);
		return 0;
	}
	fprintf(stderr, "usage: mailbox send TEXT | mailbox receive\n");
	return 2;
}
