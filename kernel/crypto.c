// SPDX-License-Identifier: GPL-2.0-only
/* Cryptography of the driver and of tpm/: calls into the kernel crypto API. */
#include <crypto/aead.h>
#include <crypto/ecdh.h>
#include <crypto/hash.h>
#include <crypto/kpp.h>
#include <crypto/skcipher.h>
#include <linux/random.h>
#include <linux/scatterlist.h>

#include "compat.h"
#include "executive/scp03.h"
#include "secmod.h"
#include "transaction/cipher.h"

#define GCM_IV_SIZE 12
#define AES_BLOCK 16
#define POINT_BYTES (2 * T2_COORD_SIZE)

/*
 * Everything that is ever allocated, held while the driver is loaded. Otherwise the first
 * use would load modules while the TPM is locked, and with IMA modprobe itself waits for
 * the TPM; and what the kernel lacks would be found out in the middle of a channel.
 */
static struct {
	struct crypto_shash *sha256;
	struct crypto_shash *hmac;
	struct crypto_shash *cmac;
	struct crypto_skcipher *ecb;
	struct crypto_skcipher *cbc;
	struct crypto_aead *gcm;
	struct crypto_aead *txn;
	struct crypto_kpp *ecdh;
	bool rng;
} held;

static int hold_random(void)
{
	int rc = compat_default_rng_get();

	held.rng = !rc;
	return rc;
}

static int check(const char *name, int rc)
{
	if (rc)
		pr_err("the kernel's %s cannot be used: error %d\n", name, -rc);
	return rc;
}

int secmod_crypto_get(void)
{
	int rc;

	held.sha256 = crypto_alloc_shash("sha256", 0, 0);
	held.hmac = crypto_alloc_shash("hmac(sha256)", 0, 0);
	held.cmac = crypto_alloc_shash("cmac(aes)", 0, 0);
	held.ecb = crypto_alloc_skcipher("ecb(aes)", 0, CRYPTO_ALG_ASYNC);
	held.cbc = crypto_alloc_skcipher("cbc(aes)", 0, CRYPTO_ALG_ASYNC);
	held.gcm = crypto_alloc_aead("gcm(aes)", 0, CRYPTO_ALG_ASYNC);
	held.txn = txn_cipher_alloc();
	held.ecdh = crypto_alloc_kpp("ecdh-nist-p256", 0, 0);
	rc = check("sha256", PTR_ERR_OR_ZERO(held.sha256));
	rc = rc ?: check("hmac(sha256)", PTR_ERR_OR_ZERO(held.hmac));
	rc = rc ?: check("cmac(aes)", PTR_ERR_OR_ZERO(held.cmac));
	rc = rc ?: check("ecb(aes)", PTR_ERR_OR_ZERO(held.ecb));
	rc = rc ?: check("cbc(aes)", PTR_ERR_OR_ZERO(held.cbc));
	rc = rc ?: check("gcm(aes)", PTR_ERR_OR_ZERO(held.gcm));
	rc = rc ?: check("gcm(aes)", PTR_ERR_OR_ZERO(held.txn));
	rc = rc ?: check("ecdh-nist-p256", PTR_ERR_OR_ZERO(held.ecdh));
	rc = rc ?: check("random generator", hold_random());
	if (rc)
		secmod_crypto_put();
	return rc;
}

void secmod_crypto_put(void)
{
	if (held.rng)
		compat_default_rng_put();
	/* errors are freed as well */
	crypto_free_kpp(held.ecdh);
	crypto_free_aead(held.txn);
	crypto_free_aead(held.gcm);
	crypto_free_skcipher(held.cbc);
	crypto_free_skcipher(held.ecb);
	crypto_free_shash(held.cmac);
	crypto_free_shash(held.hmac);
	crypto_free_shash(held.sha256);
}

