// SPDX-License-Identifier: MIT
/* Files the command reads and writes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secmod/cli.h"

int outfile_begin(struct outfile *f, const char *path, struct error *e)
{
	int n = snprintf(f->temporary, sizeof(f->temporary), "%s.XXXXXX", path);

	f->path = path;
	f->fd = -1;
	if (n >= (int)sizeof(f->temporary))
		return error_set(e, ENAMETOOLONG, "'%s': the name is too long",
				 path);
	f->fd = mkostemp(f->temporary, O_CLOEXEC);
	if (f->fd < 0)
		return error_set(e, errno, "cannot write '%s': %s", path,
				 strerror(errno));
	return 0;
}

void outfile_abort(struct outfile *f)
{
	if (f->fd < 0)
		return;
	close(f->fd);
	unlink(f->temporary);
	f->fd = -1;
}

int outfile_commit(struct outfile *f, const void *data, size_t len,
		   struct error *e)
{
	ssize_t n = write(f->fd, data, len);
	int rc = 0;

	if (n != (ssize_t)len || fsync(f->fd) || rename(f->temporary, f->path))
		rc = error_set(e, errno, "cannot write '%s': %s", f->path,
			       strerror(errno));
	if (rc) {
		outfile_abort(f);
		return rc;
	}
	close(f->fd);
	f->fd = -1;
	return 0;
}

int read_file(const char *path, size_t max, uint8_t **data, size_t *len,
	      struct error *e)
{
	FILE *f = fopen(path, "re");
	int rc = 0;

	*data = NULL;
	if (!f)
		return error_set(e, errno, "cannot open '%s': %s", path,
				 strerror(errno));
	*data = malloc(max + 1);
	if (!*data) {
		rc = error_set(e, ENOMEM, "'%s': out of memory", path);
		goto out_close;
	}
	*len = fread(*data, 1, max + 1, f);
	if (ferror(f))
		rc = error_set(e, EIO, "cannot read '%s'", path);
	else if (*len > max)
		rc = error_set(e, EFBIG, "'%s' is longer than %zu bytes", path,
			       max);
	if (rc) {
		free(*data);
		*data = NULL;
	}
out_close:
	fclose(f);
	return rc;
}
