/*
 * Fuzzes the verifier: whatever it accepts must be safe to read as the replayer reads it. Nothing
 * is executed; the walk below touches every byte that replay.c would.
 */
#include "../program.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touch(const struct program *program, const struct program_op *op)
{
	uint8_t registers[PROGRAM_REGISTERS] = {0};
	uint64_t sum = 0;

	if (op->destination >= 0)
		sum += registers[op->destination];
	for (unsigned int i = 0; i < op->operand_count; i++) {
		unsigned int kind = (op->kinds >> (2 * i)) & 3u;

		if (kind == OPERAND_REGISTER)
			sum += registers[op->operand[i]];
		else if (kind == OPERAND_POOL)
			sum += (uint64_t)(uintptr_t)(program->pool + op->operand[i]);
	}
	switch (op->nr) {
	case PROGRAM_RELOC:
		*(volatile uint64_t *)(void *)(program->pool + op->operand[0]) = 1;
		break;
	case PROGRAM_EXPECT0:
	case PROGRAM_LOAD:
		sum += *(volatile uint32_t *)(void *)(program->pool + op->operand[0]);
		break;
	case PROGRAM_STORE:
		*(volatile uint32_t *)(void *)(program->pool + op->operand[0]) =
			registers[op->operand[1]];
		break;
	default:
		break;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* malloc aligns as the verifier demands, and ends exactly where the input does. */
	uint8_t *copy = malloc(size ? size : 1);
	volatile uint64_t sum = 0;
	struct program program;
	int32_t bad_op;

	if (!copy)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	if (program_verify(copy, size, &program, &bad_op) == 0) {
		for (uint32_t i = 0; i < program.op_count; i++)
			sum = sum + touch(&program, &program.ops[i]);
	}
	free(copy);
	return 0;
}
