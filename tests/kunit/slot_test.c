// SPDX-License-Identifier: GPL-2.0-only
/* Slots of the vault with the kernel's cryptography. */
#include "tests/kunit/vector.h"

#include "kernel/slot.h"

/* What small_record() is under root 00..1f, UID a0..af, counter 7: by OpenSSL. */
static const u8 known[] = {
	0x53, 0x45, 0x43, 0x4d, 0x4f, 0x44, 0x56, 0x54, 0x00, 0x00, 0x00, 0x01,
	0x00, 0x00, 0x00, 0xbb, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07,
	0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab,
	0xac, 0xad, 0xae, 0xaf, 0x60, 0x4b, 0x18, 0x77, 0x14, 0xc2, 0x34, 0xd7,
	0x25, 0x04, 0xe3, 0xc0, 0xbe, 0x36, 0x44, 0x81, 0x60, 0x6d, 0xab, 0x01,
	0xd0, 0x71, 0x07, 0xe5, 0x12, 0xff, 0x69, 0x99, 0xc1, 0xd6, 0x44, 0x56,
	0xcf, 0x46, 0xb5, 0x9d, 0x4a, 0x4d, 0xd1, 0xae, 0x56, 0x23, 0x99, 0x90,
	0x5f, 0x7c, 0x61, 0x39, 0x8a, 0x83, 0xe9, 0x99, 0x32, 0x88, 0xbc, 0x4f,
	0x19, 0x0f, 0x8c, 0x3d, 0xa0, 0x69, 0xe8, 0xdb, 0x21, 0x2b, 0x55, 0xbf,
	0xb3, 0xea, 0x24, 0x7f, 0x08, 0xb2, 0xf3, 0xc0, 0x31, 0x92, 0xda, 0x7f,
	0x8f, 0x44, 0x68, 0x5a, 0x16, 0x74, 0x33, 0xd8, 0x55, 0x03, 0x77, 0x85,
	0x69, 0x16, 0x21, 0xa6, 0x48, 0x9b, 0x0b, 0xe5, 0x81, 0x97, 0x6d, 0x4f,
	0x9a, 0xc1, 0x3a, 0xea, 0xc7, 0x0a, 0xcb, 0x8e, 0xd8, 0xc3, 0xf9, 0x8f,
	0x53, 0xdf, 0xb6, 0x41, 0xaf, 0x92, 0xee, 0xd6, 0x57, 0x30, 0x43, 0xd0,
	0x2e, 0x8b, 0xa5, 0x4e, 0x1f, 0x73, 0x44, 0x95, 0x07, 0x80, 0x9a, 0xcd,
	0xc5, 0x34, 0xfb, 0x6c, 0xe9, 0xad, 0x99, 0x36, 0xef, 0x97, 0xa2, 0x7c,
	0xab, 0xc6, 0x64, 0x23, 0xf1, 0x6b, 0x72, 0x3a, 0x29, 0xd1, 0xee, 0xe0,
	0x46, 0xa0, 0x99, 0x2d, 0x43, 0xd2, 0x4d, 0xcf, 0x55, 0xa3, 0x74, 0x8f,
	0x83, 0x84, 0x4a, 0x10, 0x2f, 0xe0, 0x6d, 0x78, 0x91, 0xa8, 0x6e, 0xb4,
	0xa9, 0xd1, 0x38, 0x4a, 0x3c, 0x57, 0x1b, 0x24, 0x8b, 0x82, 0x44, 0xe5,
	0x29, 0xaf, 0x81, 0x14, 0x18, 0xed, 0x28, 0x1f, 0x3b, 0x1c, 0x16, 0xe6,
	0xa5, 0x2a, 0xdd, 0x32, 0xe4, 0xde, 0x09, 0x20, 0xc3, 0x2a, 0xb5, 0xeb,
	0x97, 0xdc, 0x2b, 0xb2, 0x7e, 0x86, 0xb5, 0x5e, 0x91, 0x41, 0x35
};

#define AT_VERSION 8
#define AT_LEN 12
#define AT_COUNTER 16
#define AT_UID 24
#define AT_SALT 40

static u8 root[32], uid[SECMOD_UID_SIZE];
static const struct slot_owner owner = { root, uid, 7 };

static int slot_init(struct kunit *test)
{
	size_t i;

	for (i = 0; i < sizeof(root); i++)
		root[i] = i;
	for (i = 0; i < sizeof(uid); i++)
		uid[i] = 0xa0 + i;
	return 0;
}

static struct record *small_record(struct kunit *test)
{
	struct record *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->state = SECMOD_STATE_OPERATING;
	r->epoch = 3;
	r->personalized_at = 1700000000;
	for (i = 0; i < sizeof(r->auth); i++)
		r->auth[i] = 0x40 + i;
	KUNIT_ASSERT_EQ(test, record_set_cert(&r->identity, "ident", 5), 0);
	return r;
}

static struct vector seal(struct kunit *test, const struct record *r)
{
	struct vector v = { kunit_kzalloc(test, SLOT_USED, GFP_KERNEL) };
	int len;

