// SPDX-License-Identifier: GPL-2.0-only
/* The DER reader and the writer, with what DER forbids. */
#include "tests/kunit/vector.h"

struct element {
	const char *name;
	const char *hex; /* head of the element */
	size_t fill; /* octets of value behind it */
	int tag; /* -1: refused */
};

static const struct element elements[] = {
	{ "null", "0500", 0, 0x05 },
	{ "octet string", "0401", 1, 0x04 },
	{ "sequence", "3002", 2, 0x30 },
	{ "127 octets", "047f", 127, 0x04 },
	{ "128 octets", "048180", 128, 0x04 },
	{ "255 octets", "0481ff", 255, 0x04 },
	{ "256 octets", "04820100", 256, 0x04 },
	{ "65535 octets", "0482ffff", 65535, 0x04 },
	{ "tag 30", "9e00", 0, 0x9e },
	{ "tag 31", "9f1f00", 0, 0x9f1f },
	{ "tag 127", "bf7f00", 0, 0xbf7f },
	{ "tag 30 in two octets", "9f1e00", 0, -1 },
	{ "tag 0 in two octets", "9f0000", 0, -1 },
	{ "tag 0 in two octets that go on", "9f8000", 0, -1 },
	{ "tag 128 in three octets", "9f810000", 0, -1 },
	{ "tag of two octets without the second", "9f", 0, -1 },
	{ "tag alone", "04", 0, -1 },
	{ "nothing", "", 0, -1 },
	{ "0 octets in two", "048100", 0, -1 },
	{ "127 octets in two", "04817f", 127, -1 },
	{ "1 octet in three", "04820001", 1, -1 },
	{ "255 octets in three", "048200ff", 255, -1 },
	{ "256 octets in four", "0483000100", 256, -1 },
	{ "65536 octets", "0483010000", 65536, -1 },
	{ "1 octet in five", "048400000001", 1, -1 },
	{ "1 octet in nine", "04880000000000000001", 1, -1 },
	{ "indefinite length", "3080", 2, -1 },
	{ "reserved length", "04ff", 255, -1 },
	{ "length of two octets without the second", "0481", 0, -1 },
	{ "length of three octets without the last", "048201", 0, -1 },
	{ "length of three octets without the last two", "0482", 0, -1 },
	{ "an octet short", "0405", 4, -1 },
	{ "all octets short", "0405", 0, -1 },
	{ "long and an octet short", "0482ffff", 65534, -1 },
};

