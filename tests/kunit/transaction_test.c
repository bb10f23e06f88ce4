// SPDX-License-Identifier: GPL-2.0-only
/* Transaction keys: their slots as data. */
#include "tests/kunit/vector.h"

#include "kernel/transaction/slots.h"

#define KVN 0x41
#define START 1000 /* seconds since boot */
#define BOTH (TXN_MODULE_SEALS | TXN_MODULE_OPENS)

static const struct secmod_policy policy = { .max_keys = 3,
					     .max_lifetime = 3600,
					     .max_messages = 1000 };
static const struct txn_params good = {
	.kvn = KVN,
	.algorithm = TXN_AES_256_GCM,
	.directions = BOTH,
	.lifetime = 600,
	.messages = 100,
	.id = 0xa1a2a3a4,
	.key_len = TXN_KEY_SIZE,
};
static struct txn_slots *slots;
static int wiped;

static int txn_test_init(struct kunit *test)
{
	slots = kunit_kzalloc(test, sizeof(*slots), GFP_KERNEL);
	wiped = 0;
	return slots ? 0 : -ENOMEM;
}

/* A key of another value than all others, with a cipher that is none. */
static struct txn_key *fresh_key(struct kunit *test, const struct txn_params *p,
				 u64 now)
{
	static u32 made;
	struct txn_key *k = kunit_kzalloc(test, sizeof(*k), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, k);
	txn_key_init(k, p, now);
	made++;
	memcpy(k->fingerprint, &made, sizeof(made));
	k->cipher = (struct crypto_aead *)k;
	return k;
}

static struct txn_key *put(struct kunit *test, const struct txn_params *p,
			   u64 now)
{
	struct txn_key *k = fresh_key(test, p, now);
	struct refusal why = {};

	KUNIT_EXPECT_EQ_MSG(test, txn_slots_check(slots, k, now, &policy, &why),
			    0, "%s", why.text);
	txn_slots_put(slots, k, now);
	return k;
}

static void wipe(struct txn_key *k)
{
	k->cipher = NULL;
	wiped++;
}

static int seal(u8 kvn, u64 now)
{
	u8 header[TXN_HEADER_SIZE];
	struct txn_key *k;

	return txn_seal_begin(slots, kvn, now, &k, header);
}

static void header_of(const struct txn_params *p, u64 n,
		      u8 header[TXN_HEADER_SIZE])
{
	int i;

	header[0] = TXN_VERSION;
	header[1] = p->kvn;
	for (i = 0; i < 4; i++)
		header[2 + i] = p->id >> (24 - 8 * i);
	for (i = 0; i < 8; i++)
		header[6 + i] = n >> (56 - 8 * i);
}

static int open(const struct txn_params *p, u64 n, u64 now)
{
	u8 header[TXN_HEADER_SIZE];
	struct txn_key *k;
	int rc;

	header_of(p, n, header);
	rc = txn_open_begin(slots, header, now, &k);
	return rc ?: txn_open_end(k, header, now);
}

static void a11_header_and_nonce_by_octet(struct kunit *test)
{
	static const u8 second[] = { 1, KVN, 0xa1, 0xa2, 0xa3, 0xa4, 0,
				     0, 0,   0,	   0,	 0,    0,    2 };
	static const u8 nonce[2][12] = {
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 },
		{ 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 },
	};
	u8 header[TXN_HEADER_SIZE], got[TXN_NONCE_SIZE];
	struct txn_key *k, *in = put(test, &good, START);
	u8 way;

	KUNIT_EXPECT_EQ(test, seal(KVN, START), 0);
	KUNIT_EXPECT_EQ(test, txn_seal_begin(slots, KVN, START, &k, header), 0);
	KUNIT_EXPECT_PTR_EQ(test, k, in);
	KUNIT_EXPECT_EQ(test, memcmp(header, second, sizeof(second)), 0);
	for (way = 0; way < 2; way++) {
		txn_nonce(way, header, got);
		KUNIT_EXPECT_EQ(test, memcmp(got, nonce[way], sizeof(got)), 0);
	}
}

