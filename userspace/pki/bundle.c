// SPDX-License-Identifier: MIT
/* Personalization bundles: signed by the PU, checked as the module will. */
#include <errno.h>
#include <string.h>

#include <linux/secmod.h>

#include "common/wire.h"
#include "pki/oid.h"

int pki_bundle_sign(struct wire_bundle *b, EVP_PKEY *key, struct error *e)
{
	uint8_t sig[SECMOD_SIG_SIZE];
	unsigned char *tbs = NULL;
	int len, ret;

	len = i2d_wire_tbs_bundle(b->tbs, &tbs);
	if (len <= 0)
		return error_set_ssl(e, EINVAL, "cannot encode the bundle");
	ret = pki_sign_raw(key, tbs, len, sig, e);
	OPENSSL_free(tbs);
	if (!ret && wire_set_octets(b->signature, sig, sizeof(sig)))
		ret = error_set(e, ENOMEM, "out of memory");
	return ret;
}

static int check_signature(struct wire_bundle *b, X509 *signer, struct error *e)
{
	EVP_PKEY *key = X509_get0_pubkey(signer);
	unsigned char *tbs = NULL;
	int len, ret;

	len = i2d_wire_tbs_bundle(b->tbs, &tbs);
	if (len <= 0 || !key)
		return error_set_ssl(e, EKEYREJECTED, "bundle: no signature");
	ret = pki_verify_raw(key, tbs, len, ASN1_STRING_get0_data(b->signature),
			     NULL);
	OPENSSL_free(tbs);
	return ret ? error_set(
			     e, EKEYREJECTED,
			     "bundle: the signature is not by the signing key") :
		     0;
}

static int equals(const ASN1_OCTET_STRING *field, const uint8_t *value, int len)
{
	return ASN1_STRING_length(field) == len &&
	       !memcmp(ASN1_STRING_get0_data(field), value, len);
}

/* Made for this module, this key and this attempt? */
static int check_binding(const struct wire_tbs_bundle *tbs,
			 const struct pki_bundle_expect *x, struct error *e)
{
	if (pki_oid_number(tbs->type, PKI_ARC_MSG) != SECMOD_MSG_BUNDLE)
		return error_set(e, EKEYREJECTED,
				 "bundle: it is another kind of message");
	if (!equals(tbs->uid, x->uid, SECMOD_UID_SIZE))
		return error_set(e, EKEYREJECTED,
				 "bundle: it is for another module");
	if (tbs->epoch != x->epoch)
		return error_set(e, ESTALE,
				 "bundle: it is for epoch %llu, not %llu",
				 (unsigned long long)tbs->epoch,
				 (unsigned long long)x->epoch);
	if (!equals(tbs->module_nonce, x->module_nonce, SECMOD_NONCE_SIZE))
		return error_set(e, ESTALE, "bundle: it has another nonce");
	if (!equals(tbs->salt, x->salt, SECMOD_SALT_SIZE))
		return error_set(e, EKEYREJECTED,
				 "bundle: it has another salt");
	return 0;
}

static int check_module(X509 *cert, const struct pki_bundle_expect *x,
			struct error *e)
{
	uint8_t uid[SECMOD_UID_SIZE], nonce[SECMOD_NONCE_SIZE];
	uint8_t salt[SECMOD_SALT_SIZE];
	uint64_t epoch;
	int ret;

	ret = pki_check(cert, PKI_ROLE_MODULE, x->signer, x->when, e);
	if (ret)
		return ret;
	if (pki_get_uid(cert, uid) || memcmp(uid, x->uid, sizeof(uid)))
		return error_set(e, EKEYREJECTED,
				 "module certificate: it names another module");
	if (pki_get_nonce(cert, nonce) || pki_get_salt(cert, salt) ||
	    pki_get_epoch(cert, &epoch) || epoch != x->epoch ||
	    memcmp(nonce, x->module_nonce, sizeof(nonce)) ||
	    memcmp(salt, x->salt, sizeof(salt)))
		return error_set(
			e, EKEYREJECTED,
			"module certificate: it has another nonce, salt or epoch");
	return pki_check_key(cert, x->module_key, "the new module key", e);
}

int pki_bundle_check(struct wire_bundle *b, const struct pki_bundle_expect *x,
		     struct error *e)
{
	STACK_OF(X509) *central = b->tbs->central;
	int i, ret;

	ret = check_signature(b, x->signer, e);
	if (!ret)
		ret = check_binding(b->tbs, x, e);
	if (!ret)
		ret = check_module(b->tbs->module, x, e);
	for (i = 0; !ret && i < sk_X509_num(central); i++)
		ret = pki_check(sk_X509_value(central, i), PKI_ROLE_CENTRAL,
				x->signer, x->when, e);
	return ret;
}
