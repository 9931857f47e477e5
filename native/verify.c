/*
 * Checks a syscall program before anything of it runs. Pure: reads the buffer, touches nothing
 * else. It protects the replayer from a damaged buffer (offsets, registers, sizes); it does not
 * judge what the system calls do, that is the compiler's duty.
 */
#include "program.h"

#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

static bool is_in_pool(int64_t offset, uint32_t width, uint32_t pool_size)
{
	/* Not offset + width: the sum of a hostile offset wraps. */
	return width <= pool_size && offset >= 0 && offset <= (int64_t)(pool_size - width);
}

static bool is_register(int64_t number)
{
	return number >= 0 && number < PROGRAM_REGISTERS;
}

static bool is_pseudo(uint16_t nr)
{
	return nr >= 0xfff0;
}

/* Pseudo operations write through their operands, so each has a fixed shape. */
static bool is_pseudo_valid(const struct program_op *op, uint32_t pool_size)
{
	const int64_t *a = op->operand;

	if (op->flags & OP_WHOLE)
		return false;
	switch (op->nr) {
	case PROGRAM_RELOC:
		/* The target may be the pool's end: an empty buffer has an address too. */
		return op->operand_count == 2 && op->kinds == 0 && a[0] % 8 == 0 &&
		       is_in_pool(a[0], 8, pool_size) && is_in_pool(a[1], 0, pool_size);
	case PROGRAM_EXPECT0:
	case PROGRAM_LOAD:
		return op->operand_count == 1 && op->kinds == 0 && a[0] % 4 == 0 &&
		       is_in_pool(a[0], 4, pool_size);
	case PROGRAM_STORE:
		return op->operand_count == 2 && op->kinds == 0 && a[0] % 4 == 0 &&
		       is_in_pool(a[0], 4, pool_size) && is_register(a[1]);
	case PROGRAM_SYNC:
		return op->operand_count == 2;
	case PROGRAM_DIVIDE:
		return op->operand_count == 0 && op->destination == -1 && op->flags == 0;
	default:
		return false;
	}
}

static bool is_op_valid(const struct program_op *op, uint32_t pool_size)
{
	if (op->operand_count > 6 || (op->flags & ~(OP_ALWAYS | OP_WHOLE)) != 0)
		return false;
	if (op->destination != -1 && !is_register(op->destination))
		return false;
	if (op->reserved != 0 || op->kinds >> (2 * op->operand_count) != 0)
		return false;
	if ((op->flags & OP_WHOLE) && op->operand_count < (op->nr == SYS_sendfile ? 4 : 3))
		return false;
	for (unsigned int i = 0; i < op->operand_count; i++) {
		switch ((op->kinds >> (2 * i)) & 3u) {
		case OPERAND_LITERAL:
			break;
		case OPERAND_POOL:
			if (!is_in_pool(op->operand[i], 0, pool_size))
				return false;
			break;
		case OPERAND_REGISTER:
			if (!is_register(op->operand[i]))
				return false;
			break;
		default:
			return false;
		}
	}
	return !is_pseudo(op->nr) || is_pseudo_valid(op, pool_size);
}

int program_verify(uint8_t *buffer, size_t size, struct program *ret_program, int32_t *ret_bad_op)
{
	struct program_header header;

	*ret_bad_op = -1;
	if (size < sizeof(header) || (uintptr_t)buffer % 8 != 0)
		return -1;
	memcpy(&header, buffer, sizeof(header));
	if (header.magic != PROGRAM_MAGIC || header.version != PROGRAM_VERSION ||
	    header.header_size != sizeof(header))
		return -1;
	if (header.op_count > PROGRAM_MAX_OPS || header.pool_size > PROGRAM_MAX_POOL ||
	    header.pool_size % 8 != 0)
		return -1;
	if (size != sizeof(header) + header.op_count * sizeof(struct program_op) + header.pool_size)
		return -1;

	ret_program->ops = (const struct program_op *)(void *)(buffer + sizeof(header));
	ret_program->op_count = header.op_count;
	ret_program->pool = buffer + sizeof(header) + header.op_count * sizeof(struct program_op);
	ret_program->pool_size = header.pool_size;
	for (uint32_t i = 0; i < header.op_count; i++) {
		if (!is_op_valid(&ret_program->ops[i], header.pool_size)) {
			*ret_bad_op = (int32_t)i;
			return -1;
		}
	}
	return 0;
}
