// SPDX-License-Identifier: MIT
/* The manufacturer's directory: key, root certificate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsm/hsm.h"
#include "manufacturer/manufacturer.h"

char *office_path(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int open_root(struct office *o, struct error *e)
{
	char *path = office_path(o->dir, "root.pem");
	int ret;

	if (!path)
		return error_set(e, ENOMEM, "out of memory");
	ret = pki_read_cert(path, &o->root, e);
	free(path);
	if (!ret)
		ret = pki_check(o->root, PKI_ROLE_MANUFACTURER, o->root,
				time(NULL), e);
	return ret;
}

int office_open(struct office *o, const char *dir, struct error *e)
{
	int ret;

	*o = (struct office){ .dir = dir };
	ret = open_root(o, e);
	if (!ret)
		ret = hsm_open_remembered(dir, &o->key, e);
	if (!ret)
		ret = pki_check_key(o->root, o->key, "the checking key", e);
	if (ret)
		office_close(o);
	return ret;
}

void office_close(struct office *o)
{
	X509_free(o->root);
	EVP_PKEY_free(o->key);
	*o = (struct office){ 0 };
}
