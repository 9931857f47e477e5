/*
 * The terminal of a process. The prelude makes the pty (master in register 5, slave in registers 0
 * to 2), because only it knows the devpts; here the shim takes the master over.
 *
 * The shim keeps the slave open as well. Otherwise the master would report a hang-up whenever the
 * process has no descriptor of its terminal open, and epoll would report that without end.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

int tty_take(struct process *process, bool with_stdin, int64_t *registers)
{
	int master = (int)registers[REGISTER_MASTER];

	if (registers[REGISTER_MASTER] < 0 || registers[REGISTER_STDIN] < 0)
		return -EBADF;
	process->is_tty = true;
	/* From here on the process owns the master, also when a later step fails. */
	process->streams[0].source.fd = master;
	registers[REGISTER_MASTER] = -1;
	process->slave = fcntl((int)registers[REGISTER_STDIN], F_DUPFD_CLOEXEC, 3);
	if (process->slave < 0 || fcntl(master, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	if (!with_stdin)
		return 0;
	/* A descriptor of its own: epoll then watches reading and writing apart. */
	process->input.fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
	return process->input.fd < 0 ? -errno : 0;
}

void tty_resize(const struct process *process, uint16_t columns, uint16_t rows)
{
	struct winsize size = {.ws_col = columns, .ws_row = rows};

	/* On the master: the kernel sends SIGWINCH to the foreground group. */
	if (process->is_tty && process->streams[0].source.fd >= 0)
		(void)ioctl(process->streams[0].source.fd, TIOCSWINSZ, &size);
}

void tty_hang_up(struct process *process)
{
	/* SIGHUP comes when the last descriptor of the master is closed, so the input goes too. */
	source_close(&process->input);
	source_close(&process->streams[0].source);
	close_fd(&process->slave);
}
