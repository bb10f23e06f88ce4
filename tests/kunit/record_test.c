// SPDX-License-Identifier: GPL-2.0-only
/* The encoding of the vault's record. */
#include "tests/kunit/vector.h"

#include "kernel/record.h"

/* The order of elements in an encoded record: tag and size; size 0 has none of its own. */
static const struct {
	u8 tag;
	u16 size;
} layout[] = {
	{ 0x80, 4 },  { 0x81, 8 },  { 0x82, 8 }, { 0x83, 32 },	{ 0x84, 34 },
	{ 0x85, 34 }, { 0x86, 32 }, { 0x87, 4 }, { 0x88, 312 }, { 0x90, 0 },
	{ 0x91, 0 },  { 0x92, 0 },  { 0x93, 0 }, { 0x94, 0 },	{ 0x95, 0 },
	{ 0x96, 0 },  { 0x97, 0 },  { 0x98, 0 },
};

#define FIELDS ARRAY_SIZE(layout)
#define APPS (FIELDS - 1) /* all but the last of size 0 are certificates */

static struct record *new_record(struct kunit *test)
{
	struct record *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	return r;
}

static void set_cert(struct kunit *test, struct record_cert *c, u8 seed,
		     size_t len)
{
	u8 *der = kunit_kzalloc(test, len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, der);
	memset(der, seed, len);
	KUNIT_ASSERT_EQ(test, record_set_cert(c, der, len), 0);
}

/* Every field another value; @len of each certificate. */
static struct record *full_record(struct kunit *test, size_t len)
{
	struct record *r = new_record(test);
	size_t i;

	r->state = SECMOD_STATE_OPERATING;
	r->epoch = 0x0102030405060708;
	r->personalized_at = 1893456000;
	memset(r->auth, 0xa1, sizeof(r->auth));
	memset(r->srk_name, 0xa2, sizeof(r->srk_name));
	memset(r->key_name, 0xa3, sizeof(r->key_name));
	r->policy = (struct secmod_policy){ 1, 2, 3, 4 };
	set_cert(test, &r->checking, 0xc1, len);
	set_cert(test, &r->identity, 0xc2, len);
	set_cert(test, &r->signer, 0xc3, len);
	set_cert(test, &r->module, 0xc4, len);
	for (i = 0; i < SECMOD_CENTRAL_MAX; i++)
		set_cert(test, &r->central[i], 0xd0 + i, len);
	r->secured = 1;
	for (i = 0; i < RECORD_KEYSETS; i++) {
		memset(&r->keysets[i], 0xe0 + i, sizeof(r->keysets[i]));
		r->keysets[i].len = RECORD_KEY_MAX;
	}
	r->apps.len = len;
	memset(r->apps.data, 0xf0, len);
	return r;
}

static struct vector encode(struct kunit *test, const struct record *r)
{
	struct vector v = {};
	int len;

	v.data = kunit_kzalloc(test, RECORD_MAX, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, v.data);
	len = record_encode(r, v.data, RECORD_MAX);
	KUNIT_ASSERT_GT(test, len, 0);
	v.len = len;
	return v;
}

static void expect_round_trip(struct kunit *test, const struct record *r)
{
	struct vector v = encode(test, r), exact;
	struct record *back = new_record(test);

	memset(back, 0xff, sizeof(*back));
	exact = vector_copy(test, v.data, v.len);
	KUNIT_EXPECT_EQ(test, record_decode(back, exact.data, exact.len), 0);
	KUNIT_EXPECT_EQ(test, memcmp(back, r, sizeof(*r)), 0);
}

static void record_round_trip(struct kunit *test)
{
	struct record *empty = new_record(test);

	empty->state = SECMOD_STATE_PERSONALIZATION;
	expect_round_trip(test, empty);
	expect_round_trip(test, full_record(test, 1));
	expect_round_trip(test, full_record(test, 500));
	/* as large as it gets */
	expect_round_trip(test, full_record(test, SECMOD_CERT_MAX));
}

static void record_has_its_layout(struct kunit *test)
{
	struct vector v = encode(test, full_record(test, 300));
	struct tlv_reader r;
	struct tlv t;
	size_t i;

	tlv_open(&r, v.data, v.len);
	for (i = 0; i < FIELDS; i++) {
		KUNIT_ASSERT_TRUE(test, tlv_expect(&r, layout[i].tag, &t));
		KUNIT_EXPECT_EQ(test, t.len, layout[i].size ?: 300);
	}
	KUNIT_EXPECT_TRUE(test, tlv_done(&r));
}

static void record_that_does_not_fit(struct kunit *test)
{
	struct record *r = full_record(test, 10);
	struct vector v = encode(test, r);
	size_t size;

	for (size = 0; size < v.len; size++) {
		struct vector out = vector_copy(test, v.data, size);

		KUNIT_EXPECT_EQ(test, record_encode(r, out.data, size), -E2BIG);
	}
	KUNIT_EXPECT_EQ(test, record_encode(r, v.data, v.len), v.len);
}

