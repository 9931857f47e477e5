/* Tests of verify.c and replay.c. */
#define _GNU_SOURCE
#include "harness.h"
#include "program_builder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void verify_accepts_a_program(void)
{
	struct builder b = {0};

	operand(add(&b, SYS_close, 1), 0, OPERAND_LITERAL, -1);
	CHECK(verify(&b) == 0);
	CHECK(b.program.op_count == 1 && b.program.pool_size == BUILDER_POOL);
}

static void verify_refuses_every_truncation(void)
{
	struct builder b = {0};

	add(&b, SYS_getpid, 0);
	CHECK(verify(&b) == 0);
	for (size_t size = 0; size < b.size; size++) {
		CHECK(program_verify(b.buffer, size, &b.program, &b.bad_op) < 0);
		CHECK(b.bad_op == -1);
	}
}

static void verify_refuses_unaligned_buffers(void)
{
	struct builder b = {0};
	uint8_t *copy;

	add(&b, SYS_getpid, 0);
	CHECK(verify(&b) == 0);
	copy = malloc(b.size + 8);
	if (!copy)
		abort();
	memcpy(copy + 1, b.buffer, b.size);
	CHECK(program_verify(copy + 1, b.size, &b.program, &b.bad_op) < 0);
	free(copy);
}

static void verify_refuses_wide_offsets(void)
{
	static const int64_t offsets[] = {-1, BUILDER_POOL + 1, INT64_MAX, INT64_MIN,
					  (int64_t)UINT32_MAX + 1};

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct builder b = {0};

		add(&b, SYS_getpid, 0);
		operand(add(&b, SYS_write, 3), 1, OPERAND_POOL, offsets[i]);
		CHECK(verify(&b) < 0);
		CHECK(b.bad_op == 1);
	}
}

static void verify_refuses_registers_that_are_none(void)
{
	static const int64_t numbers[] = {-1, PROGRAM_REGISTERS, INT64_MAX, INT64_MIN};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct builder b = {0};

		operand(add(&b, SYS_close, 1), 0, OPERAND_REGISTER, numbers[i]);
		CHECK(verify(&b) < 0);
	}
}

static void verify_refuses_pseudo_operations_out_of_shape(void)
{
	struct builder wide = {0};
	struct builder odd = {0};
	struct builder unknown = {0};
	struct builder overflow = {0};
	struct builder divide = {0};

	operand(add(&wide, PROGRAM_EXPECT0, 1), 0, OPERAND_LITERAL, BUILDER_POOL - 3);
	CHECK(verify(&wide) < 0);
	operand(add(&odd, PROGRAM_LOAD, 1), 0, OPERAND_LITERAL, 2);
	CHECK(verify(&odd) < 0);
	add(&unknown, 0xffff, 0);
	CHECK(verify(&unknown) < 0);
	/* The last multiple of 4: adding a width to it wraps. */
	operand(add(&overflow, PROGRAM_EXPECT0, 1), 0, OPERAND_LITERAL, INT64_MAX - 3);
	CHECK(verify(&overflow) < 0);
	add(&divide, PROGRAM_DIVIDE, 0);
	CHECK(verify(&divide) == 0);
	divide.ops[0].flags = OP_ALWAYS;
	CHECK(verify(&divide) < 0);
}

static void verify_refuses_unknown_bits(void)
{
	struct builder flags = {0};
	struct builder reserved = {0};
	struct builder kinds = {0};

	add(&flags, SYS_getpid, 0)->flags = 4;
	CHECK(verify(&flags) < 0);
	add(&reserved, SYS_getpid, 0)->reserved = 1;
	CHECK(verify(&reserved) < 0);
	add(&kinds, SYS_getpid, 0)->kinds = 1;
	CHECK(verify(&kinds) < 0);
}

static void replay_keeps_results(void)
{
	struct builder b = {0};

	add(&b, SYS_getpid, 0)->destination = 5;
	CHECK(replay(&b) == 0);
	CHECK(b.result.registers[5] == getpid());
	CHECK(b.result.failed_op == -1 && b.result.error == 0);
}

