/*
 * Fail points of the shim, for tests: nothing happens at one unless the environment of the process
 * names it. The daemon writes the variable (src/base/failpoint.ts, where the names are, too):
 *
 *   NSPOD_FAILPOINTS=name=kind,value,first,last;…     kind: e (errno), k (SIGKILL), d (ms of delay)
 *                                                     last 0: without end
 */
#ifndef NSPOD_FAILPOINT_H
#define NSPOD_FAILPOINT_H

/* Once, before the first call of failpoint(). */
void failpoint_arm(const char *text);

/* 0, or -1 with errno set, like a system call that failed. */
int failpoint(const char *name);

#endif
