// SPDX-License-Identifier: MIT
/* The command "certify-signer": makes a personalization unit's key a signing key. */
#include <errno.h>
#include <stdio.h>

#include "manufacturer/manufacturer.h"
#include "pki/request.h"

#define SIGNER_DAYS 730

static int certify(const struct options *o, const struct office *office,
		   EVP_PKEY *key, struct error *e)
{
	struct pki_request req = {
		.role = PKI_ROLE_SIGNER,
		.common_name = o->name,
		.days = o->days ? o->days : SIGNER_DAYS,
	};
	char fingerprint[65];
	X509 *cert;
	int ret;

	ret = pki_issue(&req, key, office->root, office->key, &cert, e);
	if (!ret)
		ret = pki_check(cert, PKI_ROLE_SIGNER, office->root, time(NULL),
				e);
	if (!ret)
		ret = pki_write_cert(o->out, cert, e);
	if (!ret) {
		pki_fingerprint(cert, fingerprint);
		printf("%s\n", fingerprint);
	}
	X509_free(cert);
	return ret;
}

int cmd_certify_signer(const struct options *o, int argc, char **argv,
		       struct error *e)
{
	struct office office;
	EVP_PKEY *key;
	int ret;

	(void)argc;
	(void)argv;
	ret = pki_read_applicant(o->csr, o->public_key, &key, e);
	if (ret)
		return ret;
	ret = office_open(&office, o->dir, e);
	if (!ret) {
		ret = certify(o, &office, key, e);
		office_close(&office);
	}
	EVP_PKEY_free(key);
	return ret;
}
