// SPDX-License-Identifier: GPL-2.0-only
/* Keysets: which channel may put which, and how PUT KEY is read. */
#include "tests/kunit/vector.h"

#include "kernel/executive/keyset.h"

#define KDC 0x30
#define KRK 0x31
#define MK 0x38
#define TXN 0x40

static struct record *loaded(struct kunit *test, const u8 *kvns, size_t count)
{
	struct record *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct put_key p = { .count = KEY_PARTS };
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	for (i = 0; i < count; i++) {
		p.kvn = kvns[i];
		p.key[0].len = 16;
		memset(p.key[0].value, p.kvn, 16);
		keyset_install(r, &p);
	}
	return r;
}

/* What there is; who puts what in the place of what; the status. */
static const struct rule {
	const char *name;
	u8 there[3];
	u8 channel;
	u8 old, kvn;
	u16 sw;
	bool secured;
} rules[] = {
	{ "B5 transport: KRK first", { KDC }, CHANNEL_TRANSPORT, 0, KRK, SW_OK },
	{ "B5 transport: MK first", { KDC }, CHANNEL_TRANSPORT, 0, MK, SW_OK },
	{ "B5 transport: MK after KRK",
	  { KDC, KRK },
	  CHANNEL_TRANSPORT,
	  0,
	  MK,
	  SW_OK },
	{ "B5 transport: KRK after MK",
	  { KDC, MK },
	  CHANNEL_TRANSPORT,
	  0,
	  KRK,
	  SW_OK },
	{ "transport: a second MK",
	  { KDC, MK },
	  CHANNEL_TRANSPORT,
	  0,
	  MK + 1,
	  SW_CONDITIONS },
	{ "transport: a second KRK",
	  { KDC, KRK },
	  CHANNEL_TRANSPORT,
	  0,
	  KRK + 6,
	  SW_CONDITIONS },
	{ "transport replaces no MK",
	  { KDC, KRK, MK },
	  CHANNEL_TRANSPORT,
	  MK,
	  MK,
	  SW_SECURITY },
	{ "transport replaces no KRK",
	  { KDC, KRK, MK },
	  CHANNEL_TRANSPORT,
	  KRK,
	  KRK,
	  SW_SECURITY },
	{ "transport replaces not itself",
	  { KDC },
	  CHANNEL_TRANSPORT,
	  KDC,
	  KDC,
	  SW_SECURITY },
	{ "transport puts no transaction key",
	  { KDC },
	  CHANNEL_TRANSPORT,
	  0,
	  TXN,
	  SW_SECURITY },
	{ "B8 replacement: MK by the next",
	  { KRK, MK },
	  CHANNEL_REPLACEMENT,
	  MK,
	  MK + 1,
	  SW_OK },
	{ "B8 replacement: MK by the same",
	  { KRK, MK },
	  CHANNEL_REPLACEMENT,
	  MK,
	  MK,
	  SW_OK },
	{ "B8 replacement: an MK that is not there",
	  { KRK, MK },
	  CHANNEL_REPLACEMENT,
	  MK + 1,
	  MK + 2,
	  SW_REFERENCE },
	{ "replacement puts no new MK",
	  { KRK },
	  CHANNEL_REPLACEMENT,
	  0,
	  MK,
	  SW_SECURITY },
	{ "replacement: MK by a KRK",
	  { KRK, MK },
	  CHANNEL_REPLACEMENT,
	  MK,
	  KRK,
	  SW_SECURITY },
	{ "replacement replaces not itself",
	  { KRK, MK },
	  CHANNEL_REPLACEMENT,
	  KRK,
	  KRK,
	  SW_SECURITY },
	{ "replacement puts no KDC",
	  { KRK, MK },
	  CHANNEL_REPLACEMENT,
	  0,
	  KDC,
	  SW_SECURITY },
	{ "replacement puts no transaction key",
	  { KRK, MK },
	  CHANNEL_REPLACEMENT,
	  0,
	  TXN,
	  SW_SECURITY },
	{ "master replaces not itself",
	  { KRK, MK },
	  CHANNEL_MASTER,
	  MK,
	  MK,
	  SW_SECURITY },
	{ "master replaces no KRK",
	  { KRK, MK },
	  CHANNEL_MASTER,
	  KRK,
	  KRK,
	  SW_SECURITY },
	{ "central: KDC", {}, CHANNEL_CENTRAL, 0, KDC, SW_OK },
	{ "central: KDC by another", { KDC }, CHANNEL_CENTRAL, KDC, KDC, SW_OK },
	{ "central: a second KDC",
	  { KDC },
	  CHANNEL_CENTRAL,
	  0,
	  KDC,
	  SW_CONDITIONS },
	{ "B5 central: KDC beside an MK, to finish the first load",
	  { MK },
	  CHANNEL_CENTRAL,
	  0,
	  KDC,
	  SW_OK },
	{ "B5 central: KDC by another beside a KRK",
	  { KDC, KRK },
	  CHANNEL_CENTRAL,
	  KDC,
	  KDC,
	  SW_OK },
	{ "B5 central: KDC by another beside both, to end the first load",
	  { KDC, KRK, MK },
	  CHANNEL_CENTRAL,
	  KDC,
	  KDC,
	  SW_OK },
	{ "B5 central: no KDC after the first load",
	  { KRK, MK },
	  CHANNEL_CENTRAL,
	  0,
	  KDC,
	  SW_CONDITIONS,
	  .secured = true },
	{ "central puts no MK", { KDC }, CHANNEL_CENTRAL, 0, MK, SW_SECURITY },
	{ "central replaces no MK",
	  { KRK, MK },
	  CHANNEL_CENTRAL,
	  MK,
	  MK,
	  SW_SECURITY },
	{ "central: MK by a KDC",
	  { KRK, MK },
	  CHANNEL_CENTRAL,
	  MK,
	  KDC,
	  SW_SECURITY },
	{ "A11 central: transaction key", {}, CHANNEL_CENTRAL, 0, TXN, SW_OK },
	{ "A11 central: transaction key by the next",
	  {},
	  CHANNEL_CENTRAL,
	  TXN,
	  TXN + 1,
	  SW_OK },
	{ "nobody puts a KDC", {}, CHANNEL_NONE, 0, KDC, SW_SECURITY },
	{ "nobody puts an MK", { KDC }, CHANNEL_NONE, 0, MK, SW_SECURITY },
	{ "a number below", {}, CHANNEL_CENTRAL, 0, 0x2f, SW_DATA },
	{ "a number above", {}, CHANNEL_CENTRAL, 0, 0x60, SW_DATA },
	{ "a number that nothing had",
	  { KRK, MK },
	  CHANNEL_REPLACEMENT,
	  0x60,
	  MK,
	  SW_DATA },
};

