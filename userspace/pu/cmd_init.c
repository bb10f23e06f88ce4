// SPDX-License-Identifier: MIT
/* The command "init": makes the signing key and a request to the manufacturer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hsm/hsm.h"
#include "pki/request.h"
#include "pu/pu.h"

/* file:DIR/signer.key with the directory in full; the caller frees it. */
static char *default_uri(const char *dir)
{
	char *full = realpath(dir, NULL), *uri = NULL;

	if (full && asprintf(&uri, "file:%s/signer.key", full) < 0)
		uri = NULL;
	free(full);
	return uri;
}

static int init_at(const struct options *o, const char *csr, const char *uri,
		   struct error *e)
{
	EVP_PKEY *key;
	int ret;

	/* the old request may be on its way to the manufacturer */
	if (!access(csr, F_OK))
		return error_set(e, EEXIST,
				 "'%s' is there already: choose another --dir",
				 csr);
	ret = o->existing ? hsm_open_key(uri, &key, e) :
			    hsm_create_key(uri, &key, e);
	if (!ret)
		ret = hsm_remember_key(o->dir, uri, e);
	if (!ret)
		ret = pki_write_csr(csr, o->name, key, e);
	EVP_PKEY_free(key);
	return ret;
}

int cmd_init(const struct options *o, int argc, char **argv, struct error *e)
{
	char *csr, *uri;
	int ret;

	(void)argc;
	(void)argv;
	if (mkdir(o->dir, 0700) && errno != EEXIST)
		return error_set(e, errno, "cannot make '%s': %s", o->dir,
				 strerror(errno));
	csr = unit_path(o->dir, "signer.csr");
	uri = o->key ? strdup(o->key) : default_uri(o->dir);
	ret = csr && uri ? init_at(o, csr, uri, e) :
			   error_set(e, ENOMEM, "out of memory");
	if (!ret)
		printf("%s\n", csr);
	free(csr);
	free(uri);
	return ret;
}
