// SPDX-License-Identifier: GPL-2.0-only
/* AES-256-GCM: a cipher for each key, a request for each thread. */
#include <linux/mm.h>

#include "cipher.h"

/*
 * The fastest in software, which is asynchronous by name: it calls back at once where the
 * FPU may be used. A device is left out: it is slow to ask for a short message.
 */
struct crypto_aead *txn_cipher_alloc(void)
{
	return crypto_alloc_aead("gcm(aes)", 0, CRYPTO_ALG_KERN_DRIVER_ONLY);
}

struct crypto_aead *txn_cipher_new(const u8 key[TXN_KEY_SIZE])
{
	struct crypto_aead *cipher = txn_cipher_alloc();
	int rc;

	if (IS_ERR(cipher))
		return cipher;
	rc = crypto_aead_setkey(cipher, key, TXN_KEY_SIZE);
	rc = rc ?: crypto_aead_setauthsize(cipher, TXN_TAG_SIZE);
	if (!rc)
		return cipher;
	crypto_free_aead(cipher);
	return ERR_PTR(rc);
}

void txn_cipher_free(struct crypto_aead *cipher)
{
	crypto_free_aead(cipher);
}

static int use_cipher(struct txn_work *w, struct crypto_aead *cipher)
{
	if (w->request && w->cipher == cipher)
		return 0;
	aead_request_free(w->request);
	w->request = aead_request_alloc(cipher, GFP_KERNEL);
	w->cipher = cipher;
	return w->request ? 0 : -ENOMEM;
}

/* A list of one entry is what implementations have a short way for. */
static void set_list(struct scatterlist *sg, u8 *at, size_t len)
{
	size_t i, n;

	if (!is_vmalloc_addr(at)) {
		sg_init_one(sg, at, len);
		return;
	}
	sg_init_table(sg, TXN_PAGES);
	for (i = 0; len; i++, at += n, len -= n) {
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(at));
		sg_set_page(&sg[i], vmalloc_to_page(at), n, offset_in_page(at));
	}
	sg_mark_end(&sg[i - 1]);
}

int txn_cipher_run(struct txn_work *w, struct crypto_aead *cipher, bool seal, u8 *at,
		   size_t aad_len, size_t len)
{
	size_t whole = aad_len + len + TXN_TAG_SIZE;
	struct aead_request *req;
	DECLARE_CRYPTO_WAIT(wait);

	if (whole > TXN_STRETCH_MAX)
		return -EIO;
	if (use_cipher(w, cipher))
		return -ENOMEM;
	req = w->request;
	set_list(w->sg, at, whole);
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, &wait);
	aead_request_set_ad(req, aad_len);
	aead_request_set_crypt(req, w->sg, w->sg, seal ? len : len + TXN_TAG_SIZE, w->nonce);
	return crypto_wait_req(seal ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req), &wait);
}

void txn_work_end(struct txn_work *w)
{
	aead_request_free(w->request);
	w->request = NULL;
}