	KUNIT_ASSERT_NOT_NULL(test, v.data);
	len = slot_seal(&owner, r, v.data);
	KUNIT_ASSERT_GT(test, len, 0);
	v.len = len;
	return v;
}

/* Of a copy, for opening decrypts in place. */
static enum slot_verdict open_as(struct kunit *test, const struct slot_owner *o,
				 const u8 *slot, size_t len, u64 *found)
{
	u8 *copy = kmemdup(slot, len ?: 1, GFP_KERNEL);
	struct record *out = kzalloc(sizeof(*out), GFP_KERNEL);
	enum slot_verdict verdict;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	KUNIT_ASSERT_NOT_NULL(test, out);
	*found = 0;
	verdict = slot_open(o, copy, len, found, out);
	kfree(out);
	kfree(copy);
	return verdict;
}

static void expect_verdict(struct kunit *test, const struct vector *v,
			   enum slot_verdict want)
{
	u64 found;

	KUNIT_EXPECT_EQ(test, open_as(test, &owner, v->data, v->len, &found),
			want);
}

static void slot_of_another_implementation(struct kunit *test)
{
	struct vector v = vector_copy(test, known, sizeof(known));
	struct record *r = small_record(test), *out;
	u64 found = 0;

	out = kunit_kzalloc(test, sizeof(*out), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, out);
	KUNIT_EXPECT_EQ(test, slot_open(&owner, v.data, v.len, &found, out),
			SLOT_GOOD);
	KUNIT_EXPECT_EQ(test, found, 7);
	KUNIT_EXPECT_EQ(test, memcmp(out, r, sizeof(*r)), 0);
}

static void slot_round_trip(struct kunit *test)
{
	struct record *r = small_record(test), *out;
	struct vector v = seal(test, r);
	u64 found = 0;

	out = kunit_kzalloc(test, sizeof(*out), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, out);
	KUNIT_EXPECT_EQ(test, v.len, sizeof(known));
	KUNIT_EXPECT_EQ(test, slot_open(&owner, v.data, v.len, &found, out),
			SLOT_GOOD);
	KUNIT_EXPECT_EQ(test, memcmp(out, r, sizeof(*r)), 0);
}

/* A write repeated after a power cut is another message under another key. */
static void slot_is_never_sealed_twice_alike(struct kunit *test)
{
	struct record *r = small_record(test);
	struct vector a = seal(test, r), b = seal(test, r);
	size_t i, same = 0;

	KUNIT_EXPECT_EQ(test, memcmp(a.data, b.data, AT_SALT), 0);
	for (i = AT_SALT; i < a.len; i++)
		same += a.data[i] == b.data[i];
	KUNIT_EXPECT_LT(test, same, a.len / 8);
}

static void slot_shows_nothing_of_the_record(struct kunit *test)
{
	struct vector v = seal(test, small_record(test));
	size_t i;

	for (i = 0; i + 5 <= v.len; i++)
		KUNIT_EXPECT_NE(test, memcmp(v.data + i, "ident", 5), 0);
}

static void slot_of_another_counter(struct kunit *test)
{
	struct vector v = vector_copy(test, known, sizeof(known));
	struct slot_owner later = owner, earlier = owner;
	u64 found;

	later.counter++;
	earlier.counter--;
	KUNIT_EXPECT_EQ(test, open_as(test, &later, v.data, v.len, &found),
			SLOT_OLD);
	KUNIT_EXPECT_EQ(test, found, 7);
	KUNIT_EXPECT_EQ(test, open_as(test, &earlier, v.data, v.len, &found),
			SLOT_AHEAD);
	KUNIT_EXPECT_EQ(test, found, 7);
}

static void slot_of_another_module(struct kunit *test)
{
	struct vector v = vector_copy(test, known, sizeof(known));

	uid[15] ^= 1;
	expect_verdict(test, &v, SLOT_FOREIGN);
	uid[15] ^= 1;
	root[0] ^= 1;
	expect_verdict(test, &v, SLOT_DAMAGED);
	root[0] ^= 1;
	expect_verdict(test, &v, SLOT_GOOD);
}

static void slot_truncated_at_every_length(struct kunit *test)
{
	struct vector v = vector_copy(test, known, sizeof(known));
	u64 found;
	size_t len;

	for (len = 0; len < v.len; len++)
		KUNIT_EXPECT_EQ(test,
				open_as(test, &owner, v.data, len, &found),
				len < SLOT_HEADER_SIZE ? SLOT_EMPTY :
							 SLOT_DAMAGED);
}

static enum slot_verdict verdict_of_flip(size_t at)
{
	static const struct {
		size_t end;
		enum slot_verdict verdict;
	} regions[] = {
		{ AT_VERSION, SLOT_EMPTY }, { AT_COUNTER, SLOT_DAMAGED },
		{ AT_UID - 1, SLOT_AHEAD }, { AT_UID, SLOT_OLD },
		{ AT_SALT, SLOT_FOREIGN },  { SLOT_USED, SLOT_DAMAGED },
	};
	size_t i;

