/* Memory that a long-lived process has and does not need goes back to the kernel. */
#ifndef NSPOD_TIDY_H
#define NSPOD_TIDY_H

/*
 * Gives free pages of malloc's back, malloc_trim(3). With `forget_start` also takes the pages of
 * the main program's code and constants out of the process: what only its start has needed stays in
 * the page cache alone, what is needed again comes back with a minor fault. Pages that were written
 * to (relocations, data) lie in other segments and stay.
 */
void tidy(int forget_start);

#endif
