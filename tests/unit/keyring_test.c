// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transaction keys of the central system (A11): which message opens under which key. That
 * the module's own sealing agrees is for vm/transactions.
 */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/transaction/slots.h"
#include "keyring/keyring.h"

#define AAD "id of transaction"

static const uint8_t uid1[KEYRING_UID_SIZE] = { 1 };
static const uint8_t uid2[KEYRING_UID_SIZE] = { 2 };

/* The clock of whole seconds that the keyring sees. */
static time_t ahead;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	ts->tv_sec += ahead;
	return rc;
}

/* What another thread does while a message is being opened: once. */
static void (*meanwhile)(void);

int EVP_CipherFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *len)
{
	int (*real)(EVP_CIPHER_CTX *, unsigned char *, int *);
	void (*now)(void) = meanwhile;

	*(void **)&real = dlsym(RTLD_NEXT, "EVP_CipherFinal_ex");
	meanwhile = NULL;
	if (now)
		now();
	return real(ctx, out, len);
}

struct fixture {
	struct keyring *ring;
	struct gp_transaction_key key;
	uint8_t sealed[128], text[128];
	size_t len;
	struct error e;
};

static void ok_at(int r, const struct error *e, int line)
{
	if (r)
		fail_msg("line %d: %d: %s", line, r, e->text);
}
#define ok(expr) ok_at(expr, &f->e, __LINE__)

static void add(struct fixture *f, uint32_t id)
{
	f->key.id = id;
	ok(keyring_add(f->ring, uid1, &f->key, &f->e));
}

/* As the module does it: direction 00, this sequence number; with OpenSSL alone. */
static void seals(struct fixture *f, const char *text, uint64_t number)
{
	uint8_t nonce[12] = { 0 };
	uint8_t header[14] = { 1, f->key.kvn };
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, len = (int)strlen(text);

	header[5] = (uint8_t)f->key.id;
	for (int i = 0; i < 8; i++)
		header[13 - i] = nonce[11 - i] = (uint8_t)(number >> 8 * i);
	memcpy(f->sealed, header, sizeof(header));
	assert_true(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, f->key.key,
				       nonce) &&
		    EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)AAD,
				      sizeof(AAD)) &&
		    EVP_EncryptUpdate(ctx, NULL, &n, header, sizeof(header)) &&
		    EVP_EncryptUpdate(ctx, f->sealed + 14, &n,
				      (const uint8_t *)text, len) &&
		    EVP_EncryptFinal_ex(ctx, f->sealed + 14 + len, &n) &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16,
					f->sealed + 14 + len));
	EVP_CIPHER_CTX_free(ctx);
	f->len = (size_t)len + KEYRING_OVERHEAD;
}

static void module_seals(struct fixture *f, const char *text)
{
	seals(f, text, 7);
}

static int opens(struct fixture *f, const uint8_t *uid)
{
	size_t len;

	return keyring_open(f->ring, uid, AAD, sizeof(AAD), f->sealed, f->len,
			    f->text, &len, &f->e);
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	*f = (struct fixture){
		.ring = keyring_new(),
		.key = { .kvn = 0x40,
			 .algorithm = GP_ALGORITHM_AES_GCM,
			 .directions = GP_MODULE_SEALS | GP_MODULE_OPENS,
			 .len = 32,
			 .key = { 5, 4, 3, 2, 1 },
			 .lifetime = 3600,
			 .messages = 100 },
	};
	assert_non_null(f->ring);
	add(f, 9);
	module_seals(f, "pay 10");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ahead = 0;
	keyring_free(f->ring);
	return 0;
}

static void A11_a_module_s_message_opens(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(keyring_id(f->sealed, f->len), 9);
	ok(opens(f, uid1));
	assert_memory_equal(f->text, "pay 10", 6);
	f->sealed[0]++; /* another version */
	assert_int_equal(keyring_id(f->sealed, f->len), 0);
}

static void A11_each_changed_bit_is_noticed(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 8 * f->len; i++) {
		f->sealed[i / 8] ^= 1 << i % 8;
		assert_int_not_equal(opens(f, uid1), 0);
		f->sealed[i / 8] ^= 1 << i % 8;
	}
	ok(opens(f, uid1));
	for (f->len--; f->len; f->len--) {
		assert_int_not_equal(opens(f, uid1), 0);
		assert_int_equal(keyring_id(f->sealed, f->len),
				 f->len < KEYRING_OVERHEAD ? 0 : 9);
	}
}

