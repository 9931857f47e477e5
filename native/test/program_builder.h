/* Builds small programs in memory for the tests. */
#ifndef NSPOD_TEST_PROGRAM_BUILDER_H
#define NSPOD_TEST_PROGRAM_BUILDER_H

#include "../program.h"

#include <string.h>

#define BUILDER_OPS  16
#define BUILDER_POOL 256

struct builder {
	struct program_op ops[BUILDER_OPS];
	uint32_t op_count;
	_Alignas(8) uint8_t pool[BUILDER_POOL];
	_Alignas(8) uint8_t buffer[sizeof(struct program_header) +
				   BUILDER_OPS * sizeof(struct program_op) + BUILDER_POOL];
	size_t size;
	struct program program;
	struct program_result result;
	int32_t bad_op;
};

static inline struct program_op *add(struct builder *b, uint16_t nr, uint8_t operand_count)
{
	struct program_op *op = &b->ops[b->op_count++];

	*op = (struct program_op){.nr = nr, .operand_count = operand_count, .destination = -1};
	return op;
}

static inline void operand(struct program_op *op, int i, int kind, int64_t value)
{
	op->kinds = (uint16_t)(op->kinds | (kind << (2 * i)));
	op->operand[i] = value;
}

static inline int verify(struct builder *b)
{
	struct program_header header = {
		.magic = PROGRAM_MAGIC,
		.version = PROGRAM_VERSION,
		.header_size = sizeof(header),
		.op_count = b->op_count,
		.pool_size = BUILDER_POOL,
	};
	uint8_t *at = b->buffer;

	memcpy(at, &header, sizeof(header));
	at += sizeof(header);
	memcpy(at, b->ops, b->op_count * sizeof(b->ops[0]));
	at += b->op_count * sizeof(b->ops[0]);
	memcpy(at, b->pool, BUILDER_POOL);
	b->size = (size_t)(at - b->buffer) + BUILDER_POOL;
	return program_verify(b->buffer, b->size, &b->program, &b->bad_op);
}

static inline int replay(struct builder *b)
{
	if (verify(b) < 0)
		return -2;
	return program_replay(&b->program, &b->result);
}

#endif
