// SPDX-License-Identifier: MIT
/* The commands "authority", "init" and "log". */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "hsm/hsm.h"
#include "kms/kms.h"

static int write_public(const char *path, EVP_PKEY *key, struct error *e)
{
	FILE *f = fopen(path, "wxe");
	int ok = f && PEM_write_PUBKEY(f, key) && !fflush(f);
	int err = ok ? 0 : errno;

	if (f && fclose(f))
		ok = 0;
	return ok ? 0 :
		    error_set(e, err ? err : EIO, "cannot write '%s': %s", path,
			      strerror(err ? err : EIO));
}

int cmd_authority(const struct options *o, int argc, char **argv,
		  struct error *e)
{
	EVP_PKEY *key = NULL;
	int ret;

	(void)argc;
	(void)argv;
	ret = hsm_create_key(o->key, &key, e);
	if (!ret)
		ret = write_public(o->out, key, e);
	EVP_PKEY_free(key);
	return ret;
}

int cmd_init(const struct options *o, int argc, char **argv, struct error *e)
{
	struct kms k;
	int ret;

	(void)argc;
	(void)argv;
	ret = kms_create(o->dir, o->tcti, o->authority, e);
	if (!ret)
		ret = kms_open(o->dir, &k, e);
	if (ret)
		return ret;
	ret = audit(&k, "init", o->tcti, "", e);
	kms_close(&k);
	return ret;
}

static int print_line(void *arg, const char *line)
{
	(void)arg;
	return puts(line) < 0;
}

int cmd_log(const struct options *o, int argc, char **argv, struct error *e)
{
	struct kms k;
	int ret;

	(void)argc;
	(void)argv;
	ret = kms_open(o->dir, &k, e);
	if (ret)
		return ret;
	ret = audit_each(&k, print_line, NULL, e);
	kms_close(&k);
	return ret;
}