static void replay_stops_at_a_failure_but_always_cleans_up(void)
{
	struct builder b = {0};
	struct program_op *op;

	operand(add(&b, SYS_dup, 1), 0, OPERAND_LITERAL, 1);
	b.ops[0].destination = 0;
	operand(add(&b, SYS_close, 1), 0, OPERAND_LITERAL, -1);
	add(&b, SYS_getpid, 0)->destination = 1;
	op = add(&b, SYS_close, 1);
	operand(op, 0, OPERAND_REGISTER, 0);
	op->flags = OP_ALWAYS;
	CHECK(replay(&b) == -1);
	CHECK(b.result.failed_op == 1 && b.result.error == EBADF);
	CHECK(b.result.registers[1] == 0);
	CHECK(fcntl((int)b.result.registers[0], F_GETFD) < 0);
}

static void replay_skips_what_reads_a_tolerated_failure(void)
{
	struct builder b = {0};
	struct program_op *op = add(&b, SYS_openat, 3);

	memcpy(b.pool, "/no/such/file", 14);
	operand(op, 0, OPERAND_LITERAL, AT_FDCWD);
	operand(op, 1, OPERAND_POOL, 0);
	operand(op, 2, OPERAND_LITERAL, O_RDONLY);
	op->destination = 3;
	op->tolerated[0] = ENOENT;
	op = add(&b, SYS_dup, 1);
	operand(op, 0, OPERAND_REGISTER, 3);
	op->destination = 4;
	/* Reads the destination of a skipped operation: skipped too. */
	operand(add(&b, SYS_close, 1), 0, OPERAND_REGISTER, 4);
	add(&b, SYS_getpid, 0)->destination = 6;
	CHECK(replay(&b) == 0);
	CHECK(b.result.registers[3] == -ENOENT);
	CHECK(b.result.registers[4] == 0);
	CHECK(b.result.registers[6] == getpid());
}

static void replay_transfers_the_whole(void)
{
	struct builder b = {0};
	struct program_op *op;
	int ends[2];
	char text[8];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	memcpy(b.pool, "whole", 5);
	op = add(&b, SYS_write, 3);
	operand(op, 0, OPERAND_REGISTER, 0);
	operand(op, 1, OPERAND_POOL, 0);
	operand(op, 2, OPERAND_LITERAL, 5);
	op->flags = OP_WHOLE;
	op->destination = 1;
	b.result.registers[0] = ends[1];
	CHECK(replay(&b) == 0);
	CHECK(b.result.registers[1] == 5);
	CHECK(read(ends[0], text, sizeof(text)) == 5 && memcmp(text, "whole", 5) == 0);
	close(ends[1]);
	/* Less than the whole is a failure. */
	memset(b.ops, 0, sizeof(b.ops));
	b.op_count = 0;
	op = add(&b, SYS_read, 3);
	operand(op, 0, OPERAND_REGISTER, 0);
	operand(op, 1, OPERAND_POOL, 0);
	operand(op, 2, OPERAND_LITERAL, 5);
	op->flags = OP_WHOLE;
	b.result.registers[0] = ends[0];
	CHECK(replay(&b) == -1 && b.result.error == EIO);
	close(ends[0]);
}

/* Inside the kernel: the offset in the pool moves on, the end of the file is a failure. */
static void replay_sends_the_whole(void)
{
	struct builder b = {0};
	struct program_op *op;
	int file = memfd_create("source", MFD_CLOEXEC);
	int ends[2] = {-1, -1};
	int64_t offset = 2;
	char text[8];

	CHECK(file >= 0 && write(file, "..whole", 7) == 7 && pipe2(ends, O_CLOEXEC) == 0);
	memcpy(b.pool, &offset, sizeof(offset));
	op = add(&b, SYS_sendfile, 4);
	operand(op, 0, OPERAND_LITERAL, ends[1]);
	operand(op, 1, OPERAND_LITERAL, file);
	operand(op, 2, OPERAND_POOL, 0);
	operand(op, 3, OPERAND_LITERAL, 5);
	op->flags = OP_WHOLE;
	op->destination = 1;
	CHECK(replay(&b) == 0);
	CHECK(b.result.registers[1] == 5);
	memcpy(&offset, b.program.pool, sizeof(offset));
	CHECK(offset == 7);
	CHECK(read(ends[0], text, sizeof(text)) == 5 && memcmp(text, "whole", 5) == 0);
	b.ops[0].operand[3] = 6;
	CHECK(replay(&b) == -1 && b.result.error == EIO);
	b.ops[0].operand_count = 3;
	b.ops[0].kinds = 0;
	CHECK(verify(&b) < 0 && b.bad_op == 0);
	close(file);
	close(ends[0]);
	close(ends[1]);
}

