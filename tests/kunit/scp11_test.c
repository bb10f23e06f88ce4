// SPDX-License-Identifier: GPL-2.0-only
/* SCP11a: what needs no TPM, held against OpenSSL's X963KDF and CMAC. */
#include "tests/kunit/vector.h"

#include "kernel/executive/scp11.h"

#define POINT_AT 19 /* in a request, behind 5F 49 41 04 */

struct known {
	const char *name;
	const char *control;
	u8 level;
	u8 key_len;
	const char *enc;
	const char *mac;
	const char *rmac;
	const char *dek;
	const char *receipt;
};

/* secret 00..3f, the peer's point 40..7f, own point 80..bf */
static const struct known knowns[] = {
	{
		"A11 all protection, AES-256",
		"a60d9002110195013c800188810120",
		0x33,
		32,
		"cb8ed1fa3e11d1cba9c04bcb6d41f9f770b6366dd9a90d43b5b4fb7bdd0f4846",
		"0e9c462f1c56686ac4f794cf087c4f1faf1cdb16319ea2280cc633e1d671eb55",
		"4686ddc5ae290de06d417ae58bffecb9249ccf347717c04905d79ffd1d85b93b",
		"86f360d334a9582ec4dfe8ad64ff805be58e48405a56d718e770a28e8a2bbe80",
		"8ebc5bcd5ec0a99758e50b80b38492aa",
	},
	{
		"A11 MACs alone, AES-128",
		"a60d90021101950134800188810110",
		0x11,
		16,
		"fb3a4b2cd199b49f52de1fe55364fc2e",
		"765c162a59943e05615046268ccbb37f",
		"412a3095c94d7fe5ac02a7fecd353731",
		"8409388810fd64fda738f7286ae2f782",
		"beee9c0fd8fc2779f01699e18e2cffdd",
	},
};

static void known_name(const struct known *k, char *desc)
{
	strscpy(desc, k->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(known, knowns, known_name);

static struct apdu request(struct kunit *test, const char *control)
{
	struct apdu a = { 0x80, 0x82 };
	size_t head = strlen(control) / 2, i;
	u8 *data = kunit_kzalloc(test, head + 68, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	vector_read(test, control, data, head);
	memcpy(data + head, "\x5f\x49\x41\x04", 4);
	for (i = 0; i < 64; i++)
		data[head + 4 + i] = 0x40 + i;
	a.data = data;
	a.len = head + 68;
	return a;
}

static void expect_key(struct kunit *test, const u8 *key, const char *hex)
{
	struct vector want = vector_from_hex(test, hex);

	KUNIT_EXPECT_EQ(test, memcmp(key, want.data, want.len), 0);
}

static void scp11_keys_and_receipt(struct kunit *test)
{
	const struct known *k = test->param_value;
	struct apdu a = request(test, k->control);
	u8 *room = kunit_kzalloc(test, APDU_RESPONSE_MAX, GFP_KERNEL);
	struct apdu_response r = { .data = room };
	u8 secret[64], dek[SCP03_KEY_MAX];
	struct scp11_request q;
	struct t2_point own;
	struct scp03 s;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, room);
	for (i = 0; i < 64; i++) {
		secret[i] = i;
		((u8 *)&own)[i] = 0x80 + i;
	}
	KUNIT_ASSERT_EQ(test, scp11_parse(&q, &a), SW_OK);
	KUNIT_EXPECT_EQ(test, q.peer.x[0], 0x40);
	KUNIT_EXPECT_EQ(test, q.peer.y[31], 0x7f);
	KUNIT_ASSERT_EQ(test, scp11_begin(&s, &q, secret, &own, &r, dek), 0);
	KUNIT_EXPECT_EQ(test, s.level, k->level);
	KUNIT_EXPECT_EQ(test, s.key_len, k->key_len);
	KUNIT_EXPECT_EQ(test, s.mac_len, 8);
	KUNIT_EXPECT_EQ(test, s.counter, 0);
	expect_key(test, s.enc, k->enc);
	expect_key(test, s.mac, k->mac);
	expect_key(test, s.rmac, k->rmac);
	expect_key(test, dek, k->dek);
	expect_key(test, s.chain, k->receipt);
	KUNIT_ASSERT_EQ(test, r.len, 68 + 18);
	expect_key(test, r.data + 68 + 2, k->receipt);
	KUNIT_EXPECT_EQ(test, memcmp(r.data, "\x5f\x49\x41\x04\x80", 5), 0);
}

static const char *const refused[] = {
	"a60d9002110095013c800188810120", /* variant b */
	"a60d9002030195013c800188810120", /* SCP03 */
	"a60d9002110195013d800188810120", /* another usage */
	"a60d90021101950100800188810120",
	"a60d9002110195013c800180810120", /* triple DES */
	"a60d9002110195013c800188810118", /* AES-192: no S-DEK of it is asked */
	"a60d9002110195013c800188810100",
	"a60a9002110195013c800188", /* no length */
	"a60f9002110195013c8001888101200000", /* something behind */
	"a70d9002110195013c800188810120", /* another template */
};

static void scp11_refuses_other_requests(struct kunit *test)
{
	struct scp11_request q;
	struct apdu a;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		a = request(test, refused[i]);
		KUNIT_EXPECT_EQ_MSG(test, scp11_parse(&q, &a), SW_DATA, "%s",
				    refused[i]);
	}
	a = request(test, knowns[0].control);
	a.data[POINT_AT - 1] = 0x02; /* a compressed point */
	KUNIT_EXPECT_EQ(test, scp11_parse(&q, &a), SW_DATA);
	a = request(test, knowns[0].control);
	for (len = a.len - 1; len; len--) {
		struct vector v = vector_copy(test, a.data, len);
		struct apdu part = { 0x80, 0x82, 0, 0, v.data, len };

		KUNIT_EXPECT_EQ(test, scp11_parse(&q, &part), SW_DATA);
	}
}

/* clang-format off */
static struct kunit_case scp11_cases[] = {
	KUNIT_CASE_PARAM(scp11_keys_and_receipt, known_gen_params),
	KUNIT_CASE(scp11_refuses_other_requests),
	{}
};

/* clang-format on */

static struct kunit_suite scp11_suite = {
	.name = "scp11",
	.test_cases = scp11_cases,
};
kunit_test_suite(scp11_suite);
