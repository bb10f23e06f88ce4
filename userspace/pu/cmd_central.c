// SPDX-License-Identifier: MIT
/* The commands "add-central" and "remove-central": whom modules will talk to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pki/request.h"
#include "pu/pu.h"

#define CENTRAL_DAYS 730
#define CENTRAL_MAX 4 /* in a bundle */

static int issue(const struct options *o, struct unit *u, EVP_PKEY *key,
		 X509 **cert, struct error *e)
{
	struct pki_request req = {
		.role = PKI_ROLE_CENTRAL,
		.common_name = o->name,
		.days = o->days ? o->days : CENTRAL_DAYS,
	};
	int ret;

	ret = pki_issue(&req, key, u->signer, u->key, cert, e);
	if (!ret)
		ret = pki_check(*cert, PKI_ROLE_CENTRAL, u->signer, time(NULL),
				e);
	return ret;
}

/* The file for the central system has the signer behind: what it sends in TLS. */
static int write_out(const char *path, X509 *cert, X509 *signer,
		     struct error *e)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	int ret;

	if (chain && sk_X509_push(chain, cert) && sk_X509_push(chain, signer))
		ret = pki_write_chain(path, chain, e);
	else
		ret = error_set(e, ENOMEM, "out of memory");
	sk_X509_free(chain);
	return ret;
}

static int add(const struct options *o, struct unit *u, EVP_PKEY *key,
	       struct error *e)
{
	char fingerprint[65];
	X509 *cert = NULL;
	int ret;

	if (sk_X509_num(u->central) >= CENTRAL_MAX)
		return error_set(
			e, ENOSPC,
			"a bundle holds %d central certificates: remove-central one first",
			CENTRAL_MAX);
	ret = issue(o, u, key, &cert, e);
	if (!ret)
		ret = record_central(u, cert, "central", e);
	if (!ret && !sk_X509_push(u->central, cert))
		ret = error_set(e, ENOMEM, "out of memory");
	if (ret) {
		X509_free(cert);
		return ret;
	}
	ret = unit_write_central(u->dir, u->central, e);
	if (!ret)
		ret = write_out(o->out, cert, u->signer, e);
	if (!ret) {
		pki_fingerprint(cert, fingerprint);
		printf("%s\n", fingerprint);
	}
	return ret;
}

int cmd_add_central(const struct options *o, int argc, char **argv,
		    struct error *e)
{
	struct unit u;
	EVP_PKEY *key;
	int ret;

	(void)argc;
	(void)argv;
	ret = pki_read_applicant(o->csr, o->public_key, &key, e);
	if (ret)
		return ret;
	ret = unit_open(&u, o->dir, e);
	if (!ret) {
		ret = add(o, &u, key, e);
		unit_close(&u);
	}
	EVP_PKEY_free(key);
	return ret;
}

static int remove_one(struct unit *u, const char *which, struct error *e)
{
	char fingerprint[65];
	X509 *cert;
	int i, ret;

	for (i = 0; i < sk_X509_num(u->central); i++) {
		cert = sk_X509_value(u->central, i);
		pki_fingerprint(cert, fingerprint);
		if (strcmp(fingerprint, which))
			continue;
		ret = record_central(u, cert, "central-removed", e);
		if (ret)
			return ret;
		X509_free(sk_X509_delete(u->central, i));
		return unit_write_central(u->dir, u->central, e);
	}
	return error_set(e, ENOENT, "there is no central certificate '%s'",
			 which);
}

int cmd_remove_central(const struct options *o, int argc, char **argv,
		       struct error *e)
{
	struct unit u;
	int ret;

	(void)argc;
	ret = unit_open(&u, o->dir, e);
	if (ret)
		return ret;
	ret = remove_one(&u, argv[0], e);
	unit_close(&u);
	return ret;
}