static int hash_vector(const char *algorithm, const u8 *key, size_t key_len,
		       const struct t2_vec *in, size_t count, u8 *out)
{
	struct crypto_shash *tfm = crypto_alloc_shash(algorithm, 0, 0);
	size_t i;
	int rc;

	if (IS_ERR(tfm))
		return -EIO;
	{
		SHASH_DESC_ON_STACK(desc, tfm);

		desc->tfm = tfm;
		rc = key ? crypto_shash_setkey(tfm, key, key_len) : 0;
		rc = rc ?: crypto_shash_init(desc);
		for (i = 0; !rc && i < count; i++)
			rc = crypto_shash_update(desc, in[i].data, in[i].len);
		rc = rc ?: crypto_shash_final(desc, out);
		shash_desc_zero(desc);
	}
	crypto_free_shash(tfm);
	return rc;
}

int t2_sha256(const struct t2_vec *in, size_t count, u8 out[T2_DIGEST_SIZE])
{
	return hash_vector("sha256", NULL, 0, in, count, out);
}

int t2_hmac_sha256(const u8 *key, size_t key_len, const struct t2_vec *in, size_t count,
		   u8 out[T2_DIGEST_SIZE])
{
	static const u8 empty[1];

	return hash_vector("hmac(sha256)", key_len ? key : empty, key_len, in, count, out);
}

int se_cmac(const u8 *key, size_t key_len, const struct t2_vec *in, size_t count,
	    u8 out[SCP03_BLOCK])
{
	return hash_vector("cmac(aes)", key, key_len, in, count, out);
}

static int encrypt_block(struct skcipher_request *req, u8 *block)
{
	struct scatterlist sg;

	sg_init_one(&sg, block, AES_BLOCK);
	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP, NULL, NULL);
	skcipher_request_set_crypt(req, &sg, &sg, AES_BLOCK, NULL);
	return crypto_skcipher_encrypt(req);
}

/*
 * CFB of NIST SP 800-38A, 6.3, over the kernel's AES: cfb(aes) left the kernel in
 * 6.8 and its library form is built only with TCG_TPM2_HMAC.
 */
static int cfb_blocks(struct skcipher_request *req, bool encrypt, u8 *feedback, u8 *data,
		      size_t len)
{
	size_t i, n;
	int rc;

	for (; len; data += n, len -= n) {
		n = min_t(size_t, len, AES_BLOCK);
		rc = encrypt_block(req, feedback);
		if (rc)
			return rc;
		for (i = 0; i < n; i++) {
			u8 in = data[i];

			data[i] ^= feedback[i];
			feedback[i] = encrypt ? data[i] : in;
		}
	}
	return 0;
}

int t2_aes128_cfb(bool encrypt, const u8 key[16], const u8 iv[16], u8 *data, size_t len)
{
	struct crypto_skcipher *tfm;
	struct skcipher_request *req = NULL;
	u8 *feedback;
	int rc;

	tfm = crypto_alloc_skcipher("ecb(aes)", 0, CRYPTO_ALG_ASYNC);
	if (IS_ERR(tfm))
		return -EIO;
	feedback = kmemdup(iv, AES_BLOCK, GFP_KERNEL);
	req = skcipher_request_alloc(tfm, GFP_KERNEL);
	rc = feedback && req ? crypto_skcipher_setkey(tfm, key, 16) : -ENOMEM;
	if (!rc)
		rc = cfb_blocks(req, encrypt, feedback, data, len);
	skcipher_request_free(req);
	kfree_sensitive(feedback);
	crypto_free_skcipher(tfm);
	return rc;
}

static int kpp_set_fresh_key(struct crypto_kpp *tfm)
{
	struct ecdh params = {}; /* no key: the implementation makes one */
	unsigned int len = crypto_ecdh_key_len(&params);
	char *encoded = kzalloc(len, GFP_KERNEL);
	int rc;

	if (!encoded)
		return -ENOMEM;
	rc = crypto_ecdh_encode_key(encoded, len, &params);
	rc = rc ?: crypto_kpp_set_secret(tfm, encoded, len);
	kfree_sensitive(encoded);
	return rc;
}

