/*
 * PID 1 of a PID namespace that the containers of a pod share: collects the processes that nobody
 * else waits for. The kernel sends the first process of a namespace only signals that it asked for,
 * so SIGTERM and SIGINT are taken by sigwaitinfo; they end it, and with it the namespace.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	/* Blocked before the first wait: what comes in between stays pending and is not lost. */
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return 1;

	for (;;) {
		int signal_number;

		/* One SIGCHLD may stand for many children. */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		signal_number = sigwaitinfo(&signals, NULL);
		if (signal_number == SIGTERM || signal_number == SIGINT)
			_exit(0);
		if (signal_number < 0 && errno != EINTR)
			_exit(1);
	}
}
