// SPDX-License-Identifier: MIT
/* ECDSA signatures as r and s, and keys against certificates. */
#include <errno.h>
#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "pki/pki.h"

#define HALF 32

static int der_to_raw(const unsigned char *der, size_t len, uint8_t sig[64])
{
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, len);
	int ok;

	ok = s && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, HALF) == HALF &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + HALF, HALF) == HALF;
	ECDSA_SIG_free(s);
	return ok;
}

/* Returns the length, 0 when out of memory. */
static int raw_to_der(const uint8_t sig[64], unsigned char **der)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, HALF, NULL);
	BIGNUM *t = BN_bin2bn(sig + HALF, HALF, NULL);
	int len = 0;

	*der = NULL;
	if (s && r && t && ECDSA_SIG_set0(s, r, t)) {
		r = t = NULL;
		len = i2d_ECDSA_SIG(s, der);
	}
	BN_free(r);
	BN_free(t);
	ECDSA_SIG_free(s);
	return len > 0 ? len : 0;
}

int pki_sign_raw(EVP_PKEY *key, const void *data, size_t len, uint8_t sig[64],
		 struct error *e)
{
	unsigned char der[128];
	size_t der_len = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	ok = ctx &&
	     EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) > 0 &&
	     EVP_DigestSign(ctx, der, &der_len, data, len) > 0 &&
	     der_to_raw(der, der_len, sig);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : error_set_ssl(e, EIO, "cannot sign");
}

int pki_verify_raw(EVP_PKEY *key, const void *data, size_t len,
		   const uint8_t sig[64], struct error *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der;
	int der_len, ok;

	der_len = raw_to_der(sig, &der);
	ok = ctx && der_len &&
	     EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) > 0 &&
	     EVP_DigestVerify(ctx, der, der_len, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	ERR_clear_error();
	return ok ? 0 :
		    error_set(e, EKEYREJECTED, "the signature does not verify");
}

int pki_check_key(X509 *cert, EVP_PKEY *key, const char *what, struct error *e)
{
	EVP_PKEY *certified = X509_get0_pubkey(cert);
	char name[128];

	if (certified && EVP_PKEY_eq(certified, key) == 1)
		return 0;
	ERR_clear_error();
	pki_describe(cert, name, sizeof(name));
	return error_set(e, EKEYREJECTED,
			 "%s is not the key of the certificate '%s'", what,
			 name);
}
