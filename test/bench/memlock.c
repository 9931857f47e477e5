/*
 * Loaded into crun (LD_PRELOAD) where root has no CAP_SYS_RESOURCE: crun 1.8 raises RLIMIT_MEMLOCK before it
 * loads its device filter and gives up when it may not, although since Linux 5.11 such programs do not count
 * against that limit. A refusal of that one limit is hidden; everything else is as ever.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	long result = syscall(SYS_prlimit64, 0, resource, limit, NULL);

	if (result == 0 || (errno == EPERM && resource == RLIMIT_MEMLOCK))
		return 0;
	return -1;
}