static void record_truncated_at_every_length(struct kunit *test)
{
	struct vector v = encode(test, full_record(test, 10)), part;
	struct record *r = new_record(test);
	size_t len;

	for (len = 0; len < v.len; len++) {
		part = vector_copy(test, v.data, len);
		KUNIT_EXPECT_EQ_MSG(test, record_decode(r, part.data, len),
				    -EBADMSG, "%zu", len);
	}
}

/* The elements of a record, to be put together in another way. */
struct elements {
	struct vector der;
	struct tlv at[FIELDS];
};

static struct elements *take_apart(struct kunit *test)
{
	struct elements *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	struct tlv_reader r;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, e);
	e->der = encode(test, full_record(test, 10));
	tlv_open(&r, e->der.data, e->der.len);
	for (i = 0; i < FIELDS; i++)
		KUNIT_ASSERT_TRUE(test, tlv_next(&r, &e->at[i]));
	return e;
}

static int decode_in_order(struct kunit *test, const struct elements *e,
			   const u8 *order, size_t count)
{
	u8 *data = kunit_kzalloc(test, 2 * e->der.len, GFP_KERNEL);
	struct vector v = { .data = data };
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	for (i = 0; i < count; i++) {
		memcpy(v.data + v.len, e->at[order[i]].whole,
		       e->at[order[i]].whole_len);
		v.len += e->at[order[i]].whole_len;
	}
	v = vector_copy(test, data, v.len);
	return record_decode(new_record(test), v.data, v.len);
}

static void record_in_another_order(struct kunit *test)
{
	struct elements *e = take_apart(test);
	u8 order[FIELDS + 1];
	size_t i, k;

	for (i = 0; i < FIELDS; i++)
		order[i] = i;
	KUNIT_EXPECT_EQ(test, decode_in_order(test, e, order, FIELDS), 0);
	for (i = 0; i < FIELDS; i++) {
		/* swapped */
		for (k = i + 1; k < FIELDS; k++) {
			swap(order[i], order[k]);
			KUNIT_EXPECT_EQ_MSG(test,
					    decode_in_order(test, e, order,
							    FIELDS),
					    -EBADMSG, "%zu and %zu swapped", i,
					    k);
			swap(order[i], order[k]);
		}
		/* twice */
		memmove(order + i + 1, order + i, FIELDS - i);
		KUNIT_EXPECT_EQ_MSG(test,
				    decode_in_order(test, e, order, FIELDS + 1),
				    -EBADMSG, "%zu twice", i);
		memmove(order + i, order + i + 1, FIELDS - i);
		/* missing */
		memmove(order + i, order + i + 1, FIELDS - i - 1);
		KUNIT_EXPECT_EQ_MSG(test,
				    decode_in_order(test, e, order, FIELDS - 1),
				    -EBADMSG, "%zu missing", i);
		memmove(order + i + 1, order + i, FIELDS - i - 1);
		order[i] = i;
	}
}

/* Element @which with @size octets instead of what it has. */
static int decode_with_size(struct kunit *test, const struct elements *e,
			    size_t which, size_t size)
{
	u8 *data = kunit_kzalloc(test, RECORD_MAX, GFP_KERNEL);
	u8 *value = kunit_kzalloc(test, size, GFP_KERNEL);
	struct tlv_writer w = { .data = data, .size = RECORD_MAX };
	struct vector v;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_ASSERT_NOT_NULL(test, value);
	if (which == 0 && size)
		value[0] = SECMOD_STATE_OPERATING;
	for (i = 0; i < FIELDS; i++) {
		if (i == which)
			tlv_put(&w, e->at[i].tag, value, size);
		else
			tlv_put(&w, e->at[i].tag, e->at[i].value, e->at[i].len);
	}
	KUNIT_ASSERT_FALSE(test, w.bad);
	v = vector_copy(test, w.data, w.len);
	return record_decode(new_record(test), v.data, v.len);
}

static void record_with_another_size(struct kunit *test)
{
	struct elements *e = take_apart(test);
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		size_t size = layout[i].size	?:
				      i == APPS ? RECORD_APPS_MAX :
						  SECMOD_CERT_MAX;

		KUNIT_EXPECT_EQ(test, decode_with_size(test, e, i, size), 0);
		KUNIT_EXPECT_EQ_MSG(test,
				    decode_with_size(test, e, i, size + 1),
				    -EBADMSG, "element %zu", i);
		if (!layout[i].size)
			continue;
		KUNIT_EXPECT_EQ_MSG(test,
				    decode_with_size(test, e, i, size - 1),
				    -EBADMSG, "element %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, decode_with_size(test, e, i, 0),
				    -EBADMSG, "element %zu", i);
	}
}

