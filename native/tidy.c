/* Source: malloc_trim(3); dl_iterate_phdr(3); madvise(2) MADV_DONTNEED on a private mapping of a
 * file. */
#define _GNU_SOURCE
#include "tidy.h"

#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The first object is the main program; ends the walk there. */
static int forget_segments(struct dl_phdr_info *info, size_t size, void *data)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)data;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;
		uintptr_t end = start + segment->p_filesz;

		/* Whole pages of this segment only. */
		start = (start + page - 1) & ~(page - 1);
		end &= ~(page - 1);
		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) == 0 && start < end)
			syscall(SYS_madvise, start, end - start, MADV_DONTNEED);
	}
	return 1;
}

void tidy(int forget_start)
{
	malloc_trim(0);
	if (forget_start)
		dl_iterate_phdr(forget_segments, NULL);
}
