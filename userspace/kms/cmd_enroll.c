// SPDX-License-Identifier: MIT
/*
 * The commands "enroll" and "certify": is this storage key in a genuine TPM? The
 * challenge opens only in the TPM with that endorsement key while the storage key
 * with that name is in it, and its name says that it is fixed to its TPM.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <tss2/tss2_mu.h>

#include "hsm/tpm_key.h"
#include "kms/kms.h"
#include "pki/ek.h"
#include "pki/pki.h"

#define REQUEST "secmod hsm1 request"
#define CHALLENGE "secmod hsm1 challenge"
#define RESPONSE "secmod hsm1 response"

static int check_ek(const struct options *o, const struct hsm *h,
		    const uint8_t *cert, size_t cert_len, char digest[65],
		    struct error *e)
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	struct ek_policy *policy;
	size_t len = 0;
	int ret;

	if (Tss2_MU_TPMT_PUBLIC_Marshal(&h->ek.publicArea, area, sizeof(area),
					&len) != TSS2_RC_SUCCESS)
		return error_set(e, EBADMSG, "'ek' is no public area");
	ret = ek_policy_new(o->ek_ca, o->ek_allow, &policy, e);
	if (ret)
		return ret;
	ret = ek_check(policy, area, len, cert, cert_len, h->label, digest, e);
	ek_policy_free(policy);
	return ret;
}

static int read_request(const struct options *o, struct hsm *h, char digest[65],
			struct error *e)
{
	uint8_t cert[TPM_EK_CERT_MAX];
	size_t cert_len = 0;
	json_t *doc;
	int ret = custody_read(o->request, REQUEST, &doc, e);

	if (ret)
		return ret;
	ret = custody_get_public(doc, "storage", &h->storage, e);
	if (!ret)
		ret = custody_get_public(doc, "ek", &h->ek, e);
	if (!ret && custody_text(doc, "ek_certificate"))
		ret = custody_get(doc, "ek_certificate", cert, 1, sizeof(cert),
				  &cert_len, e);
	json_decref(doc);
	if (!ret)
		ret = custody_check_storage(&h->storage, e);
	if (!ret)
		ret = custody_name(&h->storage, &h->name, e);
	return ret ? ret : check_ek(o, h, cert, cert_len, digest, e);
}

static int write_challenge(const struct options *o, struct hsm *h,
			   struct error *e)
{
	struct custody_credential c;
	uint8_t secret[32];
	json_t *doc;
	int ret;

	if (RAND_priv_bytes(secret, sizeof(secret)) != 1 ||
	    !EVP_Digest(secret, sizeof(secret), h->challenge, NULL,
			EVP_sha256(), NULL))
		return error_set_ssl(e, EIO, "there are no random numbers");
	ret = custody_credential_make(&h->ek, &h->storage, secret,
				      sizeof(secret), &c, e);
	OPENSSL_cleanse(secret, sizeof(secret));
	if (ret)
		return ret;
	doc = custody_document(CHALLENGE);
	json_object_set_new(doc, "hsm", json_string(h->label));
	custody_put_credential(doc, &c);
	return custody_write(o->out, doc, e);
}

static int enroll(const struct kms *k, const struct options *o,
		  const char *label, struct error *e)
{
	struct hsm h = { 0 };
	char digest[65], name[2 * sizeof(h.name.name) + 1];
	int ret = hsm_load(k, label, &h, e);

	if (!ret || !strcmp(label, KMS_HERE))
		return error_set(
			e, EEXIST,
			"HSM '%s' is there already: a new one has a new name",
			label);
	if (ret != -ENOENT)
		return ret;
	memset(&h, 0, sizeof(h));
	snprintf(h.label, sizeof(h.label), "%s", label);
	ret = read_request(o, &h, digest, e);
	if (!ret)
		ret = write_challenge(o, &h, e);
	if (!ret)
		ret = audit(k, "enroll", label, digest, e);
	if (!ret)
		ret = hsm_store(k, &h, e);
	if (ret)
		return ret;
	pki_hex(h.name.name, h.name.size, name);
	printf("storage key %s\nendorsement key %s\n", name, digest);
	return 0;
}

int cmd_enroll(const struct options *o, int argc, char **argv, struct error *e)
{
	struct kms k;
	int ret;

	(void)argc;
	ret = kms_open(o->dir, &k, e);
	if (ret)
		return ret;
	ret = enroll(&k, o, argv[0], e);
	kms_close(&k);
	return ret;
}

static int check_response(const char *path, const struct hsm *h,
			  struct error *e)
{
	uint8_t secret[32], digest[CUSTODY_DIGEST_SIZE];
	json_t *doc;
	int ret = custody_read(path, RESPONSE, &doc, e);

	if (ret)
		return ret;
	ret = custody_get(doc, "answer", secret, sizeof(secret), sizeof(secret),
			  NULL, e);
	json_decref(doc);
	if (!ret && (!EVP_Digest(secret, sizeof(secret), digest, NULL,
				 EVP_sha256(), NULL) ||
		     CRYPTO_memcmp(digest, h->challenge, sizeof(digest))))
		ret = error_set(
			e, EKEYREJECTED,
			"the storage key of HSM '%s' is refused: its TPM has not opened the challenge",
			h->label);
	return ret;
}

static int certify(const struct kms *k, const struct options *o,
		   const char *label, struct error *e)
{
	char name[2 * sizeof(TPMU_NAME) + 1];
	EVP_PKEY *key = NULL;
	struct hsm h;
	int ret = hsm_load(k, label, &h, e);

	if (!ret)
		ret = check_response(o->response, &h, e);
	if (!ret)
		ret = kms_authority_key(k, o->key, &key, e);
	if (!ret)
		ret = hsm_certify(&h, key, e);
	EVP_PKEY_free(key);
	if (ret)
		return ret;
	pki_hex(h.name.name, h.name.size, name);
	ret = audit(k, "certify", label, name, e);
	if (!ret)
		ret = hsm_store(k, &h, e);
	if (!ret)
		printf("the storage key %s of HSM '%s' is certified\n", name,
		       label);
	return ret;
}

int cmd_certify(const struct options *o, int argc, char **argv, struct error *e)
{
	struct kms k;
	int ret;

	(void)argc;
	ret = kms_open(o->dir, &k, e);
	if (ret)
		return ret;
	ret = certify(&k, o, argv[0], e);
	kms_close(&k);
	return ret;
}
