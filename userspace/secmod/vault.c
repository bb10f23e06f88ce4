// SPDX-License-Identifier: MIT
/*
 * A new vault: the file with all its space, so that no commit of the module ever
 * fails for want of it, and its name on the disk before the module relies on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secmod/cli.h"

#define VAULT_SIZE 131072 /* two slots of the driver */

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
	return fsync(fd) || fsync(dir) ? -errno : 0;
}

int vault_create(const char *path, struct error *e)
{
	int dir = open_directory(path, e), fd, rc;

	if (dir < 0)
		return dir;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
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
