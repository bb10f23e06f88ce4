// SPDX-License-Identifier: MIT
/* The URI of a program's key, in a file of its directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hsm/hsm.h"

#define URI_MAX 1024

static char *file_name(const char *dir)
{
	char *name;

	return asprintf(&name, "%s/key", dir) < 0 ? NULL : name;
}

int hsm_remember_key(const char *dir, const char *uri, struct error *e)
{
	char *name = file_name(dir);
	FILE *f;
	int ret = 0;

	if (!name)
		return error_set(e, ENOMEM, "out of memory");
	f = fopen(name, "we");
	if (!f || fprintf(f, "%s\n", uri) < 0 || fflush(f) || fsync(fileno(f)))
		ret = error_set(e, errno, "cannot write '%s': %s", name,
				strerror(errno));
	if (f)
		fclose(f);
	free(name);
	return ret;
}

int hsm_open_remembered(const char *dir, EVP_PKEY **key, struct error *e)
{
	char uri[URI_MAX], *name = file_name(dir);
	FILE *f;
	int ret;

	*key = NULL;
	if (!name)
		return error_set(e, ENOMEM, "out of memory");
	f = fopen(name, "re");
	if (f && fgets(uri, sizeof(uri), f)) {
		uri[strcspn(uri, "\n")] = 0;
		ret = hsm_open_key(uri, key, e);
	} else {
		ret = error_set(e, ENOENT,
				"'%s' names no key: was \"init\" run?", name);
	}
	if (f)
		fclose(f);
	free(name);
	return ret;
}