static void a11_expires(struct kunit *test)
{
	put(test, &good, START);
	KUNIT_EXPECT_EQ(test, seal(KVN, START + 599), 0);
	KUNIT_EXPECT_EQ(test, open(&good, 1, START + 599), 0);
	KUNIT_EXPECT_EQ(test, seal(KVN, START + 600), -EKEYEXPIRED);
	KUNIT_EXPECT_EQ(test, open(&good, 2, START + 600), -EKEYEXPIRED);
	KUNIT_EXPECT_EQ(test, txn_slots_count(slots, START + 599), 1);
	KUNIT_EXPECT_EQ(test, txn_slots_count(slots, START + 600), 0);
}

static void a11_is_used_up(struct kunit *test)
{
	struct txn_params p = good;

	p.messages = 3;
	put(test, &p, START);
	KUNIT_EXPECT_EQ(test, seal(KVN, START), 0);
	KUNIT_EXPECT_EQ(test, open(&p, 1, START), 0);
	KUNIT_EXPECT_EQ(test, open(&p, 1, START), -ESTALE);
	KUNIT_EXPECT_EQ(test, seal(KVN, START), 0);
	KUNIT_EXPECT_EQ(test, seal(KVN, START), -EKEYEXPIRED);
	KUNIT_EXPECT_EQ(test, open(&p, 2, START), -EKEYEXPIRED);
}

static void a11_has_a_direction(struct kunit *test)
{
	struct txn_params p = good;

	p.directions = TXN_MODULE_SEALS;
	put(test, &p, START);
	KUNIT_EXPECT_EQ(test, seal(KVN, START), 0);
	KUNIT_EXPECT_EQ(test, open(&p, 1, START), -EACCES);
	p.kvn++;
	p.directions = TXN_MODULE_OPENS;
	put(test, &p, START);
	KUNIT_EXPECT_EQ(test, seal(p.kvn, START), -EACCES);
	KUNIT_EXPECT_EQ(test, open(&p, 1, START), 0);
}

static void a11_never_there(struct kunit *test)
{
	struct txn_params p = good;
	u8 header[TXN_HEADER_SIZE];
	struct txn_key *k;

	put(test, &good, START);
	KUNIT_EXPECT_EQ(test, seal(KVN + 1, START), -ENOENT);
	KUNIT_EXPECT_EQ(test, seal(KVN - 0x20, START), -ENOENT);
	KUNIT_EXPECT_EQ(test, seal(KVN + 0x20, START), -ENOENT);
	p.kvn = KVN + 0x20;
	KUNIT_EXPECT_EQ(test, open(&p, 1, START), -ENOENT);
	p = good;
	p.id++;
	KUNIT_EXPECT_EQ(test, open(&p, 1, START), -ENOENT);
	header_of(&good, 1, header);
	header[0] = TXN_VERSION + 1;
	KUNIT_EXPECT_EQ(test, txn_open_begin(slots, header, START, &k),
			-EBADMSG);
}

static void a11_renewal_has_a_grace(struct kunit *test)
{
	struct txn_params first = good, second = good;
	u8 header[TXN_HEADER_SIZE];
	struct txn_key *former, *k;

	second.id++;
	former = put(test, &first, START);
	KUNIT_EXPECT_EQ(test, open(&first, 1, START), 0);
	put(test, &second, START + 10);
	KUNIT_EXPECT_EQ(test, txn_slots_count(slots, START + 10), 1);
	KUNIT_EXPECT_EQ(test,
			txn_seal_begin(slots, KVN, START + 10, &k, header), 0);
	KUNIT_EXPECT_PTR_NE(test, k, former);
	KUNIT_EXPECT_EQ(test, header[13], 1);
	KUNIT_EXPECT_EQ(test, open(&first, 1, START + 10), -ESTALE);
	KUNIT_EXPECT_EQ(test, open(&first, 2, START + 69), 0);
	KUNIT_EXPECT_EQ(test, open(&first, 3, START + 70), -EKEYEXPIRED);
	KUNIT_EXPECT_EQ(test, open(&second, 1, START + 70), 0);
}

