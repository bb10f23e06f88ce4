// SPDX-License-Identifier: GPL-2.0-only
/* Slots of the vault with the kernel's cryptography. */
#include "tests/kunit/vector.h"

#include "kernel/slot.h"

/* What small_record() is under root 00..1f, UID a0..af, counter 7: by OpenSSL. */
static const u8 known[] = {
	0x53, 0x45, 0x43, 0x4d, 0x4f, 0x44, 0x56, 0x54, 0x00, 0x00, 0x00, 0x01,
	0x00, 0x00, 0x01, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07,
	0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab,
	0xac, 0xad, 0xae, 0xaf, 0x3e, 0xf4, 0x1e, 0x4d, 0xc4, 0x6e, 0xe2, 0x64,
	0x43, 0xde, 0x4f, 0xab, 0x3c, 0x69, 0x44, 0x81, 0x76, 0x06, 0x81, 0x4d,
	0xaf, 0x2b, 0x90, 0xca, 0x78, 0x22, 0x80, 0x29, 0xe5, 0x2d, 0xbe, 0x4f,
	0xc4, 0x65, 0x90, 0xd0, 0xf0, 0xd9, 0x2b, 0xa1, 0x23, 0xbc, 0x69, 0x0c,
	0x35, 0xe2, 0xe4, 0xe0, 0x07, 0x7d, 0x8b, 0x98, 0xe5, 0x6c, 0x9a, 0xdc,
	0x2b, 0xbf, 0xaa, 0xe4, 0x79, 0x8a, 0x6b, 0x17, 0x82, 0xbd, 0x46, 0x3a,
	0x3b, 0xa9, 0x15, 0xe2, 0xd6, 0x89, 0x47, 0xb2, 0xef, 0x31, 0x7c, 0x5a,
	0x97, 0x6e, 0xfc, 0x4c, 0x1e, 0x5a, 0xed, 0x93, 0xa6, 0x33, 0x4f, 0x3c,
	0x00, 0x24, 0xe5, 0xfc, 0xcd, 0x88, 0x42, 0xd5, 0x34, 0x02, 0xb3, 0x5f,
	0x58, 0x44, 0xfe, 0x55, 0x40, 0x4a, 0x94, 0xd4, 0x68, 0x1f, 0xe6, 0xda,
	0x3a, 0x40, 0xe8, 0x45, 0x91, 0xc9, 0xff, 0xa3, 0x11, 0x91, 0x20, 0x17,
	0xcb, 0xdb, 0x50, 0x8e, 0x84, 0x96, 0x71, 0x5f, 0xa2, 0xc1, 0xe2, 0x7a,
	0x1e, 0xc3, 0x2c, 0x03, 0x0a, 0xa2, 0xf6, 0x3a, 0xc9, 0xd3, 0x7e, 0x2b,
	0x0a, 0xd0, 0x66, 0xd9, 0x69, 0xa4, 0x47, 0x98, 0xe3, 0xb8, 0xb9, 0x28,
	0x72, 0x20, 0xa3, 0x6c, 0xd1, 0xe5, 0xb2, 0xb7, 0xeb, 0xe3, 0xe9, 0x8a,
	0x81, 0xa3, 0xe0, 0x71, 0x76, 0x96, 0xf5, 0xff, 0x89, 0x42, 0x61, 0xb0,
	0x9b, 0xd7, 0xf3, 0x4d, 0xdb, 0xa0, 0x2b, 0x0c, 0x68, 0x2e, 0xdc, 0x6f,
	0xfa, 0x12, 0x2b, 0x64, 0xee, 0xd9, 0xc9, 0x62, 0x86, 0x63, 0x52, 0x97,
	0x0a, 0x9e, 0x50, 0x0b, 0xfe, 0xe3, 0x1c, 0x79, 0x7c, 0x17, 0x76, 0x78,
	0xf5, 0xf5, 0x9b, 0x3c, 0x48, 0xbb, 0xb1, 0xe9, 0x5d, 0xa2, 0x29, 0x39,
	0xd3, 0xe5, 0xa3, 0xf1, 0x87, 0x3b, 0x85, 0xf3, 0xfd, 0xcd, 0x07, 0xe1,
	0x52, 0x69, 0xfe, 0x6b, 0x8c, 0xb3, 0x2a, 0xa6, 0x3f, 0x78, 0x18, 0x7d,
	0x3a, 0x86, 0xb7, 0x60, 0xe7, 0x5f, 0xbf, 0x60, 0x88, 0x14, 0x30, 0xcb,
	0xa6, 0x93, 0xfb, 0x9e, 0xc9, 0x14, 0x65, 0x43, 0x95, 0xd0, 0x78, 0xde,
	0xe7, 0x48, 0xf6, 0xa8, 0x8f, 0x3d, 0xf2, 0xe9, 0xdb, 0x1c, 0x88, 0xaf,
	0x19, 0x23, 0x86, 0x8c, 0x86, 0x18, 0x15, 0xec, 0x28, 0xf3, 0xb0, 0x3b,
	0xf7, 0x5c, 0x1b, 0x66, 0xd0, 0x5c, 0xe3, 0xe6, 0xb5, 0x54, 0x0c, 0xa1,
	0xec, 0xf8, 0x46, 0xd3, 0xd3, 0xba, 0x97, 0x62, 0xb8, 0x55, 0x05, 0xbc,
	0xb3, 0x51, 0x41, 0x65, 0x81, 0xa4, 0x0a, 0x7a, 0xd9, 0x22, 0xbc, 0xb1,
	0x6c, 0xa6, 0x94, 0x8b, 0xe5, 0x17, 0x2f, 0x83, 0x10, 0x3f, 0x11, 0x4a,
	0xff, 0x40, 0x9a, 0xc2, 0x87, 0x5a, 0x48, 0x3a, 0x01, 0x05, 0xfa, 0x3f,
	0x6e, 0x3b, 0x25, 0x13, 0xf9, 0xd7, 0x21, 0xee, 0x90, 0x4e, 0x23, 0x9c,
	0x00, 0x9c, 0x26, 0x0e, 0x02, 0xab, 0x6e, 0xb6, 0x72, 0xde, 0x7d, 0x07,
	0x7f, 0xfe, 0x31, 0x0a, 0x49, 0xc9, 0x2f, 0xbf, 0x21, 0xd5, 0x91, 0xf9,
	0x87, 0x5f, 0xb7, 0x4f, 0xd3, 0x80, 0x40, 0x9d, 0xfb, 0x45, 0xdc, 0xa3,
	0xe7, 0xa5, 0x8e, 0x9d, 0xaf, 0x7a, 0x54, 0xc0, 0x28, 0x1f, 0x13, 0x85,
	0x81, 0x3e, 0x5b, 0xab, 0x4e, 0xbe, 0x54, 0xc8, 0x67, 0xfc, 0x4a, 0xef,
	0x8c, 0x97, 0x4b, 0xa9, 0xa0, 0xb1, 0xb3, 0x80, 0x02, 0x52, 0x32, 0x80,
	0xf9, 0x37, 0x91, 0x2b, 0x65, 0x76, 0x94, 0xcc, 0xa1, 0x12, 0xec, 0x33,
	0x4b, 0x51, 0xe4, 0xc9, 0x36, 0x42, 0xc6, 0xf9, 0xf9, 0xd6, 0x0b, 0xf8,
	0x5f, 0x72, 0xcf, 0x23, 0xe4, 0x84, 0x01, 0x44, 0x27, 0x47, 0x46, 0x29,
	0x80, 0xbc, 0xd7, 0xb7, 0xab, 0xe3, 0x57, 0x4d, 0xcd, 0x83, 0xfd, 0xa6,
	0x7d, 0x92, 0x80, 0x89, 0x00, 0xd3, 0xc4, 0x69, 0xe1, 0x01, 0x09, 0xfb,
	0xe6, 0x8c, 0x50, 0x64, 0xa1, 0xbb, 0x6e, 0x77, 0x5d, 0xf3, 0x68, 0x39,
	0x46, 0x48, 0x6f, 0xc4, 0x28, 0xd6, 0x79, 0x61, 0x26, 0xdf, 0x56, 0x11,
	0x12, 0x6c, 0x15, 0x16, 0x32, 0x46, 0xa7, 0xb0, 0x6b, 0x2c, 0xf3, 0x7e,
	0x22, 0x06, 0x40, 0x60, 0x83, 0x1d, 0x6d, 0xf0, 0x98, 0x24, 0xee
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
		{ 0, 0, 0xe8, 1 }, /* RECORD_MAX + 1 */
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
