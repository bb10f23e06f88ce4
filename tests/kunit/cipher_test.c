// SPDX-License-Identifier: GPL-2.0-only
/* AES-256-GCM of transaction keys, as the kernel does it. */
#include <linux/vmalloc.h>

#include "tests/kunit/vector.h"

#include "kernel/transaction/cipher.h"
#include "tests/vectors/gcm.h"

static void run_known(struct kunit *test, size_t which, u8 *stretch)
{
	struct vector key = vector_from_hex(test, gcm_known[which].key);
	struct vector nonce = vector_from_hex(test, gcm_known[which].nonce);
	struct vector aad = vector_from_hex(test, gcm_known[which].aad);
	struct vector text = vector_from_hex(test, gcm_known[which].text);
	struct vector sealed = vector_from_hex(test, gcm_known[which].sealed);
	struct txn_work *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct crypto_aead *cipher = txn_cipher_new(key.data);
	const char *name = gcm_known[which].name;

	KUNIT_ASSERT_NOT_NULL(test, w);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cipher));
	memcpy(w->nonce, nonce.data, sizeof(w->nonce));
	memcpy(stretch, aad.data, aad.len);
	memcpy(stretch + aad.len, text.data, text.len);
	KUNIT_EXPECT_EQ_MSG(test,
			    txn_cipher_run(w, cipher, true, stretch, aad.len,
					   text.len),
			    0, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test,
			    memcmp(stretch + aad.len, sealed.data, sealed.len),
			    0, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test,
			    txn_cipher_run(w, cipher, false, stretch, aad.len,
					   text.len),
			    0, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test,
			    memcmp(stretch + aad.len, text.data, text.len), 0,
			    "%s", name);
	memcpy(stretch + aad.len, sealed.data, sealed.len);
	stretch[aad.len + sealed.len - 1] ^= 1;
	KUNIT_EXPECT_EQ_MSG(test,
			    txn_cipher_run(w, cipher, false, stretch, aad.len,
					   text.len),
			    -EBADMSG, "%s", name);
	txn_work_end(w);
	txn_cipher_free(cipher);
}

/* In memory of kmalloc(), and across the pages of vmalloc(). */
static void a11_gcm_known_answers(struct kunit *test)
{
	u8 *straight = kunit_kzalloc(test, 256, GFP_KERNEL);
	u8 *pages = vzalloc(2 * PAGE_SIZE);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, straight);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < ARRAY_SIZE(gcm_known); i++) {
		run_known(test, i, straight);
		run_known(test, i, pages + PAGE_SIZE - 27);
	}
	vfree(pages);
}

/* clang-format off */
static struct kunit_case cipher_cases[] = {
	KUNIT_CASE(a11_gcm_known_answers),
	{}
};

/* clang-format on */

static struct kunit_suite cipher_suite = {
	.name = "cipher",
	.test_cases = cipher_cases,
};
kunit_test_suite(cipher_suite);
