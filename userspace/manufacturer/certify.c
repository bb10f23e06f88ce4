// SPDX-License-Identifier: MIT
/*
 * One connection: is the identity key in the TPM that the endorsement key belongs to,
 * and is that TPM a genuine one? The answer to a credential proves the first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "common/log.h"
#include "manufacturer/manufacturer.h"
#include "pki/tpm.h"

#define UID_SIZE 16
#define SECRET_SIZE 32
#define NAME_MAX_SIZE 64

struct request {
	const struct wire_certify_request *m;
	const char *serial;
	uint8_t uid[UID_SIZE];
	char uid_hex[2 * UID_SIZE + 1];
	char ek_digest[65];
};

static const uint8_t *data_of(const ASN1_OCTET_STRING *s)
{
	return ASN1_STRING_get0_data(s);
}

static size_t len_of(const ASN1_OCTET_STRING *s)
{
	return ASN1_STRING_length(s);
}

static int check_identity(struct request *r, struct error *e)
{
	const ASN1_OCTET_STRING *pub = r->m->identity_public;
	uint8_t digest[32];
	int ret;

	ret = tpm_check_identity(data_of(pub), len_of(pub), e);
	if (ret)
		return ret;
	tpm_name_digest(data_of(pub), len_of(pub), digest);
	memcpy(r->uid, digest, UID_SIZE);
	pki_hex(r->uid, UID_SIZE, r->uid_hex);
	return 0;
}

static int check_request(const struct certifier *c, struct request *r,
			 struct error *e)
{
	struct entry entry = { .serial = r->serial,
			       .uid = r->uid_hex,
			       .ek = r->ek_digest };
	int ret;

	if (!pki_serial_valid(r->serial))
		return error_set(
			e, EINVAL,
			"the serial number is malformed: letters, digits, and . _ - after the first");
	ret = check_identity(r, e);
	if (!ret)
		ret = ek_check(c->ek, data_of(r->m->ek_public),
			       len_of(r->m->ek_public),
			       data_of(r->m->ek_certificate),
			       len_of(r->m->ek_certificate), r->serial,
			       r->ek_digest, e);
	return ret ? ret :
		     register_check(c->office->dir, &entry, c->instances, e);
}

static int send_credential(struct channel *ch, const struct request *r,
			   const uint8_t secret[SECRET_SIZE], struct error *e)
{
	const struct wire_certify_request *m = r->m;
	uint8_t blob[256], enc[512];
	size_t blob_len, enc_len;
	struct message *out;
	int ret;

	ret = tpm_make_credential(data_of(m->ek_public), len_of(m->ek_public),
				  data_of(m->identity_public),
				  len_of(m->identity_public), secret,
				  SECRET_SIZE, blob, &blob_len, enc, &enc_len,
				  e);
	if (ret)
		return ret;
	out = message_new(MSG_CREDENTIAL);
	if (!out || wire_set_octets(out->u.credential->blob, blob, blob_len) ||
	    wire_set_octets(out->u.credential->secret, enc, enc_len))
		ret = error_set(e, ENOMEM, "out of memory");
	else
		ret = channel_send(ch, out, e);
	message_free(out);
	return ret;
}

/* Only the TPM that holds both keys returns the secret. */
static int challenge(struct channel *ch, const struct request *r,
		     struct error *e)
{
	uint8_t secret[SECRET_SIZE];
	const ASN1_OCTET_STRING *back;
	struct message *m = NULL;
	int ret;

	if (RAND_bytes(secret, sizeof(secret)) != 1)
		return error_set_ssl(e, EIO, "no random numbers");
	ret = send_credential(ch, r, secret, e);
	if (!ret)
		ret = channel_expect(ch, MSG_ACTIVATION, &m, e);
	if (!ret) {
		back = m->u.activation->secret;
		if (len_of(back) != sizeof(secret) ||
		    CRYPTO_memcmp(data_of(back), secret, sizeof(secret)))
			ret = error_set(
				e, EKEYREJECTED,
				"the answer to the credential is wrong: identity and endorsement key are not in one TPM");
	}
	message_free(m);
	OPENSSL_cleanse(secret, sizeof(secret));
	return ret;
}

/* What makes the identity certificate worth anything: nothing before challenge(). */
static int issue_identity(const struct certifier *c, const struct request *r,
			  X509 **cert, struct error *e)
{
	const ASN1_OCTET_STRING *pub = r->m->identity_public;
	char name[NAME_MAX_SIZE];
	struct pki_request req = {
		.role = PKI_ROLE_IDENTITY,
		.common_name = name,
		.serial = r->serial,
		.uid = r->uid,
		.days = c->days,
	};
	EVP_PKEY *key;
	int ret;

	snprintf(name, sizeof(name), "secmod %s", r->serial);
	ret = tpm_public_key(data_of(pub), len_of(pub), &key, NULL, e);
	if (!ret)
		ret = pki_issue(&req, key, c->office->root, c->office->key,
				cert, e);
	EVP_PKEY_free(key);
	return ret;
}

static int send_certified(const struct certifier *c, struct channel *ch,
			  X509 *cert, struct error *e)
{
	struct message *m = message_new(MSG_CERTIFIED);
	int ret;

	if (!m || wire_set_cert(&m->u.certified->checking, c->office->root) ||
	    wire_set_cert(&m->u.certified->identity, cert))
		ret = error_set(e, ENOMEM, "out of memory");
	else
		ret = channel_send(ch, m, e);
	message_free(m);
	return ret;
}

static int certify(const struct certifier *c, struct channel *ch,
		   struct request *r, struct error *e)
{
	struct entry entry = { .serial = r->serial,
			       .uid = r->uid_hex,
			       .ek = r->ek_digest };
	X509 *cert = NULL;
	int ret;

	ret = check_request(c, r, e);
	if (!ret)
		ret = challenge(ch, r, e);
	if (!ret)
		ret = issue_identity(c, r, &cert, e);
	entry.identity = cert;
	if (!ret)
		ret = register_issued(c->office->dir, &entry, e);
	if (!ret)
		ret = send_certified(c, ch, cert, e);
	if (!ret)
		log_info("certified module %s, serial number '%s'", r->uid_hex,
			 r->serial);
	X509_free(cert);
	return ret;
}

/* Not for the register: the peer went away, or said so itself. */
static int is_refusal(int ret)
{
	return ret != -ECONNRESET && ret != -EREMOTEIO && ret != -EPIPE &&
	       ret != -ETIMEDOUT && ret != -EINTR;
}

int certify_one(const struct certifier *c, struct channel *ch, struct error *e)
{
	struct request r = { 0 };
	struct error journal;
	struct message *m;
	int ret;

	ret = channel_expect(ch, MSG_CERTIFY_REQUEST, &m, e);
	if (ret)
		return ret;
	r.m = m->u.certify_request;
	r.serial = wire_text(r.m->serial);
	ret = certify(c, ch, &r, e);
	if (ret && is_refusal(ret)) {
		channel_refuse(ch, -ret, e->text);
		if (register_refused(c->office->dir, r.serial, e->text,
				     &journal))
			log_warn("%s", journal.text);
	}
	message_free(m);
	return ret;
}