static void element_name(const struct element *e, char *desc)
{
	strscpy(desc, e->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(element, elements, element_name);

static struct vector build(struct kunit *test, const struct element *e,
			   size_t behind)
{
	size_t head = strlen(e->hex) / 2;
	struct vector v = {};

	v.len = head + e->fill + behind;
	v.data = kunit_kzalloc(test, v.len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, v.data);
	vector_read(test, e->hex, v.data, head);
	return v;
}

static void tlv_element(struct kunit *test)
{
	const struct element *e = test->param_value;
	struct vector v = build(test, e, 0);
	struct tlv_reader r;
	struct tlv t;

	memset(&t, 0xff, sizeof(t));
	tlv_open(&r, v.data, v.len);
	KUNIT_ASSERT_EQ(test, tlv_next(&r, &t), e->tag >= 0);
	KUNIT_EXPECT_EQ(test, tlv_done(&r), e->tag >= 0);
	KUNIT_EXPECT_FALSE(test, tlv_more(&r));
	if (e->tag < 0) {
		KUNIT_EXPECT_PTR_EQ(test, t.value, NULL);
		KUNIT_EXPECT_PTR_EQ(test, t.whole, NULL);
		return;
	}
	KUNIT_EXPECT_EQ(test, t.tag, e->tag);
	KUNIT_EXPECT_EQ(test, t.len, e->fill);
	KUNIT_EXPECT_PTR_EQ(test, t.value, v.data + v.len - e->fill);
	KUNIT_EXPECT_PTR_EQ(test, t.whole, v.data);
	KUNIT_EXPECT_EQ(test, t.whole_len, v.len);
}

/* What follows an element is left for the next one. */
static void tlv_element_and_more(struct kunit *test)
{
	const struct element *e = test->param_value;
	struct tlv_reader r;
	struct vector v;
	struct tlv t;

	if (e->tag < 0)
		return;
	v = build(test, e, 2);
	tlv_open(&r, v.data, v.len);
	KUNIT_ASSERT_TRUE(test, tlv_next(&r, &t));
	KUNIT_EXPECT_TRUE(test, tlv_more(&r));
	KUNIT_EXPECT_FALSE(test, tlv_done(&r));
	KUNIT_EXPECT_EQ(test, t.whole_len, v.len - 2);
	KUNIT_EXPECT_TRUE(test, tlv_next(&r, &t));
	KUNIT_EXPECT_EQ(test, t.whole_len, 2);
	KUNIT_EXPECT_TRUE(test, tlv_done(&r));
}

static void tlv_truncated_at_every_length(struct kunit *test)
{
	const struct element *e = test->param_value;
	struct vector v, part;
	struct tlv_reader r;
	struct tlv t;
	size_t len;

	if (e->tag < 0 || e->fill > 256)
		return;
	v = build(test, e, 0);
	for (len = 0; len < v.len; len++) {
		part = vector_copy(test, v.data, len);
		tlv_open(&r, part.data, len);
		KUNIT_EXPECT_FALSE(test, tlv_next(&r, &t));
		KUNIT_EXPECT_FALSE(test, tlv_done(&r));
	}
}

struct number {
	const char *name;
	const char *hex;
	bool good;
	u64 value;
};

static const struct number numbers[] = {
	{ "0", "020100", true, 0 },
	{ "1", "020101", true, 1 },
	{ "127", "02017f", true, 127 },
	{ "128", "02020080", true, 128 },
	{ "255", "020200ff", true, 255 },
	{ "256", "02020100", true, 256 },
	{ "2^63 - 1", "02087fffffffffffffff", true, ~0ull >> 1 },
	{ "2^63", "0209008000000000000000", true, 1ull << 63 },
	{ "2^64 - 1", "020900ffffffffffffffff", true, ~0ull },
	{ "2^64", "0209010000000000000000", false, 0 },
	{ "2^72", "020a00ff0000000000000000", false, 0 },
	{ "empty", "0200", false, 0 },
	{ "-1", "0201ff", false, 0 },
	{ "-128", "020180", false, 0 },
	{ "-2^63", "02088000000000000000", false, 0 },
	{ "padded 0", "02020000", false, 0 },
	{ "padded 1", "02020001", false, 0 },
	{ "padded 127", "0202007f", false, 0 },
	{ "twice padded 128", "0203000080", false, 0 },
	{ "padded with ff", "0202ff80", false, 0 },
	{ "octet string", "040101", false, 0 },
	{ "cut", "020201", false, 0 },
};

static void number_name(const struct number *n, char *desc)
{
	strscpy(desc, n->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(number, numbers, number_name);

static void tlv_number(struct kunit *test)
{
	const struct number *n = test->param_value;
	struct vector v = vector_from_hex(test, n->hex);
	struct tlv_reader r;
	u64 value = 42;

	tlv_open(&r, v.data, v.len);
	KUNIT_EXPECT_EQ(test, tlv_u64(&r, &value), n->good);
	KUNIT_EXPECT_EQ(test, value, n->good ? n->value : 42);
	KUNIT_EXPECT_EQ(test, tlv_done(&r), n->good);
}

/* 0xff01, 0, 0x01020304 and 0x0102030405 */
#define UNSIGNED_NUMBERS "020300ff0102010002040102030402050102030405"

static void tlv_unsigned_is_right_aligned(struct kunit *test)
{
	struct vector v = vector_from_hex(test, UNSIGNED_NUMBERS);
	static const u8 first[] = { 0, 0, 0xff, 1 }, second[4],
			third[] = { 1, 2, 3, 4 };
	struct tlv_reader r;
	u8 out[5] = { 9, 9, 9, 9, 9 };

	tlv_open(&r, v.data, v.len);
	KUNIT_EXPECT_TRUE(test, tlv_unsigned(&r, out, 4));
	KUNIT_EXPECT_EQ(test, memcmp(out, first, 4), 0);
	KUNIT_EXPECT_TRUE(test, tlv_unsigned(&r, out, 4));
	KUNIT_EXPECT_EQ(test, memcmp(out, second, 4), 0);
	KUNIT_EXPECT_TRUE(test, tlv_unsigned(&r, out, 4));
	KUNIT_EXPECT_EQ(test, memcmp(out, third, 4), 0);
	KUNIT_EXPECT_FALSE(test, tlv_unsigned(&r, out, 4));
	KUNIT_EXPECT_EQ(test, memcmp(out, third, 4), 0);
	KUNIT_EXPECT_EQ(test, out[4], 9);
	KUNIT_EXPECT_FALSE(test, tlv_more(&r));
}

/* Every call after an error fails, though what is left would be right. */
static void expect_stuck(struct kunit *test, struct tlv_reader *r)
{
	struct tlv t;
	u64 number;
	u8 octet;

	KUNIT_EXPECT_FALSE(test, tlv_more(r));
	KUNIT_EXPECT_FALSE(test, tlv_done(r));
	KUNIT_EXPECT_FALSE(test, tlv_next(r, &t));
	KUNIT_EXPECT_FALSE(test, tlv_expect(r, TLV_INTEGER, &t));
	KUNIT_EXPECT_FALSE(test, tlv_optional(r, TLV_INTEGER, &t));
	KUNIT_EXPECT_FALSE(test, tlv_fixed(r, TLV_INTEGER, &octet, 1));
	KUNIT_EXPECT_FALSE(test, tlv_u64(r, &number));
	KUNIT_EXPECT_FALSE(test, tlv_unsigned(r, &octet, 1));
	KUNIT_EXPECT_FALSE(test, tlv_done(r));
}

static void tlv_errors_stick(struct kunit *test)
{
	struct vector good = vector_from_hex(test, "020101020101020101");
	struct vector bad = vector_from_hex(test, "0280020101020101");
	struct tlv_reader r;
	struct tlv t;
	u8 out[2];

	tlv_open(&r, bad.data, bad.len);
	KUNIT_EXPECT_FALSE(test, tlv_next(&r, &t));
	expect_stuck(test, &r);
	tlv_open(&r, good.data, good.len);
	KUNIT_EXPECT_FALSE(test, tlv_expect(&r, TLV_OCTET_STRING, &t));
	expect_stuck(test, &r);
	tlv_open(&r, good.data, good.len);
	KUNIT_EXPECT_FALSE(test, tlv_fixed(&r, TLV_INTEGER, out, 2));
	expect_stuck(test, &r);
	tlv_open(&r, good.data, good.len);
	KUNIT_EXPECT_FALSE(test, tlv_fixed(&r, TLV_OCTET_STRING, out, 1));
	expect_stuck(test, &r);
	tlv_open(&r, good.data, good.len);
	KUNIT_EXPECT_FALSE(test, tlv_unsigned(&r, out, 0));
	expect_stuck(test, &r);
	tlv_open(&r, good.data, 0);
	KUNIT_EXPECT_TRUE(test, tlv_done(&r));
	KUNIT_EXPECT_FALSE(test, tlv_next(&r, &t));
	expect_stuck(test, &r);
}

static void tlv_optional_element(struct kunit *test)
{
	struct vector v = vector_from_hex(test, "0101ff020105");
	struct vector bad = vector_from_hex(test, "0102ff");
	struct tlv_reader r;
	struct tlv t;
	u64 number;

	tlv_open(&r, v.data, v.len);
	KUNIT_EXPECT_FALSE(test, tlv_optional(&r, TLV_INTEGER, &t));
	KUNIT_EXPECT_TRUE(test, tlv_optional(&r, TLV_BOOLEAN, &t));
	KUNIT_EXPECT_TRUE(test, tlv_equal(&t, "\xff", 1));
	KUNIT_EXPECT_FALSE(test, tlv_optional(&r, TLV_BOOLEAN, &t));
	KUNIT_EXPECT_TRUE(test, tlv_u64(&r, &number));
	KUNIT_EXPECT_FALSE(test, tlv_optional(&r, TLV_BOOLEAN, &t));
	KUNIT_EXPECT_TRUE(test, tlv_done(&r));

	/* malformed: not there, and the reading of it fails */
	tlv_open(&r, bad.data, bad.len);
	KUNIT_EXPECT_FALSE(test, tlv_optional(&r, TLV_BOOLEAN, &t));
	KUNIT_EXPECT_FALSE(test, tlv_next(&r, &t));
	KUNIT_EXPECT_FALSE(test, tlv_done(&r));
}

static void tlv_enters_and_compares(struct kunit *test)
{
	struct vector v = vector_from_hex(test, "3005040261620500");
	struct tlv_reader r, in;
	struct tlv seq, t;
	u8 out[3] = {};

	tlv_open(&r, v.data, v.len);
	KUNIT_ASSERT_TRUE(test, tlv_expect(&r, TLV_SEQUENCE, &seq));
	tlv_enter(&in, &seq);
	KUNIT_EXPECT_TRUE(test, tlv_fixed(&in, TLV_OCTET_STRING, out, 2));
	KUNIT_EXPECT_STREQ(test, (char *)out, "ab");
	/* the NULL does not fit in, though its octets follow */
	KUNIT_EXPECT_FALSE(test, tlv_next(&in, &t));
	tlv_enter(&in, &seq);
	KUNIT_ASSERT_TRUE(test, tlv_next(&in, &t));
	KUNIT_EXPECT_TRUE(test, tlv_equal(&t, "ab", 2));
	KUNIT_EXPECT_FALSE(test, tlv_equal(&t, "abc", 3));
	KUNIT_EXPECT_FALSE(test, tlv_equal(&t, "a", 1));
	KUNIT_EXPECT_FALSE(test, tlv_equal(&t, "ac", 2));
	KUNIT_EXPECT_FALSE(test, tlv_equal(&t, "", 0));
}

/* What is written is read again, and fits exactly. */
static void tlv_written(struct kunit *test)
{
	static const size_t lengths[] = { 0, 1, 127, 128, 255, 256, 65535 };
	static const size_t heads[] = { 2, 2, 2, 3, 3, 4, 4 };
	u8 *data = kunit_kzalloc(test, 65536, GFP_KERNEL);
	struct tlv_reader r;
	struct tlv t;
	size_t i, whole;

	KUNIT_ASSERT_NOT_NULL(test, data);
	memset(data, 0xa5, 65536);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct tlv_writer w = {};

		whole = heads[i] + lengths[i];
		w.data = kunit_kzalloc(test, whole, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, w.data);
		w.size = whole;
		tlv_put(&w, TLV_CONTEXT(3), data, lengths[i]);
		KUNIT_EXPECT_FALSE(test, w.bad);
		KUNIT_EXPECT_EQ(test, w.len, whole);
		tlv_open(&r, w.data, w.len);
		KUNIT_EXPECT_TRUE(test, tlv_expect(&r, TLV_CONTEXT(3), &t));
		KUNIT_EXPECT_TRUE(test, tlv_equal(&t, data, lengths[i]));
		KUNIT_EXPECT_TRUE(test, tlv_done(&r));

		w.size = whole - 1;
		w.len = 0;
		tlv_put(&w, TLV_CONTEXT(3), data, lengths[i]);
		KUNIT_EXPECT_TRUE(test, w.bad);
		KUNIT_EXPECT_EQ(test, w.len, 0);
	}
}

static void tlv_writer_errors_stick(struct kunit *test)
{
	u8 *data = kunit_kzalloc(test, 65536 + 4, GFP_KERNEL);
	struct tlv_writer w = { .size = 65536 + 4 };
	u8 out[4] = {};

	KUNIT_ASSERT_NOT_NULL(test, data);
	w.data = data;
	tlv_put(&w, 4, data, 65536);
	KUNIT_EXPECT_TRUE(test, w.bad);
	KUNIT_EXPECT_EQ(test, w.len, 0);
	w = (struct tlv_writer){ .data = out, .size = sizeof(out) };
	tlv_put(&w, 4, "abc", 3);
	KUNIT_EXPECT_TRUE(test, w.bad);
	tlv_put(&w, 4, "", 0);
	KUNIT_EXPECT_EQ(test, w.len, 0);
	KUNIT_EXPECT_EQ(test, out[0], 0);
	/* a second element only where there is room behind the first */
	w = (struct tlv_writer){ .data = out, .size = sizeof(out) };
	tlv_put(&w, 4, "a", 1);
	KUNIT_EXPECT_EQ(test, w.len, 3);
	tlv_put(&w, 4, "", 0);
	KUNIT_EXPECT_TRUE(test, w.bad);
	KUNIT_EXPECT_EQ(test, w.len, 3);
	KUNIT_EXPECT_EQ(test, out[3], 0);
}

static struct kunit_case tlv_cases[] = {
	KUNIT_CASE_PARAM(tlv_element, element_gen_params),
	KUNIT_CASE_PARAM(tlv_element_and_more, element_gen_params),
	KUNIT_CASE_PARAM(tlv_truncated_at_every_length, element_gen_params),
	KUNIT_CASE_PARAM(tlv_number, number_gen_params),
	KUNIT_CASE(tlv_unsigned_is_right_aligned),
	KUNIT_CASE(tlv_errors_stick),
	KUNIT_CASE(tlv_optional_element),
	KUNIT_CASE(tlv_enters_and_compares),
	KUNIT_CASE(tlv_written),
	KUNIT_CASE(tlv_writer_errors_stick),
	{}
};

static struct kunit_suite tlv_suite = {
	.name = "tlv",
	.test_cases = tlv_cases,
};
kunit_test_suite(tlv_suite);
