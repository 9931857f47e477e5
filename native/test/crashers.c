/*
 * Gives a fuzz target every input of a folder: those that once crashed it, and edges that it has
 * to hold. Its name stands in front, since a crash ends the program.
 */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int folder;
static const char *name;

static void holds(void)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	struct stat stat = {0};
	uint8_t *data;

	CHECK(fd >= 0 && fstat(fd, &stat) == 0);
	/* Ends exactly where the input does. */
	data = malloc(stat.st_size > 0 ? (size_t)stat.st_size : 1);
	CHECK(data != NULL && read(fd, data, (size_t)stat.st_size) == stat.st_size);
	if (data)
		CHECK(LLVMFuzzerTestOneInput(data, (size_t)stat.st_size) == 0);
	free(data);
	close(fd);
}

int main(int argc, char **argv)
{
	DIR *list = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;

	if (!list)
		return 2;
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	folder = dirfd(list);
	while ((entry = readdir(list)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		printf("%s/%s\n", argv[1], entry->d_name);
		name = entry->d_name;
		run(name, holds);
	}
	if (passed + failed == 0) {
		printf("%s is empty\n", argv[1]);
		failed++;
	}
	closedir(list);
	return finish();
}
