// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least that AES-256-GCM costs in this kernel: reading the parameter ns seals
 * count messages of size bytes, so many times, and tells how many nanoseconds the
 * fastest time took.
 */
#include <crypto/aead.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#define AAD 14
#define TAG 16

static unsigned int size = 64;
module_param(size, uint, 0644);
MODULE_PARM_DESC(size, "bytes of a message");

static unsigned int count = 1000;
module_param(count, uint, 0644);
MODULE_PARM_DESC(count, "messages");

static unsigned int times = 100;
module_param(times, uint, 0644);
MODULE_PARM_DESC(times, "how often");

static bool opening;
module_param(opening, bool, 0644);
MODULE_PARM_DESC(opening, "decrypt what was encrypted, count times");

static int one(struct aead_request *req, u8 *data, u8 *nonce, bool seal)
{
	struct scatterlist sg;
	DECLARE_CRYPTO_WAIT(wait);

	sg_init_one(&sg, data, AAD + size + TAG);
	aead_request_set_callback(
		req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
		crypto_req_done, &wait);
	aead_request_set_ad(req, AAD);
	aead_request_set_crypt(req, &sg, &sg, seal ? size : size + TAG, nonce);
	return crypto_wait_req(seal ? crypto_aead_encrypt(req) :
				      crypto_aead_decrypt(req),
			       &wait);
}

/* To open, a copy of the sealed message is needed each time, which is not counted. */
static int run(struct aead_request *req, u8 *data, u8 *nonce, u64 *ns)
{
	u8 *sealed = data + AAD + size + TAG;
	u64 start, end;
	unsigned int i;
	int rc = 0;

	*ns = 0;
	if (opening) {
		rc = one(req, data, nonce, true);
		memcpy(sealed, data, AAD + size + TAG);
	}
	start = ktime_get_ns();
	for (i = 0; !rc && i < count; i++) {
		if (opening)
			memcpy(data, sealed, AAD + size + TAG);
		else
			nonce[4 + i % 8]++;
		rc = one(req, data, nonce, !opening);
	}
	end = ktime_get_ns();
	*ns = end - start;
	return rc;
}

static int best_of(struct aead_request *req, u8 *data, u8 *nonce, u64 *ns)
{
	unsigned int i;
	int rc = 0;
	u64 took;

	for (i = 0, *ns = U64_MAX; !rc && i < times; i++) {
		rc = run(req, data, nonce, &took);
		*ns = min(*ns, took);
		cond_resched();
	}
	return rc;
}

static int measure(u64 *ns)
{
	struct crypto_aead *cipher = crypto_alloc_aead("gcm(aes)", 0, 0);
	struct aead_request *req = NULL;
	u8 *work, key[32] = "bench";
	int rc;

	if (IS_ERR(cipher))
		return PTR_ERR(cipher);
	work = kzalloc(12 + 2 * (AAD + size + TAG), GFP_KERNEL);
	req = aead_request_alloc(cipher, GFP_KERNEL);
	rc = work && req ? crypto_aead_setkey(cipher, key, sizeof(key)) :
			   -ENOMEM;
	rc = rc ?: crypto_aead_setauthsize(cipher, TAG);
	rc = rc ?: best_of(req, work + 12, work, ns);
	aead_request_free(req);
	kfree(work);
	crypto_free_aead(cipher);
	return rc;
}

static int get_ns(char *buf, const struct kernel_param *kp)
{
	u64 ns;
	int rc = measure(&ns);

	return rc ?: sysfs_emit(buf, "%llu\n", ns);
}

static const struct kernel_param_ops ns_ops = { .get = get_ns };
module_param_cb(ns, &ns_ops, NULL, 0444);

static int __init bare_init(void)
{
	return 0;
}
module_init(bare_init);

static void __exit bare_exit(void)
{
}
module_exit(bare_exit);

MODULE_DESCRIPTION("AES-256-GCM without anything around it");
MODULE_LICENSE("GPL");