static void A28_another_module_s_message_does_not_open(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(opens(f, uid2), -EBADMSG);
	f->key.id = 10;
	ok(keyring_add(f->ring, uid2, &f->key, &f->e));
	assert_int_equal(opens(f, uid2), -EBADMSG);
}

static void A11_another_transaction_s_message_does_not_open(void **state)
{
	struct fixture *f = *state;
	size_t len;

	assert_int_equal(keyring_open(f->ring, uid1, "other", 5, f->sealed,
				      f->len, f->text, &len, &f->e),
			 -EBADMSG);
}

static void A11_what_the_central_system_sealed_does_not_come_back(void **state)
{
	struct fixture *f = *state;

	ok(keyring_seal(f->ring, 9, AAD, sizeof(AAD), (const uint8_t *)"x", 1,
			f->sealed, &f->e));
	f->len = 1 + KEYRING_OVERHEAD;
	assert_int_equal(opens(f, uid1), -EBADMSG);
}

static void A11_no_number_is_used_twice(void **state)
{
	struct fixture *f = *state;
	uint8_t other[128];

	for (uint8_t i = 1; i < 100; i++) {
		ok(keyring_seal(f->ring, 9, AAD, sizeof(AAD),
				(const uint8_t *)"x", 1, other, &f->e));
		assert_int_equal(other[13], i);
	}
}

static void A11_a_revoked_key_opens_nothing(void **state)
{
	struct fixture *f = *state;

	keyring_revoke(f->ring, uid1, 0x41);
	keyring_revoke(f->ring, uid2, 0x40);
	ok(opens(f, uid1));
	keyring_revoke(f->ring, uid1, 0x40);
	assert_int_equal(opens(f, uid1), -ENOKEY);
	assert_int_equal(keyring_seal(f->ring, 9, AAD, sizeof(AAD),
				      (const uint8_t *)"x", 1, f->sealed,
				      &f->e),
			 -ENOKEY);
}

static void A11_a_replaced_key_opens_what_was_under_way(void **state)
{
	struct fixture *f = *state;

	add(f, 10);
	ok(opens(f, uid1));
	module_seals(f, "pay 11");
	ok(opens(f, uid1));
	assert_memory_equal(f->text, "pay 11", 6);
}

static int opens_number(struct fixture *f, uint64_t number)
{
	seals(f, "pay", number);
	return opens(f, uid1);
}

static void A11_a_message_opens_once(void **state)
{
	struct fixture *f = *state;

	ok(opens(f, uid1));
	assert_int_equal(opens(f, uid1), -ESTALE);
	assert_non_null(strstr(f->e.text, "come before"));
	/* the same number under another key is another message */
	add(f, 10);
	module_seals(f, "pay 10");
	ok(opens(f, uid1));
	assert_int_equal(opens(f, uid1), -ESTALE);
}

static void
A11_after_a_restart_nothing_opens_that_was_sealed_before(void **state)
{
	struct fixture *f = *state;

	ok(opens(f, uid1));
	keyring_free(f->ring);
	f->ring = keyring_new();
	assert_int_equal(opens(f, uid1), -ENOKEY);
}

static void A11_a_forged_message_takes_no_number(void **state)
{
	struct fixture *f = *state;

	f->sealed[f->len - 1] ^= 1;
	assert_int_equal(opens(f, uid1), -EBADMSG);
	f->sealed[f->len - 1] ^= 1;
	ok(opens(f, uid1));
}