static void a11_grace_ends_with_the_key(struct kunit *test)
{
	struct txn_params second = good;

	second.id++;
	put(test, &good, START);
	put(test, &second, START + 590);
	KUNIT_EXPECT_EQ(test, open(&good, 1, START + 599), 0);
	KUNIT_EXPECT_EQ(test, open(&good, 2, START + 600), -EKEYEXPIRED);
}

static void a11_second_renewal_drops_the_first_key(struct kunit *test)
{
	struct txn_params second = good, third = good;
	struct txn_key *first = put(test, &good, START);

	second.id = 2;
	third.id = 3;
	put(test, &second, START);
	KUNIT_EXPECT_PTR_EQ(test,
			    txn_slots_put(slots, fresh_key(test, &third, START),
					  START),
			    first);
	KUNIT_EXPECT_EQ(test, open(&good, 1, START), -ENOENT);
	KUNIT_EXPECT_EQ(test, open(&second, 1, START), 0);
	KUNIT_EXPECT_EQ(test, open(&third, 1, START), 0);
}

static int check(struct kunit *test, const struct txn_params *p,
		 const struct txn_key *twin, u64 now)
{
	struct txn_key *k = fresh_key(test, p, now);
	struct refusal why = {};

	if (twin)
		memcpy(k->fingerprint, twin->fingerprint,
		       sizeof(k->fingerprint));
	return txn_slots_check(slots, k, now, &policy, &why);
}

/* Its nonces would repeat: in no slot, and not when it has ended. */
static void a11_same_key_is_not_taken_again(struct kunit *test)
{
	struct txn_params p = good, second = good;
	struct txn_key *first = put(test, &good, START);

	KUNIT_EXPECT_EQ(test, check(test, &good, NULL, START), -EEXIST);
	second.id++;
	KUNIT_EXPECT_EQ(test, check(test, &second, first, START), -EEXIST);
	p.kvn = 0x5f;
	KUNIT_EXPECT_EQ(test, check(test, &p, first, START), -EEXIST);
	put(test, &second, START);
	KUNIT_EXPECT_EQ(test, check(test, &p, first, START), -EEXIST);
	KUNIT_EXPECT_EQ(test, check(test, &good, NULL, START), -EEXIST);
	KUNIT_EXPECT_EQ(test, check(test, &p, first, START + 3600), -EEXIST);
	KUNIT_EXPECT_EQ(test, check(test, &p, NULL, START), 0);
}

static void a11_no_more_than_the_policy_allows(struct kunit *test)
{
	struct txn_params p = good;

	for (p.kvn = 0x40; p.kvn < 0x43; p.kvn++)
		put(test, &p, START);
	KUNIT_EXPECT_EQ(test, check(test, &p, NULL, START), -ENOSPC);
	p.kvn = 0x41;
	p.id++;
	KUNIT_EXPECT_EQ(test, check(test, &p, NULL, START), 0);
	p.kvn = 0x43;
	KUNIT_EXPECT_EQ(test, check(test, &p, NULL, START + 600), 0);
}

static void a11_expired_place_counts_for_nothing(struct kunit *test)
{
	struct txn_params p = good;

	p.lifetime = 10;
	put(test, &p, START);
	for (p.kvn = 0x50; p.kvn < 0x53; p.kvn++) {
		p.lifetime = 600;
		put(test, &p, START + 10);
	}
	p.kvn = KVN;
	p.id++;
	KUNIT_EXPECT_EQ(test, check(test, &p, NULL, START + 10), -ENOSPC);
}