static int kpp_run(struct kpp_request *req, int (*op)(struct kpp_request *req), const void *in,
		   size_t in_len, void *out, size_t out_len)
{
	struct scatterlist src, dst;
	DECLARE_CRYPTO_WAIT(wait);

	if (in)
		sg_init_one(&src, in, in_len);
	sg_init_one(&dst, out, out_len);
	kpp_request_set_input(req, in ? &src : NULL, in_len);
	kpp_request_set_output(req, &dst, out_len);
	kpp_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done, &wait);
	return crypto_wait_req(op(req), &wait);
}

int t2_ecdh_p256(const struct t2_point *peer, struct t2_point *own, u8 shared_x[T2_COORD_SIZE])
{
	struct crypto_kpp *tfm = crypto_alloc_kpp("ecdh-nist-p256", 0, 0);
	struct kpp_request *req = NULL;
	u8 *work; /* peer, own, shared: the API takes no stack memory */
	int rc;

	BUILD_BUG_ON(sizeof(*peer) != POINT_BYTES);
	if (IS_ERR(tfm))
		return -EIO;
	work = kzalloc(2 * POINT_BYTES + T2_COORD_SIZE, GFP_KERNEL);
	req = kpp_request_alloc(tfm, GFP_KERNEL);
	rc = work && req ? kpp_set_fresh_key(tfm) : -ENOMEM;
	if (rc)
		goto out_free;
	memcpy(work, peer, POINT_BYTES);
	rc = kpp_run(req, crypto_kpp_generate_public_key, NULL, 0, work + POINT_BYTES, POINT_BYTES);
	/* The check of the own key wants memory and tells every failure so. */
	if (rc == -EAGAIN)
		rc = -ENOMEM;
	if (!rc)
		rc = kpp_run(req, crypto_kpp_compute_shared_secret, work, POINT_BYTES,
			     work + 2 * POINT_BYTES, T2_COORD_SIZE);
	if (!rc) {
		memcpy(own, work + POINT_BYTES, POINT_BYTES);
		memcpy(shared_x, work + 2 * POINT_BYTES, T2_COORD_SIZE);
	}
out_free:
	kpp_request_free(req);
	kfree_sensitive(work);
	crypto_free_kpp(tfm);
	return rc;
}

int t2_random(u8 *out, size_t len)
{
	int rc = wait_for_random_bytes(); /* early in the boot there may be none */

	if (!rc)
		get_random_bytes(out, len);
	return rc;
}

bool t2_equal(const void *a, const void *b, size_t len)
{
	return !crypto_memneq(a, b, len);
}

/* The IV is zero: every key is used for one message (slot.h). */
int secmod_gcm(bool encrypt, const u8 key[32], const u8 *aad, size_t aad_len, u8 *data, size_t len)
{
	struct crypto_aead *tfm = crypto_alloc_aead("gcm(aes)", 0, CRYPTO_ALG_ASYNC);
	struct aead_request *req = NULL;
	u8 iv[GCM_IV_SIZE] = {};
	struct scatterlist sg[2];
	u8 *head;
	int rc;

	if (IS_ERR(tfm))
		return -EIO;
	head = kmemdup(aad, aad_len, GFP_KERNEL);
	req = aead_request_alloc(tfm, GFP_KERNEL);
	rc = head && req ? crypto_aead_setkey(tfm, key, 32) : -ENOMEM;
	rc = rc ?: crypto_aead_setauthsize(tfm, SLOT_TAG_SIZE);
	if (rc)
		goto out_free;
	sg_init_table(sg, ARRAY_SIZE(sg));
	sg_set_buf(&sg[0], head, aad_len);
	sg_set_buf(&sg[1], data, len + SLOT_TAG_SIZE);
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP, NULL, NULL);
	aead_request_set_ad(req, aad_len);
	aead_request_set_crypt(req, sg, sg, encrypt ? len : len + SLOT_TAG_SIZE, iv);
	rc = encrypt ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req);
out_free:
	aead_request_free(req);
	kfree(head);
	crypto_free_aead(tfm);
	return rc;
}
