// SPDX-License-Identifier: MIT
/*
 * A new vault: the file with all its space, so that no commit of the module ever
 * fails for want of it, and its name on the disk before the module relies on it.
 *
 * Behind the module's part a mark says that the module may not rely on it yet. What a
 * power cut leaves with the mark gives way when the command is repeated.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "secmod/cli.h"

#define VAULT_SIZE 131072 /* two slots of the driver */

static const char mark[16] = "unfinished vault";

/* The directory of @path, made if only the last part is missing. */
static int open_directory(const char *path, struct error *e)
{
	char copy[PATH_MAX];
	const char *dir;
	int fd;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return error_set(e, ENAMETOOLONG, "'%s': the name is too long",
				 path);
	dir = dirname(copy);
	if (mkdir(dir, 0700) && errno != EEXIST)
		return error_set(e, errno, "cannot make directory '%s': %s",
				 dir, strerror(errno));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(e, errno, "cannot open directory '%s': %s",
				 dir, strerror(errno));
	return fd;
}

static int allocate(int fd, int dir)
{
	int err = posix_fallocate(fd, 0, VAULT_SIZE);

	if (err)
		return -err;
	if (pwrite(fd, mark, sizeof(mark), VAULT_SIZE) != sizeof(mark))
		return -EIO;
	return fsync(fd) || fsync(dir) ? -errno : 0;
}

static int all_zero(const char *data, ssize_t len)
{
	return len == 0 ||
	       (!data[0] && !memcmp(data, data + 1, (size_t)len - 1));
}

/* Cut off before it had content, or with the mark; and nobody is at it now. */
static int is_leftover(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t whole = VAULT_SIZE + sizeof(mark);
	char *data = malloc(whole + 1);
	struct stat st;
	int leftover = 0;
	ssize_t n = -1;

	if (fd >= 0 && data && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    !flock(fd, LOCK_EX | LOCK_NB))
		n = pread(fd, data, whole + 1, 0);
	if (n == (ssize_t)whole &&
	    !memcmp(data + VAULT_SIZE, mark, sizeof(mark)))
		leftover = 1;
	else if (n >= 0 && n <= (ssize_t)whole)
		leftover = all_zero(data, n);
	free(data);
	if (fd >= 0)
		close(fd);
	return leftover;
}

/* The lock lasts until the module, too, has let go of the file. */
static int open_new(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		      0600);

	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

int vault_create(const char *path, struct error *e)
{
	int dir = open_directory(path, e), fd, rc;

	if (dir < 0)
		return dir;
	fd = open_new(path);
	if (fd < 0 && errno == EEXIST) {
		if (is_leftover(path) && !unlink(path))
			fd = open_new(path);
		else
			errno = EEXIST;
	}
	if (fd < 0) {
		rc = error_set(
			e, errno,
			errno == EEXIST ?
				"vault '%s': %s: it may be a module's; choose another name" :
				"cannot make vault '%s': %s",
			path, strerror(errno));
		goto out_close_dir;
	}
	rc = allocate(fd, dir);
	if (rc < 0) {
		error_set(e, -rc, "cannot allocate vault '%s': %s", path,
			  strerror(-rc));
		close(fd);
		unlink(path);
	}
out_close_dir:
	close(dir);
	return rc < 0 ? rc : fd;
}

void vault_finish(const char *path)
{
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size == VAULT_SIZE + sizeof(mark) &&
	    (ftruncate(fd, VAULT_SIZE) || fsync(fd)))
		log_warn("vault '%s' keeps the mark of an unfinished one: %s",
			 path, strerror(errno));
	close(fd);
}