static void replay_moves_data_between_pool_and_registers(void)
{
	struct builder b = {0};
	struct program_op *op;
	uint64_t address;
	int32_t stored;

	op = add(&b, PROGRAM_RELOC, 2);
	operand(op, 0, OPERAND_LITERAL, 8);
	operand(op, 1, OPERAND_LITERAL, BUILDER_POOL);
	op = add(&b, PROGRAM_STORE, 2);
	operand(op, 0, OPERAND_LITERAL, 4);
	operand(op, 1, OPERAND_LITERAL, 9);
	op = add(&b, PROGRAM_LOAD, 1);
	operand(op, 0, OPERAND_LITERAL, 4);
	op->destination = 10;
	b.result.registers[9] = 7;
	CHECK(replay(&b) == 0);
	memcpy(&address, b.program.pool + 8, sizeof(address));
	CHECK(address == (uintptr_t)(b.program.pool + BUILDER_POOL));
	memcpy(&stored, b.program.pool + 4, sizeof(stored));
	CHECK(stored == 7 && b.result.registers[10] == 7);
}

static void replay_expects_zero(void)
{
	static const int32_t values[] = {0, EEXIST, -EEXIST, INT32_MIN};
	static const int32_t errors[] = {0, EEXIST, EEXIST, EBADMSG};

	for (int i = 0; i < 4; i++) {
		struct builder b = {0};

		memcpy(b.pool, &values[i], sizeof(values[i]));
		operand(add(&b, PROGRAM_EXPECT0, 1), 0, OPERAND_LITERAL, 0);
		CHECK(replay(&b) == (errors[i] == 0 ? 0 : -1));
		CHECK(b.result.error == errors[i]);
	}
}

static void replay_takes_a_negative_value_for_an_error(void)
{
	struct builder b = {0};
	const int32_t value = -EEXIST;

	memcpy(b.pool, &value, sizeof(value));
	operand(add(&b, PROGRAM_LOAD, 1), 0, OPERAND_LITERAL, 0);
	CHECK(replay(&b) == -1 && b.result.error == EEXIST);
}

static void replay_synchronises(void)
{
	struct builder b = {0};
	struct program_op *op = add(&b, PROGRAM_SYNC, 2);
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	operand(op, 0, OPERAND_LITERAL, ends[1]);
	operand(op, 1, OPERAND_LITERAL, ends[0]);
	CHECK(replay(&b) == 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	run("verify accepts a program", verify_accepts_a_program);
	run("verify refuses every truncation", verify_refuses_every_truncation);
	run("verify refuses unaligned buffers", verify_refuses_unaligned_buffers);
	run("verify refuses wide offsets", verify_refuses_wide_offsets);
	run("verify refuses registers that are none", verify_refuses_registers_that_are_none);
	run("verify refuses pseudo operations out of shape",
	    verify_refuses_pseudo_operations_out_of_shape);
	run("verify refuses unknown bits", verify_refuses_unknown_bits);
	run("replay keeps results", replay_keeps_results);
	run("replay stops at a failure but always cleans up",
	    replay_stops_at_a_failure_but_always_cleans_up);
	run("replay skips what reads a tolerated failure",
	    replay_skips_what_reads_a_tolerated_failure);
	run("replay transfers the whole", replay_transfers_the_whole);
	run("replay sends the whole", replay_sends_the_whole);
	run("replay moves data between pool and registers",
	    replay_moves_data_between_pool_and_registers);
	run("replay expects zero", replay_expects_zero);
	run("replay takes a negative value for an error",
	    replay_takes_a_negative_value_for_an_error);
	run("replay synchronises", replay_synchronises);
	return finish();
}
