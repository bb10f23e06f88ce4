// SPDX-License-Identifier: GPL-2.0-only
/* CBC of the secure channels, by the kernel crypto API. */
#include <crypto/skcipher.h>
#include <linux/scatterlist.h>

#include "scp03.h"

/* @data may be on the stack, which the API does not take. */
int se_cbc(bool encrypt, const u8 *key, size_t key_len, const u8 iv[SCP03_BLOCK], u8 *data,
	   size_t len)
{
	struct crypto_skcipher *tfm = crypto_alloc_skcipher("cbc(aes)", 0, CRYPTO_ALG_ASYNC);
	struct skcipher_request *req = NULL;
	struct scatterlist sg;
	u8 *work;
	int rc;

	if (IS_ERR(tfm))
		return -EIO;
	work = kmalloc(SCP03_BLOCK + len, GFP_KERNEL);
	req = skcipher_request_alloc(tfm, GFP_KERNEL);
	rc = work && req ? crypto_skcipher_setkey(tfm, key, key_len) : -ENOMEM;
	if (rc)
		goto out_free;
	memcpy(work, iv, SCP03_BLOCK);
	memcpy(work + SCP03_BLOCK, data, len);
	sg_init_one(&sg, work + SCP03_BLOCK, len);
	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP, NULL, NULL);
	skcipher_request_set_crypt(req, &sg, &sg, len, work);
	rc = encrypt ? crypto_skcipher_encrypt(req) : crypto_skcipher_decrypt(req);
	if (!rc)
		memcpy(data, work + SCP03_BLOCK, len);
out_free:
	skcipher_request_free(req);
	kfree_sensitive(work);
	crypto_free_skcipher(tfm);
	return rc;
}