static void a11_wiped_when_its_time_has_come(struct kunit *test)
{
	struct txn_params p = good, second = good;
	struct txn_key *k = put(test, &good, START);

	second.id++;
	put(test, &second, START);
	p.kvn = 0x5f;
	p.lifetime = 30;
	p.messages = 1;
	put(test, &p, START);
	KUNIT_EXPECT_EQ(test, txn_slots_sweep(slots, START, wipe), START + 30);
	KUNIT_EXPECT_EQ(test, wiped, 0);
	KUNIT_EXPECT_EQ(test, seal(0x5f, START), 0);
	KUNIT_EXPECT_EQ(test, txn_slots_sweep(slots, START, wipe), START + 60);
	KUNIT_EXPECT_EQ(test, wiped, 1);
	KUNIT_EXPECT_EQ(test, txn_slots_sweep(slots, START + 60, wipe),
			START + 600);
	KUNIT_EXPECT_EQ(test, wiped, 2);
	KUNIT_EXPECT_NULL(test, k->cipher);
	KUNIT_EXPECT_EQ(test, txn_slots_sweep(slots, START + 600, wipe), ~0ull);
	KUNIT_EXPECT_EQ(test, wiped, 3);
	KUNIT_EXPECT_EQ(test, txn_slots_sweep(slots, START + 700, wipe), ~0ull);
	KUNIT_EXPECT_EQ(test, wiped, 3);
	KUNIT_EXPECT_EQ(test, seal(0x5f, START), -EKEYEXPIRED);
}

static void a11_taken_out_it_was_never_there(struct kunit *test)
{
	struct txn_params second = good;
	struct txn_key *first = put(test, &good, START), *k;

	second.id++;
	k = put(test, &second, START);
	KUNIT_EXPECT_NULL(test, txn_slots_take(slots, KVN + 0x20));
	KUNIT_EXPECT_PTR_EQ(test, txn_slots_take(slots, KVN), first);
	KUNIT_EXPECT_PTR_EQ(test, txn_slots_take(slots, KVN), k);
	KUNIT_EXPECT_NULL(test, txn_slots_take(slots, KVN));
	KUNIT_EXPECT_EQ(test, seal(KVN, START), -ENOENT);
	KUNIT_EXPECT_EQ(test, open(&second, 1, START), -ENOENT);
}

/* Two threads have the same message: what the second one decrypted is not shown. */
static void a11_one_message_opens_once(struct kunit *test)
{
	u8 header[TXN_HEADER_SIZE];
	struct txn_key *k, *l;

	put(test, &good, START);
	header_of(&good, 7, header);
	KUNIT_EXPECT_EQ(test, txn_open_begin(slots, header, START, &k), 0);
	KUNIT_EXPECT_EQ(test, txn_open_begin(slots, header, START, &l), 0);
	KUNIT_EXPECT_EQ(test, txn_open_end(k, header, START), 0);
	KUNIT_EXPECT_EQ(test, txn_open_end(l, header, START), -ESTALE);
	header_of(&good, 8, header);
	KUNIT_EXPECT_EQ(test, txn_open_end(l, header, START + 600),
			-EKEYEXPIRED);
}

static void a11_window_has_edges(struct kunit *test)
{
	static const struct {
		u64 n;
		int rc;
	} steps[] = {
		{ 0, -ESTALE },
		{ 1, 0 },
		{ 1, -ESTALE },
		{ 3, 0 },
		{ 2, 0 },
		{ 2, -ESTALE },
		{ 64, 0 },
		{ 63, 0 },
		{ TXN_WINDOW + 64, 0 },
		{ 64, -ESTALE }, /* just out */
		{ 65, 0 }, /* just in */
		{ 65, -ESTALE },
		{ TXN_WINDOW + 63, 0 },
		{ 1u << 20, 0 },
		{ (1u << 20) - TXN_WINDOW, -ESTALE },
		{ (1u << 20) - TXN_WINDOW + 1, 0 },
		{ (1u << 20) + TXN_WINDOW, 0 },
		{ (1u << 20) + 1, 0 },
		{ 1u << 20, -ESTALE },
		{ ~0ull, 0 },
		{ ~0ull, -ESTALE },
		{ ~0ull - 1, 0 },
		{ 1, -ESTALE },
	};
	size_t i;

	put(test, &good, START);
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		KUNIT_EXPECT_EQ_MSG(test, open(&good, steps[i].n, START),
				    steps[i].rc, "step %zu", i);
}

#define MODEL 8192

