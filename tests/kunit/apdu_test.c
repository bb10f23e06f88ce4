// SPDX-License-Identifier: GPL-2.0-only
/* Command APDUs of every case of ISO/IEC 7816-3, 12.1.3, and what is none. */
#include "tests/kunit/vector.h"

#include "kernel/executive/apdu.h"

static const struct command {
	const char *name;
	const char *hex; /* its beginning */
	size_t fill; /* octets behind it */
	int len; /* of the data, -1: refused */
	u32 expected;
} commands[] = {
	{ "case 1", "00a40400", 0, 0, 0 },
	{ "case 2S", "00ca006610", 0, 0, 16 },
	{ "case 2S, 256", "00ca006600", 0, 0, 256 },
	{ "case 3S", "00a4040007", 7, 7, 0 },
	{ "case 3S, 255", "00a40400ff", 255, 255, 0 },
	{ "case 4S", "00a4040007", 8, 7, 256 },
	{ "case 2E", "00ca0066000100", 0, 0, 256 },
	{ "case 2E, 65536", "00ca0066000000", 0, 0, 65536 },
	{ "case 3E", "00e20000000100", 256, 256, 0 },
	{ "case 3E of few octets", "00e20000000001", 1, 1, 0 },
	{ "case 4E", "00e20000000100", 258, 256, 65536 },
	{ "case 3E, the most", "00e20000001000", 4096, 4096, 0 },
	{ "case 3E, one more", "00e20000001001", 4097, -1, 0 },
	{ "nothing", "", 0, -1, 0 },
	{ "three octets", "00a404", 0, -1, 0 },
	{ "case 3S, one octet short", "00a4040007", 6, -1, 0 },
	{ "case 4S, one octet long", "00a4040007", 9, -1, 0 },
	{ "Lc 0", "00a4040000", 1, -1, 0 },
	{ "case 3E, one octet short", "00e20000000100", 255, -1, 0 },
	{ "case 4E, one octet of Le", "00e20000000100", 257, -1, 0 },
	{ "case 4E, one octet long", "00e20000000100", 259, -1, 0 },
	{ "Lc 0 in three octets", "00e20000000000", 1, -1, 0 },
};

static void command_name_of(const struct command *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(command, commands, command_name_of);

static void apdu_of_each_case(struct kunit *test)
{
	const struct command *c = test->param_value;
	size_t head = strlen(c->hex) / 2, len = head + c->fill;
	u8 *bytes = kunit_kzalloc(test, len ?: 1, GFP_KERNEL);
	struct apdu a;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	vector_read(test, c->hex, bytes, head);
	KUNIT_ASSERT_EQ(test, apdu_parse(&a, bytes, len), c->len >= 0);
	if (c->len < 0)
		return;
	KUNIT_EXPECT_EQ(test, a.len, c->len);
	KUNIT_EXPECT_EQ(test, a.expected, c->expected);
	KUNIT_EXPECT_EQ(test, a.ins, bytes[1]);
	if (a.len)
		KUNIT_EXPECT_PTR_EQ(test, a.data, bytes + head);
}

static void apdu_response_has_an_end(struct kunit *test)
{
	u8 *data = kunit_kzalloc(test, APDU_RESPONSE_MAX, GFP_KERNEL);
	struct apdu_response r = { .data = data };

	KUNIT_ASSERT_NOT_NULL(test, data);
	apdu_put_tlv(&r, 0x4f, data, 127);
	KUNIT_EXPECT_EQ(test, r.len, 129);
	apdu_put_tlv(&r, 0x4f, data, 128);
	KUNIT_EXPECT_EQ(test, r.len, 129 + 131);
	apdu_put_tlv(&r, 0xbf21, data, 256);
	KUNIT_EXPECT_EQ(test, r.len, 129 + 131 + 261);
	KUNIT_EXPECT_EQ(test, memcmp(data, "\x4f\x7f", 2), 0);
	KUNIT_EXPECT_EQ(test, memcmp(data + 129, "\x4f\x81\x80", 3), 0);
	KUNIT_EXPECT_EQ(test, memcmp(data + 260, "\xbf\x21\x82\x01\x00", 5), 0);
	apdu_put(&r, data, APDU_DATA_MAX - r.len);
	KUNIT_EXPECT_FALSE(test, r.full);
	apdu_put_byte(&r, 0);
	KUNIT_EXPECT_TRUE(test, r.full);
	KUNIT_EXPECT_EQ(test, r.len, APDU_DATA_MAX);
}

/* clang-format off */
static struct kunit_case apdu_cases[] = {
	KUNIT_CASE_PARAM(apdu_of_each_case, command_gen_params),
	KUNIT_CASE(apdu_response_has_an_end),
	{}
};

/* clang-format on */

static struct kunit_suite apdu_suite = {
	.name = "apdu",
	.test_cases = apdu_cases,
};
kunit_test_suite(apdu_suite);
