// SPDX-License-Identifier: MIT
/* secmod verify-attest: an attestation against the manufacturer's certificate, offline. */
#include <errno.h>
#include <string.h>

#include <openssl/pem.h>

#include "pki/tpm.h"
#include "secmod/attestation.h"
#include "secmod/cli.h"

struct statement {
	struct secmod_attestation a;
	uint8_t uid[SECMOD_UID_SIZE];
	X509 *identity;
};

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

static int state_of(const char *name)
{
	for (int i = 0; i <= SECMOD_STATE_FAILED; i++)
		if (strcmp(secmod_state_name((unsigned int)i), name) == 0)
			return i;
	return -EBADMSG;
}

static X509 *cert_of(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	X509 *cert = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

	BIO_free(b);
	return cert;
}

static int parse(const json_t *o, struct statement *s)
{
	const char *uid = text_of(o, "uid");
	int state = state_of(text_of(o, "state"));

	if (state < 0 ||
	    json_integer_value(json_object_get(o, "version")) !=
		    ATTESTATION_VERSION ||
	    strlen(uid) != 2 * sizeof(s->uid) ||
	    pki_unhex(uid, s->uid, sizeof(s->uid)) < 0)
		return -EBADMSG;
	s->a.state = (__u32)state;
	s->a.epoch = (__u64)json_integer_value(json_object_get(o, "epoch"));
	for (const struct attestation_field *f = attestation_fields; f->name;
	     f++)
		if (attestation_set(&s->a, f, text_of(o, f->name)) < 0)
			return -EBADMSG;
	s->identity = cert_of(text_of(o, "identity_certificate"));
	return s->identity ? 0 : -EBADMSG;
}

static int read_statement(const char *path, struct statement *s,
			  struct error *e)
{
	json_error_t why;
	json_t *o = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	int rc;

	if (!o)
		return error_set(e, EBADMSG, "'%s': %s", path, why.text);
	rc = parse(o, s);
	json_decref(o);
	return rc ? error_set(e, -rc, "'%s' is no attestation", path) : 0;
}

static int check(const struct statement *s, X509 *root, struct error *e)
{
	const struct tpm_attestation a = {
		.attest = s->a.attest,
		.attest_len = s->a.attest_len,
		.nv_public = s->a.nv_public,
		.nv_public_len = s->a.nv_public_len,
		.signature = s->a.signature,
		.uid = s->uid,
		.nonce = s->a.nonce,
		.key_digest = s->a.key_digest,
		.epoch = s->a.epoch,
		.state = s->a.state,
		.magic = SECMOD_ATTEST_MAGIC,
	};
	uint8_t uid[SECMOD_UID_SIZE];
	int rc = pki_check(s->identity, PKI_ROLE_IDENTITY, root, time(NULL), e);

	if (rc)
		return rc;
	if (pki_get_uid(s->identity, uid) < 0 ||
	    memcmp(uid, s->uid, sizeof(uid)) != 0)
		return error_set(
			e, EKEYREJECTED,
			"the identity certificate is another module's");
	return tpm_check_attestation(&a, X509_get0_pubkey(s->identity), e);
}

static int check_nonce(const struct statement *s, const char *expected,
		       struct error *e)
{
	uint8_t nonce[SECMOD_NONCE_SIZE];
	int rc;

	if (!expected)
		return 0;
	rc = cli_nonce(expected, nonce, e);
	if (rc == 0 && memcmp(nonce, s->a.nonce, sizeof(nonce)) != 0)
		rc = error_set(e, EKEYREJECTED,
			       "the attestation answers another nonce");
	return rc;
}

static int report(struct cli *c, const struct statement *s, int fresh,
		  struct error *e)
{
	char serial[SECMOD_SERIAL_MAX + 1] = "";

	pki_get_serial(s->identity, serial, sizeof(serial));
	if (c->json)
		return cli_print_json(
			json_pack("{s:b, s:b, s:s, s:o, s:s, s:I, s:o}",
				  "valid", 1, "fresh", fresh, "serial", serial,
				  "uid", json_hex(s->uid, sizeof(s->uid)),
				  "state", secmod_state_name(s->a.state),
				  "epoch", (json_int_t)s->a.epoch, "key_digest",
				  json_hex(s->a.key_digest,
					   sizeof(s->a.key_digest))),
			e);
	cli_step(c, "the attestation holds: module %s, state %s, epoch %llu",
		 serial, secmod_state_name(s->a.state),
		 (unsigned long long)s->a.epoch);
	if (!fresh)
		cli_step(
			c,
			"whether it is fresh is unknown: --nonce tells the one you asked with");
	return 0;
}

int cmd_verify_attest(struct cli *c, int argc, char **argv, struct error *e)
{
	const char *path, *root_file = NULL, *nonce = NULL;
	const struct cli_option options[] = {
		{ "root", &root_file, NULL },
		{ "nonce", &nonce, NULL },
		{ NULL, NULL, NULL },
	};
	struct statement s = { .identity = NULL };
	X509 *root = NULL;
	int rc = cli_parse(c, argc, argv, options, 1, 1, &path);

	if (rc)
		return rc;
	if (!root_file)
		return cli_misuse("--root is needed");
	rc = pki_read_cert(root_file, &root, e);
	if (rc == 0)
		rc = read_statement(path, &s, e);
	if (rc == 0)
		rc = check_nonce(&s, nonce, e);
	if (rc == 0) {
		rc = check(&s, root, e);
		if (rc)
			error_set(e, -rc, "'%s' does not hold: %s", path,
				  e->text);
	}
	if (rc == 0)
		rc = report(c, &s, nonce != NULL, e);
	X509_free(s.identity);
	X509_free(root);
	return rc;
}
