// SPDX-License-Identifier: MIT
/* AES as the secure channels use it. */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "gp/internal.h"

static const char *cipher_name(size_t key_len)
{
	switch (key_len) {
	case 16:
		return "AES-128-CBC";
	case 24:
		return "AES-192-CBC";
	case 32:
		return "AES-256-CBC";
	}
	return NULL;
}

static int bad_key(size_t key_len, struct error *e)
{
	return error_set(e, EINVAL,
			 "an AES key has 16, 24 or 32 bytes, not %zu", key_len);
}

int gp_cmac(const uint8_t *key, size_t key_len, const struct bytes *in,
	    size_t count, uint8_t out[BLOCK], struct error *e)
{
	const char *name = cipher_name(key_len);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)name, 0),
		OSSL_PARAM_END,
	};
	EVP_MAC *mac;
	EVP_MAC_CTX *ctx;
	size_t len = 0;
	int ok;

	if (!name)
		return bad_key(key_len, e);
	mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	ctx = EVP_MAC_CTX_new(mac);
	ok = ctx && EVP_MAC_init(ctx, key, key_len, params);
	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_MAC_update(ctx, in[i].data, in[i].len);
	ok = ok && EVP_MAC_final(ctx, out, &len, BLOCK) && len == BLOCK;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? 0 : error_set_ssl(e, EIO, "cannot compute a CMAC");
}

int gp_cbc(int encrypt, const uint8_t *key, size_t key_len,
	   const uint8_t iv[BLOCK], uint8_t *data, size_t len, struct error *e)
{
	const char *name = cipher_name(key_len);
	EVP_CIPHER_CTX *ctx;
	int n = 0, ok;

	if (!name)
		return bad_key(key_len, e);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx &&
	     EVP_CipherInit_ex(ctx, EVP_get_cipherbyname(name), NULL, key, iv,
			       encrypt) &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) &&
	     EVP_CipherUpdate(ctx, data, &n, data, (int)len) &&
	     (size_t)n == len;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : error_set_ssl(e, EIO, "cannot use AES");
}

int gp_derive(const uint8_t *key, size_t key_len, uint8_t constant,
	      const struct bytes context[2], uint8_t *out, size_t len,
	      struct error *e)
{
	const unsigned int bits = (unsigned int)len * 8;
	/* label, separator, number of bits, counter */
	uint8_t head[16] = {
		[11] = constant, [13] = (uint8_t)(bits >> 8), [14] = (uint8_t)bits
	};
	const struct bytes in[] = { { head, sizeof(head) },
				    context[0],
				    context[1] };
	uint8_t block[BLOCK];
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < len; at += BLOCK) {
		const size_t n = len - at < BLOCK ? len - at : BLOCK;

		head[15]++;
		rc = gp_cmac(key, key_len, in, 3, block, e);
		if (rc == 0)
			memcpy(out + at, block, n);
	}
	OPENSSL_cleanse(block, sizeof(block));
	return rc;
}

int gp_x963(const struct bytes *secret, const struct bytes *info, uint8_t *out,
	    size_t len, struct error *e)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256",
				       0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY,
					(void *)secret->data, secret->len),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (void *)info->data,
					info->len),
		OSSL_PARAM_END,
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	const int ok = ctx && EVP_KDF_derive(ctx, out, len, params) > 0;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : error_set_ssl(e, EIO, "cannot derive keys");
}

int gp_kcv(const uint8_t *key, size_t len, uint8_t kcv[GP_KCV_SIZE],
	   struct error *e)
{
	static const uint8_t zeros[BLOCK];
	uint8_t block[BLOCK];
	int rc;

	/* of one block CBC makes what ECB does */
	memset(block, 1, sizeof(block));
	rc = gp_cbc(1, key, len, zeros, block, sizeof(block), e);
	if (rc == 0)
		memcpy(kcv, block, GP_KCV_SIZE);
	return rc;
}