/* A table of all numbers, beside the window. */
static void a11_window_beside_a_model(struct kunit *test)
{
	bool *seen = kunit_kzalloc(test, MODEL, GFP_KERNEL);
	struct txn_params p = good;
	u32 x = 1, top = 0, n;
	struct txn_key *k;
	int i, want;

	KUNIT_ASSERT_NOT_NULL(test, seen);
	k = put(test, &p, START);
	k->left = ~0ull;
	for (i = 0; i < 20000; i++) {
		x = x * 1664525 + 1013904223;
		n = top + (x >> 20) % (i % 64 ? 100 : 1000);
		n = n > 500 ? n - (x >> 10) % 500 : n;
		if (n >= MODEL)
			break;
		want = n && n + TXN_WINDOW > top && !seen[n] ? 0 : -ESTALE;
		KUNIT_ASSERT_EQ_MSG(test, open(&p, n, START), want,
				    "%d: %u, top %u", i, n, top);
		seen[n] |= !want;
		top = !want && n > top ? n : top;
	}
	KUNIT_EXPECT_GT(test, i, 100);
}

static void a11_listed_without_the_key(struct kunit *test)
{
	static const struct secmod_txn_key want[] = {
		{ 7, 0x40, TXN_MODULE_OPENS, SECMOD_TXN_READY, 0, 10, 0, 1 },
		{ 0xa1a2a3a5, KVN, BOTH, SECMOD_TXN_READY, 0, 600, 0, 100 },
		{ 0xa1a2a3a4, KVN, BOTH, SECMOD_TXN_FORMER, 0, 60, 0, 98 },
		{ 0xa1a2a3a4, 0x5f, BOTH, SECMOD_TXN_ENDED, 0, 0, 0, 0 },
	};
	struct secmod_txn_key *got = kunit_kcalloc(test, SECMOD_TXN_KEYS_MAX,
						   sizeof(*got), GFP_KERNEL);
	struct txn_params p = good;

	KUNIT_ASSERT_NOT_NULL(test, got);
	KUNIT_EXPECT_EQ(test, txn_slots_list(slots, START, got), 0);
	put(test, &p, START);
	KUNIT_EXPECT_EQ(test, seal(KVN, START), 0);
	KUNIT_EXPECT_EQ(test, open(&p, 1, START), 0);
	p.id++;
	put(test, &p, START);
	p = good;
	p.kvn = 0x5f;
	p.messages = 1;
	put(test, &p, START);
	KUNIT_EXPECT_EQ(test, seal(0x5f, START), 0);
	p = (struct txn_params){ 0x40, TXN_AES_256_GCM, TXN_MODULE_OPENS, 10, 1,
				 7 };
	put(test, &p, START);
	KUNIT_EXPECT_EQ(test, txn_slots_list(slots, START, got),
			ARRAY_SIZE(want));
	KUNIT_EXPECT_EQ(test, memcmp(got, want, sizeof(want)), 0);
}

/* clang-format off */
static struct kunit_case txn_cases[] = {
	KUNIT_CASE(a11_header_and_nonce_by_octet),
	KUNIT_CASE(a11_expires),
	KUNIT_CASE(a11_is_used_up),
	KUNIT_CASE(a11_has_a_direction),
	KUNIT_CASE(a11_never_there),
	KUNIT_CASE(a11_renewal_has_a_grace),
	KUNIT_CASE(a11_grace_ends_with_the_key),
	KUNIT_CASE(a11_second_renewal_drops_the_first_key),
	KUNIT_CASE(a11_same_key_is_not_taken_again),
	KUNIT_CASE(a11_no_more_than_the_policy_allows),
	KUNIT_CASE(a11_expired_place_counts_for_nothing),
	KUNIT_CASE(a11_wiped_when_its_time_has_come),
	KUNIT_CASE(a11_taken_out_it_was_never_there),
	KUNIT_CASE(a11_one_message_opens_once),
	KUNIT_CASE(a11_window_has_edges),
	KUNIT_CASE(a11_window_beside_a_model),
	KUNIT_CASE(a11_listed_without_the_key),
	{}
};

/* clang-format on */

static struct kunit_suite txn_suite = {
	.name = "transaction",
	.init = txn_test_init,
	.test_cases = txn_cases,
};
kunit_test_suite(txn_suite);
