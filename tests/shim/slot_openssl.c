// SPDX-License-Identifier: GPL-2.0-only
/* What kernel/slot.h wants, over OpenSSL. */
#include <openssl/evp.h>

#include "kernel/slot.h"

int secmod_gcm(bool encrypt, const u8 key[32], const u8 *aad, size_t aad_len,
	       u8 *data, size_t len)
{
	static const u8 iv[12];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	u8 *tag = data + len;
	int n, ok;

	ok = ctx &&
	     EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv,
			       encrypt) &&
	     EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len) &&
	     EVP_CipherUpdate(ctx, data, &n, data, (int)len);
	if (ok && !encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG,
					 SLOT_TAG_SIZE, tag);
	if (ok && !EVP_CipherFinal_ex(ctx, tag, &n)) {
		EVP_CIPHER_CTX_free(ctx);
		return -EBADMSG;
	}
	if (ok && encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG,
					 SLOT_TAG_SIZE, tag);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EIO;
}
