// SPDX-License-Identifier: GPL-2.0-only
/* What kernel/executive/scp03.h wants, over OpenSSL. */
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "kernel/executive/scp03.h"

static const char *cipher_name(size_t key_len)
{
	return key_len == 16 ? "AES-128-CBC" :
	       key_len == 24 ? "AES-192-CBC" :
			       "AES-256-CBC";
}

int se_cmac(const u8 *key, size_t key_len, const struct t2_vec *in,
	    size_t count, u8 out[SCP03_BLOCK])
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER,
				       (char *)cipher_name(key_len), 0),
		OSSL_PARAM_END,
	};
	size_t i, len;
	int ok = ctx && EVP_MAC_init(ctx, key, key_len, params);

	for (i = 0; ok && i < count; i++)
		ok = EVP_MAC_update(ctx, in[i].data, in[i].len);
	ok = ok && EVP_MAC_final(ctx, out, &len, SCP03_BLOCK);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok ? 0 : -EIO;
}

int se_cbc(bool encrypt, const u8 *key, size_t key_len,
	   const u8 iv[SCP03_BLOCK], u8 *data, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, ok;

	ok = ctx &&
	     EVP_CipherInit_ex(ctx, EVP_get_cipherbyname(cipher_name(key_len)),
			       NULL, key, iv, encrypt) &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) &&
	     EVP_CipherUpdate(ctx, data, &n, data, (int)len);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EIO;
}