static void rule_name(const struct rule *r, char *desc)
{
	strscpy(desc, r->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(rule, rules, rule_name);

static void keyset_rules(struct kunit *test)
{
	const struct rule *rule = test->param_value;
	const struct put_key p = { .old = rule->old, .kvn = rule->kvn };
	struct record *r;
	size_t n = 0;

	while (n < ARRAY_SIZE(rule->there) && rule->there[n])
		n++;
	r = loaded(test, rule->there, n);
	r->secured = rule->secured;
	KUNIT_EXPECT_EQ(test, put_key_allowed(rule->channel, r, &p), rule->sw);
}

static void keyset_slots(struct kunit *test)
{
	static const u8 order[][3] = { { KDC, KRK, MK }, { KDC, MK, KRK } };
	struct put_key p = { .old = MK, .kvn = MK + 1, .count = KEY_PARTS };
	struct record *r;
	size_t i, at;

	for (i = 0; i < 2; i++) {
		r = loaded(test, order[i], 3);
		KUNIT_EXPECT_EQ(test, r->keysets[0].kvn, KDC);
		KUNIT_EXPECT_EQ(test, r->keysets[1].kvn, order[i][1]);
		KUNIT_EXPECT_EQ(test, r->keysets[2].kvn, order[i][2]);
		KUNIT_EXPECT_TRUE(test, keyset_issued(r));
		KUNIT_EXPECT_PTR_EQ(test, keyset_find(r, 0), &r->keysets[0]);
		at = keyset_find(r, MK) - r->keysets;
		r->keysets[at].failures = 9;
		r->keysets[at].sequence = 9;
		p.key[0].len = 32;
		memset(p.key[0].value, 0x77, 32);
		keyset_install(r, &p);
		/* B8: in its slot, with all its tries; the old one is gone */
		KUNIT_EXPECT_EQ(test, r->keysets[at].kvn, MK + 1);
		KUNIT_EXPECT_EQ(test, r->keysets[at].failures, 0);
		KUNIT_EXPECT_EQ(test, r->keysets[at].sequence, 0);
		KUNIT_EXPECT_EQ(test, r->keysets[at].enc[31], 0x77);
		KUNIT_EXPECT_EQ(test, r->keysets[3 - at].kvn, KRK);
		KUNIT_EXPECT_PTR_EQ(test, keyset_find(r, MK), NULL);
	}
	KUNIT_EXPECT_FALSE(test, keyset_issued(loaded(test, order[0], 2)));
	KUNIT_EXPECT_EQ(test, key_channel(KEY_ROLE_COUNT), CHANNEL_NONE);
}

/* By OpenSSL: enc -aes-N-ecb of sixteen 01 */
static void keyset_check_value(struct kunit *test)
{
	u8 key[16], kcv[KEY_KCV_SIZE];
	size_t i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = 0x40 + i;
	KUNIT_ASSERT_EQ(test, key_check_value(key, sizeof(key), kcv), 0);
	KUNIT_EXPECT_EQ(test, memcmp(kcv, "\x50\x4a\x77", 3), 0);
}

/* PUT KEY of three keys of @len bytes, each all @fill. */
static struct apdu command(struct kunit *test, u8 kvn, size_t len, u8 fill,
			   const u8 dek[16])
{
	static const u8 zeros[16];
	struct apdu a = { 0x80, 0xd8, 0, 0x81 };
	const size_t wrapped = len == 16 ? 16 : 32;
	u8 *p = kunit_kzalloc(test, 1 + 3 * (wrapped + 7), GFP_KERNEL), key[32];
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	a.data = p;
	*p++ = kvn;
	for (i = 0; i < KEY_PARTS; i++) {
		*p++ = 0x88;
		*p++ = 1 + wrapped;
		*p++ = len;
		memset(key, 0, sizeof(key));
		memset(key, fill + i, len);
		memcpy(p, key, wrapped);
		KUNIT_ASSERT_EQ(test, se_cbc(true, dek, 16, zeros, p, wrapped),
				0);
		p += wrapped;
		*p++ = KEY_KCV_SIZE;
		KUNIT_ASSERT_EQ(test, key_check_value(key, len, p), 0);
		p += KEY_KCV_SIZE;
	}
	a.len = p - a.data;
	return a;
}

static const u8 dek[32] = { 1, 2, 3 };

static void keyset_put_key_round_trip(struct kunit *test)
{
	struct apdu a = command(test, MK, 16, 0x51, dek);
	struct put_key p;
	u8 key[16];

	a.p1 = MK + 1;
	KUNIT_ASSERT_EQ(test, put_key_parse(&p, &a), SW_OK);
	KUNIT_EXPECT_EQ(test, p.old, MK + 1);
	KUNIT_EXPECT_EQ(test, p.kvn, MK);
	KUNIT_ASSERT_EQ(test, put_key_decrypt(&p, dek, 16), SW_OK);
	memset(key, 0x53, sizeof(key));
	KUNIT_EXPECT_EQ(test, memcmp(p.key[2].value, key, sizeof(key)), 0);
	/* another Key-DEK: the check values do not fit */
	a = command(test, MK, 16, 0x51, dek);
	KUNIT_ASSERT_EQ(test, put_key_parse(&p, &a), SW_OK);
	KUNIT_EXPECT_EQ(test, put_key_decrypt(&p, dek, 24), SW_DATA);
	/* longer than Key-DEK */
	a = command(test, MK, 24, 0x51, dek);
	KUNIT_ASSERT_EQ(test, put_key_parse(&p, &a), SW_OK);
	KUNIT_EXPECT_EQ(test, put_key_decrypt(&p, dek, 16), SW_CONDITIONS);
}

static void keyset_put_key_malformed(struct kunit *test)
{
	struct apdu good = command(test, MK, 16, 0x51, dek);
	struct put_key p;
	size_t len, at;

	for (len = 0; len < good.len; len++) {
		struct vector v = vector_copy(test, good.data, len);
		struct apdu a = { 0x80, 0xd8, 0, 0x81, v.data, len };

		KUNIT_EXPECT_EQ(test, put_key_parse(&p, &a), SW_DATA);
	}
	/* type, its length, length of the key, length of the check value */
	for (at = 1; at < 4; at++) {
		good.data[at]++;
		KUNIT_EXPECT_EQ(test, put_key_parse(&p, &good), SW_DATA);
		good.data[at]--;
	}
	good.data[20]++;
	KUNIT_EXPECT_EQ(test, put_key_parse(&p, &good), SW_DATA);
	good.data[20]--;
	good.p2 = 0x82;
	KUNIT_EXPECT_EQ(test, put_key_parse(&p, &good), SW_P1P2);
	/* a keyset has three keys, one for transactions is alone */
	good.p2 = 0x01;
	KUNIT_EXPECT_EQ(test, put_key_parse(&p, &good), SW_DATA);
	good.data[0] = TXN;
	KUNIT_EXPECT_EQ(test, put_key_parse(&p, &good), SW_OK);
	good.p2 = 0x81;
	KUNIT_EXPECT_EQ(test, put_key_parse(&p, &good), SW_DATA);
}

/* clang-format off */
static struct kunit_case keyset_cases[] = {
	KUNIT_CASE_PARAM(keyset_rules, rule_gen_params),
	KUNIT_CASE(keyset_slots),
	KUNIT_CASE(keyset_check_value),
	KUNIT_CASE(keyset_put_key_round_trip),
	KUNIT_CASE(keyset_put_key_malformed),
	{}
};

/* clang-format on */

static struct kunit_suite keyset_suite = {
	.name = "keyset",
	.test_cases = keyset_cases,
};
kunit_test_suite(keyset_suite);
