// SPDX-License-Identifier: GPL-2.0-only
/*
 * The certificate reader as kernel code. Signatures are checked by a recorder, so a
 * wrong one is what the vector says it is; tests/unit/cert_test.c checks them.
 */
#include "tests/kunit/vector.h"
#include "tests/vectors/cert.h"

static const char what[] = "certificate";

static void row_name(const struct cert_vector *row, char *desc)
{
	strscpy(desc, row->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(good, cert_good, row_name);
KUNIT_ARRAY_PARAM(malformed, cert_malformed, row_name);
KUNIT_ARRAY_PARAM(refused, cert_refused, row_name);

static struct cert *new_cert(struct kunit *test)
{
	struct cert *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	return c;
}

static struct cert *parse_good(struct kunit *test, const char *hex)
{
	struct vector v = vector_from_hex(test, hex);
	struct cert *c = new_cert(test);
	struct refusal why = {};

	KUNIT_ASSERT_EQ_MSG(test, cert_parse(c, v.data, v.len, what, &why), 0,
			    "%s", why.text);
	return c;
}

static void expect_refusal(struct kunit *test, const struct refusal *why,
			   int rc, const struct cert_vector *row)
{
	char text[SECMOD_REASON_MAX];

	snprintf(text, sizeof(text), "%s: %s", what, row->reason);
	KUNIT_EXPECT_EQ(test, rc, row->error);
	KUNIT_EXPECT_EQ(test, why->error, -row->error);
	KUNIT_EXPECT_STREQ(test, why->text, text);
}

/* A good one, and one that only its signature can betray, come to the verifier. */
static void check_row(struct kunit *test, const struct cert_vector *row,
		      bool betrayed)
{
	struct cert *c = parse_good(test, row->der),
		    *issuer = parse_good(test, row->issuer);
	struct recorder rec = { .answer = betrayed ? -EKEYREJECTED : 0 };
	struct refusal why = {};
	struct cert_verifier v = { recorder_verify, &rec, row->now, &why };
	int rc = cert_check(c, issuer, row->role, what, &v);

	if (row->reason)
		expect_refusal(test, &why, rc, row);
	else
		KUNIT_EXPECT_EQ_MSG(test, rc, 0, "%s", why.text);
	KUNIT_ASSERT_EQ(test, rec.asked, betrayed || !row->reason);
	if (!rec.asked)
		return;
	KUNIT_EXPECT_EQ(test,
			memcmp(rec.point, issuer->point, sizeof(rec.point)), 0);
	KUNIT_EXPECT_EQ(test, memcmp(rec.sig, c->signature, sizeof(rec.sig)),
			0);
	KUNIT_EXPECT_PTR_EQ(test, rec.data, (const void *)c->tbs.whole);
	KUNIT_EXPECT_EQ(test, rec.len, c->tbs.whole_len);
}

static void cert_good_one(struct kunit *test)
{
	check_row(test, test->param_value, false);
}

static void cert_refused_one(struct kunit *test)
{
	const struct cert_vector *row = test->param_value;

	check_row(test, row, !strcmp(row->reason, "signature is wrong"));
}

static void cert_malformed_one(struct kunit *test)
{
	const struct cert_vector *row = test->param_value;
	struct vector v = vector_from_hex(test, row->der);
	struct refusal why = {};

	expect_refusal(test, &why,
		       cert_parse(new_cert(test), v.data, v.len, what, &why),
		       row);
}

static void cert_truncated_at_every_length(struct kunit *test)
{
	struct vector v = vector_from_hex(test, CERT_MODULE), part;
	struct cert *c = new_cert(test);
	size_t len;

	for (len = 0; len < v.len; len++) {
		struct refusal why = {};

		part = vector_copy(test, v.data, len);
		KUNIT_EXPECT_EQ(test, cert_parse(c, part.data, len, what, &why),
				-EBADMSG);
		kunit_kfree(test, part.data);
	}
}

/* Every bit of every octet: it is refused or parsed, and nothing else happens. */
static void cert_with_flipped_bits(struct kunit *test)
{
	const char *const good[] = { CERT_ROOT, CERT_PU, CERT_MODULE };
	struct cert *c = new_cert(test);
	size_t i, bit;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		struct vector v = vector_from_hex(test, good[i]);

		for (bit = 0; bit < 8 * v.len; bit++) {
			struct refusal why = {};
			int rc;

			v.data[bit / 8] ^= 1 << bit % 8;
			rc = cert_parse(c, v.data, v.len, what, &why);
			KUNIT_EXPECT_TRUE(test, rc == 0 || rc == -EBADMSG);
			v.data[bit / 8] ^= 1 << bit % 8;
		}
	}
}

static void cert_failure_of_the_verifier_is_no_verdict(struct kunit *test)
{
	struct cert *c = parse_good(test, CERT_PU),
		    *root = parse_good(test, CERT_ROOT);
	static const int errors[] = { -EIO, -ENOMEM, -EINTR };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		struct recorder rec = { .answer = errors[i] };
		struct refusal why = {};
		struct cert_verifier v = { recorder_verify, &rec, NOW, &why };

		KUNIT_EXPECT_EQ(test,
				cert_check(c, root, SECMOD_ROLE_SIGNER, what,
					   &v),
				errors[i]);
		KUNIT_EXPECT_EQ(test, why.error, 0);
	}
}

static struct kunit_case cert_cases[] = {
	KUNIT_CASE_PARAM(cert_good_one, good_gen_params),
	KUNIT_CASE_PARAM(cert_malformed_one, malformed_gen_params),
	KUNIT_CASE_PARAM(cert_refused_one, refused_gen_params),
	KUNIT_CASE(cert_truncated_at_every_length),
	KUNIT_CASE(cert_with_flipped_bits),
	KUNIT_CASE(cert_failure_of_the_verifier_is_no_verdict),
	{}
};

static struct kunit_suite cert_suite = {
	.name = "cert",
	.test_cases = cert_cases,
};
kunit_test_suite(cert_suite);
