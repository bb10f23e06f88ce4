// SPDX-License-Identifier: MIT
/* secmod attest: the identity key vouches for epoch, state and module key. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "pki/pki.h"
#include "secmod/attestation.h"
#include "secmod/cli.h"

static json_t *cert_pem(X509 *cert)
{
	BIO *b = BIO_new(BIO_s_mem());
	json_t *text = NULL;
	char *pem;
	long len;

	if (b && PEM_write_bio_X509(b, cert)) {
		len = BIO_get_mem_data(b, &pem);
		text = json_stringn(pem, (size_t)len);
	}
	BIO_free(b);
	return text;
}

static json_t *attestation_json(const struct secmod_attestation *a,
				const uint8_t *uid, X509 *identity)
{
	json_t *o = json_pack("{s:i, s:s, s:I, s:o, s:o}", "version",
			      ATTESTATION_VERSION, "state",
			      secmod_state_name(a->state), "epoch",
			      (json_int_t)a->epoch, "uid",
			      json_hex(uid, SECMOD_UID_SIZE),
			      "identity_certificate", cert_pem(identity));

	for (const struct attestation_field *f = attestation_fields;
	     o && f->name; f++)
		if (json_object_set_new(o, f->name,
					json_hex(attestation_data(a, f),
						 attestation_len(a, f)))) {
			json_decref(o);
			return NULL;
		}
	return o;
}

static int write_json(const char *path, const json_t *o, struct error *e)
{
	char *text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	struct outfile f;
	int rc;

	if (!text)
		return error_set(e, ENOMEM, "out of memory");
	rc = outfile_begin(&f, path, e);
	if (rc == 0)
		rc = outfile_commit(&f, text, strlen(text), e);
	free(text);
	return rc;
}

static int output(struct cli *c, const struct secmod_attestation *a, json_t *o,
		  const char *path, struct error *e)
{
	int rc;

	if (!o)
		return error_set(e, ENOMEM, "out of memory");
	if (!path)
		return cli_print_json(json_incref(o), e);
	rc = write_json(path, o, e);
	if (rc == 0)
		cli_step(c, "'%s': epoch %llu, %s", path,
			 (unsigned long long)a->epoch,
			 secmod_state_name(a->state));
	return rc;
}

static int attest(struct cli *c, const uint8_t *nonce, const char *path,
		  struct error *e)
{
	struct secmod_attestation a;
	struct secmod_info info;
	struct certs certs;
	json_t *o;
	int rc = cli_info(c, &info, e);

	if (rc)
		return rc;
	rc = secmod_attest(c->m, nonce, &a);
	if (rc)
		return cli_refused(c, rc, "attesting", e);
	rc = certs_read(c, &certs, e);
	if (rc)
		return rc;
	o = attestation_json(&a, info.uid, certs.identity);
	rc = output(c, &a, o, path, e);
	json_decref(o);
	certs_release(&certs);
	return rc;
}

int cmd_attest(struct cli *c, int argc, char **argv, struct error *e)
{
	const char *nonce_text = NULL, *path = NULL;
	const struct cli_option options[] = {
		{ "nonce", &nonce_text, NULL },
		{ "out", &path, NULL },
		{ NULL, NULL, NULL },
	};
	uint8_t nonce[SECMOD_NONCE_SIZE];
	int rc = cli_parse(c, argc, argv, options, 0, 0, NULL);

	if (rc == 0)
		rc = cli_nonce(nonce_text, nonce, e);
	return rc ? rc : attest(c, nonce, path, e);
}
