// SPDX-License-Identifier: MIT
/* secmod certs: the module's certificates, listed and as PEM files. */
#include <errno.h>
#include <stdio.h>

#include "pki/pki.h"
#include "secmod/cli.h"

struct listing {
	struct cli *c;
	const char *dir;
	json_t *array;
};

static int write_one(struct listing *l, enum secmod_cert kind,
		     unsigned int index, X509 *cert, struct error *e)
{
	char path[512];

	if (kind == SECMOD_CERT_CENTRAL)
		snprintf(path, sizeof(path), "%s/central-%u.pem", l->dir,
			 index);
	else
		snprintf(path, sizeof(path), "%s/%s.pem", l->dir,
			 secmod_cert_name(kind));
	return pki_write_cert(path, cert, e);
}

static int list_one(void *arg, enum secmod_cert kind, unsigned int index,
		    X509 *cert, struct error *e)
{
	struct listing *l = arg;
	char line[256];

	if (l->dir) {
		int rc = write_one(l, kind, index, cert, e);

		if (rc)
			return rc;
	}
	if (json_array_append_new(l->array, cert_json(kind, index, cert)))
		return error_set(e, ENOMEM, "out of memory");
	cert_line(cert, line, sizeof(line));
	cli_step(l->c, "%-9s %s", secmod_cert_name(kind), line);
	return 0;
}

/* What a TLS program presents: the module's certificate and its issuer's. */
static int write_chain(const char *dir, const struct certs *certs,
		       struct error *e)
{
	STACK_OF(X509) *chain;
	char path[512];
	int rc = -ENOMEM;

	if (!certs->module || !certs->signer)
		return 0;
	chain = sk_X509_new_null();
	snprintf(path, sizeof(path), "%s/module-chain.pem", dir);
	if (chain && sk_X509_push(chain, certs->module) &&
	    sk_X509_push(chain, certs->signer))
		rc = pki_write_chain(path, chain, e);
	else
		error_set(e, ENOMEM, "out of memory");
	sk_X509_free(chain);
	return rc;
}

static int list(struct listing *l, const struct certs *certs, struct error *e)
{
	int rc = certs_each(certs, list_one, l, e);

	if (rc == 0 && l->dir)
		rc = write_chain(l->dir, certs, e);
	if (rc || !l->c->json)
		return rc;
	return cli_print_json(json_incref(l->array), e);
}

int cmd_certs(struct cli *c, int argc, char **argv, struct error *e)
{
	struct listing l = { .c = c };
	const struct cli_option options[] = {
		{ "out-dir", &l.dir, NULL },
		{ NULL, NULL, NULL },
	};
	struct certs certs;
	int rc = cli_parse(c, argc, argv, options, 0, 0, NULL);

	if (rc == 0)
		rc = cli_open(c, e);
	if (rc == 0)
		rc = certs_read(c, &certs, e);
	if (rc)
		return rc;
	l.array = json_array();
	rc = list(&l, &certs, e);
	json_decref(l.array);
	certs_release(&certs);
	return rc;
}
