// SPDX-License-Identifier: MIT
/* The directory of a personalization unit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hsm/hsm.h"
#include "pu/pu.h"

char *unit_path(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int read_cert(const char *dir, const char *name, const char *from,
		     X509 **out, struct error *e)
{
	char *path = unit_path(dir, name);
	int ret;

	if (!path)
		return error_set(e, ENOMEM, "out of memory");
	if (access(path, F_OK))
		ret = error_set(
			e, ENOENT,
			"'%s' is missing: the manufacturer's %s belongs there",
			path, from);
	else
		ret = pki_read_cert(path, out, e);
	free(path);
	return ret;
}

int unit_read_central(const char *dir, STACK_OF(X509) **out, struct error *e)
{
	char *path = unit_path(dir, "central.pem");
	int ret = 0;

	*out = NULL;
	if (path && !access(path, F_OK))
		ret = pki_read_chain(path, out, e);
	else
		*out = sk_X509_new_null();
	free(path);
	if (!ret && (!path || !*out))
		ret = error_set(e, ENOMEM, "out of memory");
	return ret;
}

int unit_write_central(const char *dir, STACK_OF(X509) *central,
		       struct error *e)
{
	char *path = unit_path(dir, "central.pem");
	int ret;

	if (!path)
		return error_set(e, ENOMEM, "out of memory");
	if (sk_X509_num(central))
		ret = pki_write_chain(path, central, e);
	else
		ret = unlink(path) && errno != ENOENT ?
			      error_set(e, errno, "cannot remove '%s'", path) :
			      0;
	free(path);
	return ret;
}

static int check_unit(const struct unit *u, struct error *e)
{
	int ret;

	ret = pki_check(u->root, PKI_ROLE_MANUFACTURER, u->root, time(NULL), e);
	if (!ret)
		ret = pki_check(u->signer, PKI_ROLE_SIGNER, u->root, time(NULL),
				e);
	return ret ? ret :
		     pki_check_key(u->signer, u->key, "the signing key", e);
}

int unit_open(struct unit *u, const char *dir, struct error *e)
{
	int ret;

	*u = (struct unit){ .dir = dir };
	ret = hsm_open_remembered(dir, &u->key, e);
	if (!ret)
		ret = read_cert(dir, "root.pem", "certificate", &u->root, e);
	if (!ret)
		ret = read_cert(dir, "signer.pem", "answer to signer.csr",
				&u->signer, e);
	if (!ret)
		ret = check_unit(u, e);
	if (!ret)
		ret = unit_read_central(dir, &u->central, e);
	if (ret)
		unit_close(u);
	return ret;
}

void unit_close(struct unit *u)
{
	X509_free(u->root);
	X509_free(u->signer);
	EVP_PKEY_free(u->key);
	sk_X509_pop_free(u->central, X509_free);
	*u = (struct unit){ 0 };
}
