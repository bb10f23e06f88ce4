// SPDX-License-Identifier: MIT
/*
 * Verification with a key of ours, in software: programs check the request or the
 * certificate they have just signed with the key object they have at hand.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "provider/provider.h"

#define OTHERS "provider!=" PROVIDER_NAME

static EVP_PKEY *make_public(const struct key *key)
{
	OSSL_LIB_CTX *libctx = key_provider(key)->libctx;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, "EC", OTHERS);
	EVP_PKEY *public = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)"prime256v1", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						  (void *)key_point(key),
						  KEY_POINT_SIZE),
		OSSL_PARAM_construct_end(),
	};

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &public, EVP_PKEY_PUBLIC_KEY, params) != 1)
	public = NULL;
	EVP_PKEY_CTX_free(ctx);
	return public;
}

int key_verify(struct key *key, const char *propq, const unsigned char *digest,
	       size_t len, const unsigned char *sig, size_t siglen)
{
	OSSL_LIB_CTX *libctx = key_provider(key)->libctx;
	EVP_PKEY *public = make_public(key);
	EVP_PKEY_CTX *ctx = NULL;
	int ok = 0;

	if (public)
		ctx = EVP_PKEY_CTX_new_from_pkey(libctx, public, propq);
	if (ctx && EVP_PKEY_verify_init(ctx) == 1)
		ok = EVP_PKEY_verify(ctx, sig, siglen, digest, len) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(public);
	return ok;
}
