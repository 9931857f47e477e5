/* Removes trees with hostile content. */
#ifndef NSPOD_TRASH_H
#define NSPOD_TRASH_H

#include <stdint.h>

/*
 * Removes what is in the folder behind `fd`, a directory that nobody else may enter, up to `most`
 * names. What cannot be removed keeps nothing else from it. Waits for the disk.
 *
 * Returns 0 when it is empty, 1 when there is more, or -errno of the call that failed: EXDEV or
 * EBUSY for something that is mounted in it.
 */
int trash_empty(int fd, uint32_t most);

#endif