	for (i = 0; at >= regions[i].end; i++)
		;
	return regions[i].verdict;
}

static void slot_with_a_flipped_bit(struct kunit *test)
{
	struct vector v = vector_copy(test, known, sizeof(known));
	size_t at;

	for (at = 0; at < v.len; at++) {
		v.data[at] ^= 0x04; /* the counter, 7, becomes 3 or large */
		expect_verdict(test, &v, verdict_of_flip(at));
		v.data[at] ^= 0x04;
	}
	expect_verdict(test, &v, SLOT_GOOD);
}

/* Seals what is in @v (in clear behind its header) as it stands. */
static void seal_by_hand(struct kunit *test, struct vector *v, size_t len)
{
	u8 key[32];

	KUNIT_ASSERT_EQ(test,
			secmod_derive(root, "secmod vault slot",
				      v->data + AT_SALT, SLOT_SALT_SIZE, key),
			0);
	KUNIT_ASSERT_EQ(test,
			secmod_gcm(true, key, v->data, SLOT_HEADER_SIZE,
				   v->data + SLOT_HEADER_SIZE, len),
			0);
}

/* Authentic, but not what this driver writes. */
static void slot_of_another_version(struct kunit *test)
{
	struct vector v = seal(test, small_record(test));
	int len = record_encode(small_record(test), v.data + SLOT_HEADER_SIZE,
				RECORD_MAX);

	KUNIT_ASSERT_GT(test, len, 0);
	seal_by_hand(test, &v, len);
	expect_verdict(test, &v, SLOT_GOOD);
	record_encode(small_record(test), v.data + SLOT_HEADER_SIZE,
		      RECORD_MAX);
	v.data[AT_VERSION + 3]++;
	seal_by_hand(test, &v, len);
	expect_verdict(test, &v, SLOT_DAMAGED);
}

static void slot_of_no_record(struct kunit *test)
{
	struct vector v = seal(test, small_record(test));
	int len = record_encode(small_record(test), v.data + SLOT_HEADER_SIZE,
				RECORD_MAX);

	KUNIT_ASSERT_GT(test, len, 0);
	v.data[SLOT_HEADER_SIZE] ^= 1; /* the tag of the first element */
	seal_by_hand(test, &v, len);
	expect_verdict(test, &v, SLOT_DAMAGED);
}

static void slot_of_impossible_length(struct kunit *test)
{
	static const u8 lengths[][4] = {
		{ 0, 0, 0x60, 1 }, /* RECORD_MAX + 1 */
		{ 0xff, 0xff, 0xff, 0xff }, /* wraps with header and tag */
		{ 0xff, 0xff, 0xff, 0xa8 },
		{ 0x80, 0, 0, 0 },
	};
	struct vector v = vector_copy(test, known, sizeof(known));
	u8 *large = kunit_kzalloc(test, SLOT_USED + 1, GFP_KERNEL);
	size_t i;
	u64 found;

	KUNIT_ASSERT_NOT_NULL(test, large);
	memcpy(large, v.data, v.len);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memcpy(large + AT_LEN, lengths[i], 4);
		KUNIT_EXPECT_EQ(test,
				open_as(test, &owner, large, SLOT_USED + 1,
					&found),
				SLOT_DAMAGED);
	}
}

static void slot_with_the_largest_record(struct kunit *test)
{
	struct record *r = small_record(test);
	u8 *der = kunit_kzalloc(test, SECMOD_CERT_MAX, GFP_KERNEL);
	struct vector v;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, der);
	record_set_cert(&r->checking, der, SECMOD_CERT_MAX);
	record_set_cert(&r->identity, der, SECMOD_CERT_MAX);
	record_set_cert(&r->signer, der, SECMOD_CERT_MAX);
	record_set_cert(&r->module, der, SECMOD_CERT_MAX);
	for (i = 0; i < SECMOD_CENTRAL_MAX; i++)
		record_set_cert(&r->central[i], der, SECMOD_CERT_MAX);
	v = seal(test, r);
	KUNIT_EXPECT_LE(test, v.len, SLOT_USED);
	expect_verdict(test, &v, SLOT_GOOD);
}

static struct kunit_case slot_cases[] = {
	KUNIT_CASE(slot_of_another_implementation),
	KUNIT_CASE(slot_round_trip),
	KUNIT_CASE(slot_is_never_sealed_twice_alike),
	KUNIT_CASE(slot_shows_nothing_of_the_record),
	KUNIT_CASE(slot_of_another_counter),
	KUNIT_CASE(slot_of_another_module),
	KUNIT_CASE(slot_truncated_at_every_length),
	KUNIT_CASE(slot_with_a_flipped_bit),
	KUNIT_CASE(slot_of_another_version),
	KUNIT_CASE(slot_of_no_record),
	KUNIT_CASE(slot_of_impossible_length),
	KUNIT_CASE(slot_with_the_largest_record),
	{}
};

static struct kunit_suite slot_suite = {
	.name = "slot",
	.init = slot_init,
	.test_cases = slot_cases,
};
kunit_test_suite(slot_suite);
