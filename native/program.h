/*
 * The syscall program: one flat buffer that a TypeScript compiler writes and replay.c runs.
 *
 *   struct program_header | struct program_op x op_count | data pool (pool_size bytes)
 *
 * All integers are little endian, every part is 8-byte aligned. An operand is a literal, an offset
 * into the pool (the replayer adds the pool's address) or a register. There are no branches and no
 * loops; what looks like one is data flow: an operation that reads a register which holds a
 * tolerated failure is skipped, and its own destination becomes such a register too.
 *
 * The matching encoder is src/sys/program.ts.
 */
#ifndef NSPOD_PROGRAM_H
#define NSPOD_PROGRAM_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_MAGIC     0x4750534eu /* "NSPG" */
#define PROGRAM_VERSION   1
#define PROGRAM_MAX_OPS   65536u
#define PROGRAM_MAX_POOL  (64u << 20)
#define PROGRAM_REGISTERS 32

/* Pseudo operations: numbers that no architecture uses for a system call. */
enum {
	PROGRAM_RELOC =
		0xfff0, /* pool[arg0] := address of pool[arg1] (argv, envp, iovec, sock_fprog) */
	PROGRAM_EXPECT0 =
		0xfff1, /* fail unless the int32 at pool[arg0] is 0 (netlink acknowledgement) */
	PROGRAM_STORE =
		0xfff2, /* pool[arg0] := low 32 bits of register arg1 (an fd inside a struct) */
	PROGRAM_SYNC =
		0xfff3, /* write one byte to fd arg0 if >= 0, then read one from fd arg1 if >= 0 */
	PROGRAM_LOAD =
		0xfff4, /* dst := the int32 at pool[arg0] (an fd, an id); -errno is a failure */
	PROGRAM_DIVIDE =
		0xfff5, /* what follows runs in a child that shares nothing (clone_divided.h) */
};

enum { OPERAND_LITERAL = 0, OPERAND_POOL = 1, OPERAND_REGISTER = 2 };

enum {
	OP_ALWAYS = 1, /* runs even after a failure: closing fds, switching a namespace back */
	OP_WHOLE = 2,  /* a transfer: repeated from where it stopped until operand 2 bytes are done;
			  of sendfile operand 3 */
};

#define PROGRAM_TOLERATED 3

struct program_header {
	uint32_t magic;
	uint16_t version;
	uint16_t header_size; /* of this struct: a cheap check that both sides agree */
	uint32_t op_count;
	uint32_t pool_size;
};

struct program_op {
	uint16_t nr; /* system call number or pseudo operation */
	uint8_t operand_count;
	uint8_t flags;
	int16_t destination;                   /* register that takes the return value, or -1 */
	uint16_t kinds;                        /* two bits per operand */
	uint16_t tolerated[PROGRAM_TOLERATED]; /* errno values that are no failure, 0 = none */
	uint16_t reserved;
	int64_t operand[6];
};

struct program_result {
	int32_t failed_op; /* index, or -1 */
	int32_t error; /* errno of the failed operation; EBADMSG: the verifier refused the program
			*/
	int64_t registers[PROGRAM_REGISTERS]; /* a tolerated failure is kept as -errno */
};

static_assert(sizeof(struct program_header) == 16, "crosses the FFI border");
static_assert(sizeof(struct program_op) == 64, "crosses the FFI border");
static_assert(sizeof(struct program_result) == 8 + 8 * PROGRAM_REGISTERS, "crosses the FFI border");

/* What a checked program consists of; the pointers lead into the caller's buffer. */
struct program {
	const struct program_op *ops;
	uint8_t *pool;
	uint32_t op_count;
	uint32_t pool_size;
};

/*
 * Checks sizes, alignment, numbers of registers and pool offsets of the buffer; pure.
 * Returns 0 and fills *ret_program, or -1 and the index of the operation at fault (-1: the header).
 */
int program_verify(uint8_t *buffer, size_t size, struct program *ret_program, int32_t *ret_bad_op);

/*
 * Runs a checked program in the calling thread. Allocates nothing, takes no lock, uses raw system
 * calls only: it runs between clone and exec in a child that shares its parent's memory. The
 * registers in *result are the program's input; the caller clears those that it does not preset.
 * Returns 0 when no operation failed, -1 otherwise. A successful execve does not return.
 */
int program_replay(const struct program *program, struct program_result *result);

#endif
