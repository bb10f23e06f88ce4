// SPDX-License-Identifier: MIT
/* Derivation by the kernel, by OpenSSL, and by NIST. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include <openssl/rand.h>

#include "hsm1/internal.h"
#include "hsm1_world.h"
#include "skip.h"
#include "tests/vectors/cmac.h"
#include "vector.h"

#define THREADS 4
#define TIMES 200
#define NO_KERNEL \
	"this kernel has no AF_ALG sockets with cmac(aes); that of vm/hsm1 has"

static struct kcapi_handle *in_kernel(const uint8_t key[CUSTODY_BLOCK_SIZE])
{
	struct kcapi_handle *h = cmac_open(key);

	if (!h)
		skip_because(NO_KERNEL);
	return h;
}

static void by_kernel(const uint8_t key[32], const uint8_t *fixed, size_t len,
		      uint8_t *out, size_t out_len)
{
	struct kcapi_handle *h = in_kernel(key);

	assert_int_equal(cmac_derive(h, fixed, len, out, out_len), 0);
	cmac_close(h);
}

static void as_nist(void (*derive)(const uint8_t key[32], const uint8_t *fixed,
				   size_t len, uint8_t *out, size_t out_len))
{
	struct vector key, fixed, wanted;
	uint8_t got[128] = { 0 };

	for (size_t i = 0;
	     i < sizeof(cmac_derivations) / sizeof(cmac_derivations[0]); i++) {
		key = vector_from_hex(cmac_derivations[i].key);
		fixed = vector_from_hex(cmac_derivations[i].fixed);
		wanted = vector_from_hex(cmac_derivations[i].out);
		derive(key.data, fixed.data, fixed.len, got, wanted.len);
		assert_memory_equal(got, wanted.data, wanted.len);
		vector_free(&key);
		vector_free(&fixed);
		vector_free(&wanted);
	}
}

static void openssl_as_nist(void **state)
{
	(void)state;
	as_nist(hsm1_reference);
}

static void kernel_as_nist(void **state)
{
	(void)state;
	as_nist(by_kernel);
}

static void of_all_lengths(void **state)
{
	uint8_t key[32], fixed[100], wanted[32], got[32];
	struct kcapi_handle *h;

	(void)state;
	RAND_bytes(key, sizeof(key));
	RAND_bytes(fixed, sizeof(fixed));
	h = in_kernel(key);
	for (size_t len = 1; len <= sizeof(fixed); len++) {
		hsm1_reference(key, fixed, len, wanted, sizeof(wanted));
		assert_int_equal(cmac_derive(h, fixed, len, got, 32), 0);
		assert_memory_equal(got, wanted, sizeof(wanted));
	}
	cmac_close(h);
}

/* Both ways lead to what the documentation says. */
static void keysets_are_the_same(void **state)
{
	struct hsm1_key k = { .object = { .kind = CUSTODY_MASTER,
					  .version = 2 } };
	static const uint8_t zeros[CUSTODY_BLOCK_SIZE];
	struct gp_keyset wanted, got;
	struct hsm1_keyset info;
	uint8_t uid[16];
	struct error e;

	(void)state;
	RAND_bytes(k.block, sizeof(k.block));
	RAND_bytes(uid, sizeof(uid));
	hsm1_expected(k.block, "MK", 0x39, uid, sizeof(uid), &wanted);
	assert_int_equal(derive_keyset(&k, uid, 16, &got, &info, &e), 0);
	assert_memory_equal(got.enc, wanted.enc, 32);
	assert_memory_equal(got.mac, wanted.mac, 32);
	assert_memory_equal(got.dek, wanted.dek, 32);
	derive_in_kernel(&k);
	if (!k.cmac)
		skip_because(NO_KERNEL);
	assert_memory_equal(k.block, zeros, sizeof(zeros));
	memset(&got, 0, sizeof(got));
	assert_int_equal(derive_keyset(&k, uid, 16, &got, &info, &e), 0);
	assert_memory_equal(got.enc, wanted.enc, 32);
	assert_memory_equal(got.mac, wanted.mac, 32);
	assert_memory_equal(got.dek, wanted.dek, 32);
	cmac_close(k.cmac);
}

struct work {
	struct kcapi_handle *h;
	const uint8_t *key;
	int wrong;
};

static void *worker(void *arg)
{
	struct work *w = arg;
	uint8_t fixed[48], wanted[32], got[32];

	for (int i = 0; i < TIMES; i++) {
		RAND_bytes(fixed, sizeof(fixed));
		hsm1_reference(w->key, fixed, sizeof(fixed), wanted, 32);
		w->wrong += cmac_derive(w->h, fixed, sizeof(fixed), got, 32) ||
			    memcmp(got, wanted, 32);
	}
	return NULL;
}

static void procedures_share_a_key(void **state)
{
	struct work work[THREADS];
	pthread_t threads[THREADS];
	struct kcapi_handle *h;
	uint8_t key[32];

	(void)state;
	RAND_bytes(key, sizeof(key));
	h = in_kernel(key);
	for (int i = 0; i < THREADS; i++) {
		work[i] = (struct work){ h, key, 0 };
		assert_int_equal(
			pthread_create(&threads[i], NULL, worker, &work[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(work[i].wrong, 0);
	}
	cmac_close(h);
}

/* A block is forgotten only when the kernel has it. */
static void without_a_kernel(void **state)
{
	struct hsm1_key k = { .block = { 1, 2, 3 } };
	struct kcapi_handle *all[HSM1_KEYS_MAX];
	size_t n = 0;

	(void)state;
	while (n < HSM1_KEYS_MAX && (all[n] = cmac_open(k.block)))
		n++;
	derive_in_kernel(&k);
	assert_null(k.cmac);
	assert_int_equal(k.block[2], 3);
	while (n > 0)
		cmac_close(all[--n]);
}

#define CASE(name, function)                     \
	{                                        \
		name, function, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("SP 800-108 with CMAC: NIST's answers, by OpenSSL",
		     openssl_as_nist),
		CASE("B4 NIST's answers, by the kernel", kernel_as_nist),
		CASE("B4 derivation from data of each length", of_all_lengths),
		CASE("B4 OpenSSL and the kernel derive the same keysets",
		     keysets_are_the_same),
		CASE("several procedures derive from one block",
		     procedures_share_a_key),
		CASE("a block that the kernel does not take stays",
		     without_a_kernel),
	};

	cmac_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