static void A11_messages_open_out_of_order(void **state)
{
	static const uint64_t order[] = { 3, 1, 2, 500, 53, 499, 54, 1000 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		assert_int_equal(opens_number(f, order[i]), 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		assert_int_equal(opens_number(f, order[i]), -ESTALE);
	/* 448 numbers are told apart */
	assert_int_equal(opens_number(f, 1000 - 448), -ESTALE);
	assert_int_equal(opens_number(f, 1000 - 447), 0);
	assert_int_equal(opens_number(f, 0), -ESTALE);
}

/* The module's kernel is the other implementation: txn_open_begin(), txn_open_end(). */
static void A11_replays_are_judged_as_in_the_kernel(void **state)
{
	static struct txn_slots slots;
	static struct txn_key key;
	const struct txn_params params = { .kvn = 0x40,
					   .directions = TXN_MODULE_OPENS,
					   .lifetime = 3600,
					   .messages = 1000000,
					   .id = 9 };
	struct fixture *f = *state;
	uint64_t around = 1, number;
	struct txn_key *k;
	int refused = 0, rc;

	txn_key_init(&key, &params, 0);
	txn_slots_put(&slots, &key, 0);
	srandom(11);
	for (int i = 0; i < 20000; i++) {
		if (random() % 500 == 0)
			around += (uint64_t)random() % 2000;
		number = around + (uint64_t)random() % 600;
		seals(f, "pay", number);
		rc = txn_open_begin(&slots, f->sealed, 0, &k);
		if (!rc)
			rc = txn_open_end(k, f->sealed, 0);
		assert_int_equal(opens(f, uid1), rc);
		refused += rc != 0;
	}
	assert_in_range(refused, 1000, 19000);
}

static void A11_a_key_ends_with_its_lifetime(void **state)
{
	struct fixture *f = *state;

	ahead = 3600 + KEYRING_GRACE_S - 5; /* what was under way */
	assert_int_equal(opens_number(f, 20), 0);
	ahead += 10;
	assert_int_equal(opens_number(f, 21), -EKEYEXPIRED);
}

static void A11_a_replaced_key_ends_before_its_time(void **state)
{
	struct fixture *f = *state;

	add(f, 10);
	f->key.id = 9;
	ahead = 2 * KEYRING_GRACE_S - 5;
	assert_int_equal(opens_number(f, 20), 0);
	ahead += 10;
	assert_int_equal(opens_number(f, 21), -EKEYEXPIRED);
	f->key.id = 10;
	assert_int_equal(opens_number(f, 20), 0);
}

static void A11_a_replaced_key_lives_no_longer_for_it(void **state)
{
	struct fixture *f = *state;

	f->key.lifetime = 10;
	add(f, 10);
	f->key.lifetime = 3600;
	add(f, 11);
	f->key.id = 10;
	ahead = 10 + KEYRING_GRACE_S - 5;
	assert_int_equal(opens_number(f, 20), 0);
	ahead += 10;
	assert_int_equal(opens_number(f, 21), -EKEYEXPIRED);
}

static struct fixture *shared;

static void opens_too(void)
{
	struct fixture *f = shared;
	uint8_t text[128];
	size_t len;

	ok(keyring_open(f->ring, uid1, AAD, sizeof(AAD), f->sealed, f->len,
			text, &len, &f->e));
}

static void is_revoked(void)
{
	keyring_revoke(shared->ring, uid1, 0x40);
}

static void A11_a_message_opens_once_in_two_threads(void **state)
{
	struct fixture *f = shared = *state;

	meanwhile = opens_too;
	assert_int_equal(opens(f, uid1), -ESTALE);
}

static void A11_a_message_does_not_open_once_the_key_is_revoked(void **state)
{
	struct fixture *f = shared = *state;

	meanwhile = is_revoked;
	assert_int_equal(opens(f, uid1), -ENOKEY);
}

static void A11_directions_hold(void **state)
{
	struct fixture *f = *state;

	f->key.directions = GP_MODULE_OPENS;
	add(f, 11);
	module_seals(f, "pay 12");
	assert_int_equal(opens(f, uid1), -EBADMSG);
	f->key.directions = GP_MODULE_SEALS;
	add(f, 12);
	assert_int_equal(keyring_seal(f->ring, 12, AAD, sizeof(AAD),
				      (const uint8_t *)"x", 1, f->sealed,
				      &f->e),
			 -ENOKEY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(A11_a_module_s_message_opens),
		TEST(A11_each_changed_bit_is_noticed),
		TEST(A28_another_module_s_message_does_not_open),
		TEST(A11_another_transaction_s_message_does_not_open),
		TEST(A11_what_the_central_system_sealed_does_not_come_back),
		TEST(A11_no_number_is_used_twice),
		TEST(A11_a_revoked_key_opens_nothing),
		TEST(A11_a_replaced_key_opens_what_was_under_way),
		TEST(A11_a_message_opens_once),
		TEST(A11_after_a_restart_nothing_opens_that_was_sealed_before),
		TEST(A11_a_forged_message_takes_no_number),
		TEST(A11_messages_open_out_of_order),
		TEST(A11_replays_are_judged_as_in_the_kernel),
		TEST(A11_a_key_ends_with_its_lifetime),
		TEST(A11_a_replaced_key_ends_before_its_time),
		TEST(A11_a_replaced_key_lives_no_longer_for_it),
		TEST(A11_a_message_opens_once_in_two_threads),
		TEST(A11_a_message_does_not_open_once_the_key_is_revoked),
		TEST(A11_directions_hold),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