static void record_with_something_behind(struct kunit *test)
{
	struct vector v = encode(test, full_record(test, 10));
	struct record *r = new_record(test);

	v.data[v.len] = 0x05;
	KUNIT_EXPECT_EQ(test, record_decode(r, v.data, v.len + 1), -EBADMSG);
	KUNIT_EXPECT_EQ(test, record_decode(r, v.data, v.len + 2), -EBADMSG);
}

static void record_of_a_state_that_is_not_kept(struct kunit *test)
{
	struct record *r = full_record(test, 10), *back = new_record(test);
	struct vector v;
	u32 state;

	for (state = 0; state < 70; state++) {
		bool kept = state == SECMOD_STATE_PERSONALIZATION ||
			    state == SECMOD_STATE_OPERATING;

		r->state = state;
		v = encode(test, r);
		KUNIT_EXPECT_EQ(test, record_decode(back, v.data, v.len),
				kept ? 0 : -EBADMSG);
	}
}

/* No change of one octet crashes; a change of a head is refused. */
static void record_with_flipped_octets(struct kunit *test)
{
	struct vector v = encode(test, full_record(test, 10));
	static const u8 masks[] = { 0x01, 0x80, 0xff };
	struct record *r = new_record(test);
	size_t i, m;

	for (i = 0; i < v.len; i++) {
		for (m = 0; m < ARRAY_SIZE(masks); m++) {
			int rc;

			v.data[i] ^= masks[m];
			rc = record_decode(r, v.data, v.len);
			KUNIT_EXPECT_TRUE(test, rc == 0 || rc == -EBADMSG);
			v.data[i] ^= masks[m];
		}
	}
}

static void record_certificate_of_each_length(struct kunit *test)
{
	struct record *r = new_record(test);
	u8 *der = kunit_kzalloc(test, SECMOD_CERT_MAX + 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, der);
	memset(der, 0x5a, SECMOD_CERT_MAX + 1);
	KUNIT_EXPECT_EQ(test,
			record_set_cert(&r->signer, der, SECMOD_CERT_MAX + 1),
			-E2BIG);
	KUNIT_EXPECT_EQ(test, r->signer.len, 0);
	KUNIT_EXPECT_EQ(test, r->signer.der[0], 0);
	KUNIT_EXPECT_EQ(test, record_set_cert(&r->signer, der, SECMOD_CERT_MAX),
			0);
	KUNIT_EXPECT_EQ(test, r->signer.len, SECMOD_CERT_MAX);
	KUNIT_EXPECT_EQ(test, memcmp(r->signer.der, der, SECMOD_CERT_MAX), 0);
	KUNIT_EXPECT_EQ(test, r->module.len, 0);
	/* nothing of a longer one is left */
	KUNIT_EXPECT_EQ(test, record_set_cert(&r->signer, der, 1), 0);
	KUNIT_EXPECT_EQ(test, r->signer.len, 1);
	KUNIT_EXPECT_PTR_EQ(test,
			    memchr_inv(r->signer.der + 1, 0,
				       SECMOD_CERT_MAX - 1),
			    NULL);
}

static void record_forgets_the_key(struct kunit *test)
{
	struct record *r = full_record(test, SECMOD_CERT_MAX);
	struct record *want = new_record(test);

	want->state = SECMOD_STATE_PERSONALIZATION;
	want->epoch = r->epoch;
	memcpy(want->srk_name, r->srk_name, sizeof(want->srk_name));
	want->checking = r->checking;
	want->identity = r->identity;
	record_forget_key(r);
	/* authValue, names, certificates, policy: no octet of them is left */
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(r->auth, 0, sizeof(r->auth)),
			    NULL);
	KUNIT_EXPECT_EQ(test, memcmp(r, want, sizeof(*r)), 0);
}

static struct kunit_case record_cases[] = {
	KUNIT_CASE(record_round_trip),
	KUNIT_CASE(record_has_its_layout),
	KUNIT_CASE(record_that_does_not_fit),
	KUNIT_CASE(record_truncated_at_every_length),
	KUNIT_CASE(record_in_another_order),
	KUNIT_CASE(record_with_another_size),
	KUNIT_CASE(record_with_something_behind),
	KUNIT_CASE(record_of_a_state_that_is_not_kept),
	KUNIT_CASE(record_with_flipped_octets),
	KUNIT_CASE(record_certificate_of_each_length),
	{ .name = "A2 record_forgets_the_key",
	  .run_case = record_forgets_the_key },
	{}
};

static struct kunit_suite record_suite = {
	.name = "record",
	.test_cases = record_cases,
};
kunit_test_suite(record_suite);
