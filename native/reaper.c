/*
 * PID 1 of a PID namespace that the containers of a pod share: collects the processes that nobody
 * else waits for. The kernel sends the first process of a namespace only signals that it asked for,
 * so SIGTERM and SIGINT are taken by rt_sigtimedwait; they end it, and with it the namespace.
 *
 * Without libc: it sits in every such pod, and this way it has one page of code and one of stack.
 * Nothing below may need memcpy, a constructor or a thread-local (errno, the stack protector).
 */
#include <asm/unistd.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/wait.h>

#define EINTR 4

_Noreturn void _start(void);

#if defined(__x86_64__)
static long call(long number, long a, long b, long c, long d)
{
	register long fourth __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static long call(long number, long a, long b, long c, long d)
{
	register long nr __asm__("x8") = number;
	register long first __asm__("x0") = a;
	register long second __asm__("x1") = b;
	register long third __asm__("x2") = c;
	register long fourth __asm__("x3") = d;

	__asm__ volatile("svc #0"
			 : "+r"(first)
			 : "r"(nr), "r"(second), "r"(third), "r"(fourth)
			 : "memory", "cc");
	return first;
}
#else
#error "nspod knows x86_64 and aarch64"
#endif

static _Noreturn void end(long status)
{
	for (;;)
		call(__NR_exit_group, status, 0, 0, 0);
}

static unsigned long bit(int signal_number)
{
	return 1ul << (signal_number - 1);
}

_Noreturn void _start(void)
{
	/* The kernel's set has 64 signals. */
	const unsigned long signals = bit(SIGCHLD) | bit(SIGTERM) | bit(SIGINT);

	call(__NR_prctl, PR_SET_NAME, (long)"nspod-reaper", 0, 0);
	/* Blocked before the first wait: what comes in between stays pending and is not lost. */
	if (call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&signals, 0, sizeof(signals)) < 0)
		end(1);

	for (;;) {
		long signal_number;

		/* One SIGCHLD may stand for many children. */
		while (call(__NR_wait4, -1, 0, WNOHANG, 0) > 0)
			continue;
		signal_number = call(__NR_rt_sigtimedwait, (long)&signals, 0, 0, sizeof(signals));
		if (signal_number == SIGTERM || signal_number == SIGINT)
			end(0);
		if (signal_number < 0 && signal_number != -EINTR)
			end(1);
	}
}
