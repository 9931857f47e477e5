/* Runs syscall programs; see program.h for the format and the rules of this file. */
#include "program.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_skipped(const struct program_op *op, uint32_t poisoned)
{
	for (unsigned int i = 0; i < op->operand_count; i++) {
		unsigned int kind = (op->kinds >> (2 * i)) & 3u;

		if (kind == OPERAND_REGISTER && (poisoned >> op->operand[i] & 1u))
			return true;
		/* PROGRAM_STORE names its register by number. */
		if (op->nr == PROGRAM_STORE && i == 1 && (poisoned >> op->operand[i] & 1u))
			return true;
	}
	return false;
}

static int64_t value_of(const struct program *program, const struct program_result *result,
			const struct program_op *op, unsigned int i)
{
	switch ((op->kinds >> (2 * i)) & 3u) {
	case OPERAND_POOL:
		return (int64_t)(intptr_t)(program->pool + op->operand[i]);
	case OPERAND_REGISTER:
		return result->registers[op->operand[i]];
	default:
		return op->operand[i];
	}
}

/*
 * Two calls ask to be repeated by EAGAIN: openat2 when a rename or mount anywhere on the machine
 * raced with a ".." (openat2(2)), bpf when a signal came while a program was verified (libbpf
 * repeats it too). Bounded: somebody may rename for ever.
 */
#define EAGAIN_ATTEMPTS 128

static bool asks_to_repeat(uint16_t nr, int error)
{
	return error == EAGAIN && (nr == SYS_openat2 || nr == SYS_bpf);
}

/* What is left of a transfer: the kernel moves the offset of sendfile(2) on by itself. */
static long call_from(const int64_t a[6], uint16_t nr, int64_t done)
{
	if (nr == SYS_sendfile)
		return syscall(nr, a[0], a[1], a[2], a[3] - done);
	return syscall(nr, a[0], a[1] + done, a[2] - done, a[3], a[4], a[5]);
}

static long transfer(const int64_t a[6], uint16_t nr, bool whole)
{
	int64_t length = nr == SYS_sendfile ? a[3] : a[2];
	int64_t done = 0;

	for (unsigned int attempt = 1;; attempt++) {
		long n = call_from(a, nr, done);

		/* close may not be repeated: Linux has freed the descriptor by then (close(2)). */
		if (n < 0 && errno == EINTR && nr != SYS_close)
			continue;
		if (n < 0 && asks_to_repeat(nr, errno) && attempt < EAGAIN_ATTEMPTS)
			continue;
		if (!whole || n < 0)
			return n;
		done += n;
		if (done >= length)
			return (long)done;
		if (n == 0) {
			errno = EIO;
			return -1;
		}
	}
}

static int sync_byte(int64_t write_fd, int64_t read_fd)
{
	uint8_t byte = 0;
	int64_t out[6] = {write_fd, (int64_t)(intptr_t)&byte, 1, 0, 0, 0};
	int64_t in[6] = {read_fd, (int64_t)(intptr_t)&byte, 1, 0, 0, 0};

	if (write_fd >= 0 && transfer(out, SYS_write, true) < 0)
		return -1;
	if (read_fd >= 0 && transfer(in, SYS_read, true) < 0)
		return -1;
	return 0;
}

static long run_op(const struct program *program, const struct program_result *result,
		   const struct program_op *op)
{
	uint8_t *pool = program->pool;
	int64_t a[6] = {0};

	for (unsigned int i = 0; i < op->operand_count; i++)
		a[i] = value_of(program, result, op, i);

	switch (op->nr) {
	case PROGRAM_RELOC:
		*(uint64_t *)(void *)(pool + a[0]) = (uint64_t)(uintptr_t)(pool + a[1]);
		return 0;
	case PROGRAM_EXPECT0: {
		int32_t value = *(int32_t *)(void *)(pool + a[0]);

		if (value == 0)
			return 0;
		/* Netlink has -errno. No errno is that small, and its negation does not exist. */
		errno = value == INT32_MIN ? EBADMSG : value < 0 ? -value : value;
		return -1;
	}
	case PROGRAM_STORE:
		*(uint32_t *)(void *)(pool + a[0]) = (uint32_t)result->registers[a[1]];
		return 0;
	case PROGRAM_LOAD: {
		int32_t value = *(int32_t *)(void *)(pool + a[0]);

		if (value >= 0)
			return value;
		errno = value == INT32_MIN ? EBADMSG : -value;
		return -1;
	}
	case PROGRAM_SYNC:
		return sync_byte(a[0], a[1]);
	default:
		return transfer(a, op->nr, op->flags & OP_WHOLE);
	}
}

static bool is_tolerated(const struct program_op *op, int error)
{
	for (unsigned int i = 0; i < PROGRAM_TOLERATED; i++) {
		if (op->tolerated[i] == error && error != 0)
			return true;
	}
	return false;
}

int program_replay(const struct program *program, struct program_result *result)
{
	/* One bit per register: it holds a tolerated failure. */
	uint32_t poisoned = 0;

	result->failed_op = -1;
	result->error = 0;
	for (uint32_t i = 0; i < program->op_count; i++) {
		const struct program_op *op = &program->ops[i];
		uint32_t bit = op->destination >= 0 ? 1u << op->destination : 0;
		long value;

		if (result->failed_op >= 0 && !(op->flags & OP_ALWAYS))
			continue;
		if (is_skipped(op, poisoned)) {
			poisoned |= bit;
			continue;
		}
		value = run_op(program, result, op);
		poisoned &= ~bit;
		if (value < 0) {
			int error = errno;

			value = -error;
			poisoned |= bit;
			if (!is_tolerated(op, error) && result->failed_op < 0) {
				result->failed_op = (int32_t)i;
				result->error = error;
			}
		}
		if (bit)
			result->registers[op->destination] = value;
	}
	return result->failed_op < 0 ? 0 : -1;
}
