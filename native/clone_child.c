/*
 * clone3 with CLONE_VM|CLONE_VFORK: the cost does not grow with the parent's memory, and the
 * results of the program land in the parent's buffer. libc has no wrapper that takes a cgroup, and
 * a child with a stack of its own cannot return from a C function, hence the two trampolines.
 *
 * Source: clone(2), "The clone3() system call"; CLONE_INTO_CGROUP since Linux 5.7.
 */
#define _GNU_SOURCE
#include "clone_child.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE ((size_t)64 * 1024)

struct child {
	const struct program *program;
	struct program_result *result;
	const struct clone_options *options;
	sigset_t signals;
	volatile bool has_ended;
};

/*
 * CLONE_CLEAR_SIGHAND keeps ignored signals ignored, and so does execve; Node ignores SIGPIPE. The
 * raw call, because libc refuses its own two signals and its struct differs from the kernel's.
 */
static void reset_signals(void)
{
	const uint64_t by_default[4] = {0};

	for (int number = 1; number <= 64; number++)
		syscall(SYS_rt_sigaction, number, by_default, NULL, (size_t)8);
}

static void child_main(struct child *child)
{
	/* Handlers are gone (CLONE_CLEAR_SIGHAND), so none can run on the shared memory. */
	reset_signals();
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &child->signals, NULL, (size_t)8);
	if (program_replay(child->program, child->result) == 0 && child->options->after)
		child->options->after(child->options->argument);
	/* Only reached without a successful execve. */
	child->has_ended = true;
	syscall(SYS_exit_group, child->result->failed_op < 0 ? 0 : 127);
	__builtin_unreachable();
}

/* Both return to the parent only; the child enters `entry` on its own stack and never returns. */
#if defined(__x86_64__)
static long clone3_call(struct clone_args *args, void (*entry)(struct child *), struct child *child)
{
	register void (*entry_register)(struct child *) __asm__("r12") = entry;
	register struct child *child_register __asm__("r13") = child;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"((long)SYS_clone3), "D"(args), "S"(sizeof(*args)),
			   "r"(entry_register), "r"(child_register)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static long clone3_call(struct clone_args *args, void (*entry)(struct child *), struct child *child)
{
	register long number __asm__("x8") = SYS_clone3;
	register long first __asm__("x0") = (long)args;
	register long second __asm__("x1") = (long)sizeof(*args);
	register void (*entry_register)(struct child *) __asm__("x20") = entry;
	register struct child *child_register __asm__("x21") = child;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x21\n\t"
			 "blr x20\n\t"
			 "brk #0\n"
			 "1:"
			 : "+r"(first)
			 : "r"(number), "r"(second), "r"(entry_register), "r"(child_register)
			 : "memory", "cc");
	return first;
}
#else
#error "nspod knows x86_64 and aarch64"
#endif

static int reap(int pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return 0;
}

int clone_child(const struct program *program, const struct clone_options *options,
		struct program_result *result)
{
	struct child child = {.program = program, .result = result, .options = options};
	struct clone_args args = {0};
	sigset_t all;
	void *stack;
	long pid;

	result->failed_op = -1;
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED) {
		result->error = errno;
		return -result->error;
	}
	sigemptyset(&child.signals);

	args.flags = options->flags | CLONE_VM | CLONE_VFORK | CLONE_CLEAR_SIGHAND;
	args.exit_signal = SIGCHLD;
	args.stack = (uint64_t)(uintptr_t)stack;
	args.stack_size = STACK_SIZE;
	if (options->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint32_t)options->cgroup_fd;
	}
	if (options->ret_pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)options->ret_pidfd;
	}

	/* Blocked across clone3: a signal for the parent must not reach the child before its mask.
	 */
	sigset_t old;
	sigfillset(&all);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, (size_t)8);
	pid = clone3_call(&args, child_main, &child);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, (size_t)8);
	munmap(stack, STACK_SIZE);

	if (pid < 0) {
		result->failed_op = -1;
		result->error = (int32_t)-pid;
		return (int)pid;
	}
	if (!child.has_ended)
		return (int)pid;
	/* vfork wakes the parent a moment before the child is a zombie, hence a blocking wait. */
	reap((int)pid);
	return result->failed_op < 0 ? 0 : -result->error;
}
