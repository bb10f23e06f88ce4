// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bundle reader as kernel code. Signatures are not checked here: vectors that
 * only a signature betrays are left to tests/unit/bundle_test.c.
 */
#include "tests/kunit/vector.h"
#include "tests/vectors/bundle.h"

static void row_name(const struct bundle_vector *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(good, bundle_good, row_name);
KUNIT_ARRAY_PARAM(malformed, bundle_malformed, row_name);
KUNIT_ARRAY_PARAM(refused, bundle_refused, row_name);

struct session {
	struct bundle bundle;
	struct bundle_expect expect;
	struct cert signer;
	struct recorder rec;
	struct refusal why;
};

static struct session *begin(struct kunit *test)
{
	struct session *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct vector v = vector_from_hex(test, CERT_PU);

	KUNIT_ASSERT_NOT_NULL(test, s);
	vector_read(test, MODULE_UID, s->expect.uid, sizeof(s->expect.uid));
	vector_read(test, MODULE_NONCE, s->expect.module_nonce,
		    sizeof(s->expect.module_nonce));
	vector_read(test, MODULE_SALT, s->expect.salt, sizeof(s->expect.salt));
	vector_read(test, MODULE_POINT, s->expect.point,
		    sizeof(s->expect.point));
	s->expect.epoch = MODULE_EPOCH;
	strscpy(s->expect.serial, MODULE_SERIAL, sizeof(s->expect.serial));
	KUNIT_ASSERT_EQ(test,
			cert_parse(&s->signer, v.data, v.len, "signer",
				   &s->why),
			0);
	return s;
}

static int check(struct kunit *test, struct session *s, const char *hex)
{
	struct cert_verifier v = { recorder_verify, &s->rec, NOW, &s->why };
	struct vector der = vector_from_hex(test, hex);

	KUNIT_ASSERT_EQ(test,
			bundle_parse(&s->bundle, der.data, der.len, &s->why),
			0);
	return bundle_check(&s->bundle, &s->expect, &s->signer, &v);
}

static void bundle_good_one(struct kunit *test)
{
	const struct bundle_vector *row = test->param_value;
	struct session *s = begin(test);

	KUNIT_EXPECT_EQ_MSG(test, check(test, s, row->der), 0, "%s",
			    s->why.text);
	/* bundle, module certificate, each central certificate */
	KUNIT_EXPECT_EQ(test, s->rec.asked, 2 + s->bundle.central_count);
}

static void bundle_malformed_one(struct kunit *test)
{
	const struct bundle_vector *row = test->param_value;
	struct vector v = vector_from_hex(test, row->der);
	struct session *s = begin(test);

	KUNIT_EXPECT_EQ(test, bundle_parse(&s->bundle, v.data, v.len, &s->why),
			row->error);
	KUNIT_EXPECT_EQ(test, s->why.error, -row->error);
	KUNIT_EXPECT_STREQ(test, s->why.text, row->reason);
}

static void bundle_refused_one(struct kunit *test)
{
	const struct bundle_vector *row = test->param_value;
	struct session *s = begin(test);

	if (strstr(row->reason, "signature is wrong"))
		kunit_skip(test, "its signature tells");
	KUNIT_EXPECT_EQ(test, check(test, s, row->der), row->error);
	KUNIT_EXPECT_EQ(test, s->why.error, -row->error);
	KUNIT_EXPECT_STREQ(test, s->why.text, row->reason);
}

/* The signature is checked first, over the signed content, with the signer's key. */
static void bundle_with_a_wrong_signature(struct kunit *test)
{
	struct session *s = begin(test);

	s->rec.answer = -EKEYREJECTED;
	KUNIT_EXPECT_EQ(test, check(test, s, bundle_good[0].der),
			-EKEYREJECTED);
	KUNIT_EXPECT_STREQ(test, s->why.text, "bundle: signature is wrong");
	KUNIT_EXPECT_EQ(test, s->rec.asked, 1);
	KUNIT_EXPECT_EQ(test,
			memcmp(s->rec.point, s->signer.point, CERT_POINT_SIZE),
			0);
	KUNIT_EXPECT_EQ(test,
			memcmp(s->rec.sig, s->bundle.signature,
			       SECMOD_SIG_SIZE),
			0);
	KUNIT_EXPECT_PTR_EQ(test, s->rec.data,
			    (const void *)s->bundle.tbs.whole);
	KUNIT_EXPECT_EQ(test, s->rec.len, s->bundle.tbs.whole_len);
}

static void bundle_truncated_at_every_length(struct kunit *test)
{
	struct vector v = vector_from_hex(test, bundle_good[0].der), part;
	struct session *s = begin(test);
	size_t len;

	for (len = 0; len < v.len; len++) {
		part = vector_copy(test, v.data, len);
		memset(&s->why, 0, sizeof(s->why));
		KUNIT_EXPECT_EQ(test,
				bundle_parse(&s->bundle, part.data, len,
					     &s->why),
				-EBADMSG);
		kunit_kfree(test, part.data);
	}
}

static void bundle_with_flipped_bits(struct kunit *test)
{
	struct vector v = vector_from_hex(test, bundle_good[0].der);
	struct session *s = begin(test);
	size_t bit;

	for (bit = 0; bit < 8 * v.len; bit++) {
		int rc;

		v.data[bit / 8] ^= 1 << bit % 8;
		memset(&s->why, 0, sizeof(s->why));
		rc = bundle_parse(&s->bundle, v.data, v.len, &s->why);
		KUNIT_EXPECT_TRUE(test, rc == 0 || rc == -EBADMSG);
		v.data[bit / 8] ^= 1 << bit % 8;
	}
}

static struct kunit_case bundle_cases[] = {
	KUNIT_CASE_PARAM(bundle_good_one, good_gen_params),
	KUNIT_CASE_PARAM(bundle_malformed_one, malformed_gen_params),
	KUNIT_CASE_PARAM(bundle_refused_one, refused_gen_params),
	KUNIT_CASE(bundle_with_a_wrong_signature),
	KUNIT_CASE(bundle_truncated_at_every_length),
	KUNIT_CASE(bundle_with_flipped_bits),
	{}
};

static struct kunit_suite bundle_suite = {
	.name = "bundle",
	.test_cases = bundle_cases,
};
kunit_test_suite(bundle_suite);
