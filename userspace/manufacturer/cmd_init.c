// SPDX-License-Identifier: MIT
/* The command "init": makes the checking key and its certificate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "hsm/hsm.h"
#include "manufacturer/manufacturer.h"

#define ROOT_DAYS 10957 /* thirty years: modules hold it for their life */

static int make_dir(const char *dir, struct error *e)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return error_set(e, errno, "cannot make '%s': %s", dir,
				 strerror(errno));
	return 0;
}

/* file:DIR/root.key with the directory in full; the caller frees it. */
static char *default_uri(const char *dir)
{
	char *full = realpath(dir, NULL), *uri = NULL;

	if (full && asprintf(&uri, "file:%s/root.key", full) < 0)
		uri = NULL;
	free(full);
	return uri;
}

static int issue_root(const struct options *o, const char *path, EVP_PKEY *key,
		      struct error *e)
{
	struct pki_request req = {
		.role = PKI_ROLE_MANUFACTURER,
		.common_name = o->name,
		.days = o->days ? o->days : ROOT_DAYS,
	};
	char fingerprint[65];
	X509 *root;
	int ret;

	ret = pki_issue(&req, key, NULL, key, &root, e);
	if (!ret)
		ret = pki_check(root, PKI_ROLE_MANUFACTURER, root, time(NULL),
				e);
	if (!ret)
		ret = pki_write_cert(path, root, e);
	if (!ret) {
		pki_fingerprint(root, fingerprint);
		printf("%s\n", fingerprint);
	}
	X509_free(root);
	return ret;
}

static int init_at(const struct options *o, const char *path, const char *uri,
		   struct error *e)
{
	EVP_PKEY *key;
	int ret;

	/* a second checking key would disown every module of the first */
	if (!access(path, F_OK))
		return error_set(e, EEXIST,
				 "'%s' is there already: choose another --dir",
				 path);
	ret = hsm_create_key(uri, &key, e);
	if (!ret)
		ret = issue_root(o, path, key, e);
	if (!ret)
		ret = hsm_remember_key(o->dir, uri, e);
	EVP_PKEY_free(key);
	return ret;
}

int cmd_init(const struct options *o, int argc, char **argv, struct error *e)
{
	char *path, *uri;
	int ret;

	(void)argc;
	(void)argv;
	ret = make_dir(o->dir, e);
	if (ret)
		return ret;
	path = office_path(o->dir, "root.pem");
	uri = o->key ? strdup(o->key) : default_uri(o->dir);
	ret = path && uri ? init_at(o, path, uri, e) :
			    error_set(e, ENOMEM, "out of memory");
	free(path);
	free(uri);
	return ret;
}
