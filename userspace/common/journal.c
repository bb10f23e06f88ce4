// SPDX-License-Identifier: MIT
/* Append-only files of one line per event. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/journal.h"

static int last_line_is_open(int fd)
{
	struct stat st;
	char last;

	if (fstat(fd, &st) || !st.st_size ||
	    pread(fd, &last, 1, st.st_size - 1) != 1)
		return 0;
	return last != '\n';
}

/* In one write, so that a reader never sees half a line while we are alive. */
static int append(int fd, const char *line)
{
	size_t len = strlen(line);
	int start = last_line_is_open(fd) ? 0 : 1;
	struct iovec parts[] = { { (char *)"\n", 1 },
				 { (char *)line, len },
				 { (char *)"\n", 1 } };
	ssize_t n;

	n = writev(fd, parts + start, 3 - start);
	if (n < 0)
		return -errno;
	if ((size_t)n != len + 2 - start)
		return -ENOSPC;
	return fdatasync(fd) ? -errno : 0;
}

/* The name of a new file has to be on the disk as well. */
static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd, ret;

	dir = slash ? strndup(path, slash - path + 1) : strdup(".");
	if (!dir)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return -errno;
	ret = fsync(fd) ? -errno : 0;
	close(fd);
	return ret;
}

int journal_append(const char *path, const char *line, struct error *e)
{
	int fd, fresh, ret;

	fresh = access(path, F_OK) != 0;
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(e, errno, "cannot open '%s': %s", path,
				 strerror(errno));
	ret = flock(fd, LOCK_EX) ? -errno : append(fd, line);
	close(fd);
	if (!ret && fresh)
		ret = sync_directory(path);
	if (ret)
		return error_set(e, -ret, "cannot write to '%s': %s", path,
				 strerror(-ret));
	return 0;
}

int journal_each(const char *path, journal_line_fn fn, void *arg,
		 struct error *e)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int ret = 0;

	if (!f && errno == ENOENT)
		return 0;
	if (!f)
		return error_set(e, errno, "cannot open '%s': %s", path,
				 strerror(errno));
	while (!ret && (len = getline(&line, &size, f)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = 0;
		ret = fn(arg, line);
	}
	if (ferror(f))
		ret = error_set(e, EIO, "cannot read '%s'", path);
	free(line);
	fclose(f);
	return ret;
}
