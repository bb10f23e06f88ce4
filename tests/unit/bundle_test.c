// SPDX-License-Identifier: MIT
/*
 * Personalization bundles as the driver reads and checks them: the vectors of
 * tests/vectors, signatures checked by OpenSSL; and what userspace makes.
 */
#include "tests/vectors/bundle.h"
#include "vector.h"

/* A session of the module, and the signer that answers it. */
struct session {
	struct bundle_expect expect;
	struct vector signer_der;
	struct cert signer;
	struct refusal why;
	struct cert_verifier verifier;
};

static void session_begin(struct session *s)
{
	memset(s, 0, sizeof(*s));
	vector_read(MODULE_UID, s->expect.uid, sizeof(s->expect.uid));
	vector_read(MODULE_NONCE, s->expect.module_nonce,
		    sizeof(s->expect.module_nonce));
	vector_read(MODULE_SALT, s->expect.salt, sizeof(s->expect.salt));
	vector_read(MODULE_POINT, s->expect.point, sizeof(s->expect.point));
	s->expect.epoch = MODULE_EPOCH;
	strcpy(s->expect.serial, MODULE_SERIAL);
	s->signer_der = vector_from_hex(CERT_PU);
	assert_int_equal(cert_parse(&s->signer, s->signer_der.data,
				    s->signer_der.len, "signer", &s->why),
			 0);
	s->verifier =
		(struct cert_verifier){ vector_verify, NULL, NOW, &s->why };
}

static void session_end(struct session *s)
{
	vector_free(&s->signer_der);
}

static int parse(struct session *s, struct bundle *b, const struct vector *v)
{
	memset(&s->why, 0, sizeof(s->why));
	return bundle_parse(b, v->data, v->len, &s->why);
}

static int check(struct session *s, const char *hex)
{
	struct vector v = vector_from_hex(hex);
	struct bundle b;
	int rc;

	if (parse(s, &b, &v))
		fail_msg("%s", s->why.text);
	rc = bundle_check(&b, &s->expect, &s->signer, &s->verifier);
	vector_free(&v);
	return rc;
}

static void assert_refusal(const struct session *s, int rc, int error,
			   const char *reason)
{
	assert_string_equal(s->why.text, reason);
	assert_int_equal(rc, error);
	assert_int_equal(s->why.error, -error);
}

static void is_good(void **state)
{
	const struct bundle_vector *row = *state;
	struct session s;
	int rc;

	session_begin(&s);
	rc = check(&s, row->der);
	if (rc)
		fail_msg("%d: %s", rc, s.why.text);
	assert_int_equal(s.why.error, 0);
	session_end(&s);
}

static void is_malformed(void **state)
{
	const struct bundle_vector *row = *state;
	struct vector v = vector_from_hex(row->der);
	struct session s = {};
	struct bundle b;
	int rc = parse(&s, &b, &v);

	assert_refusal(&s, rc, row->error, row->reason);
	vector_free(&v);
}

static void is_refused(void **state)
{
	const struct bundle_vector *row = *state;
	struct session s;
	int rc;

	session_begin(&s);
	rc = check(&s, row->der);
	assert_refusal(&s, rc, row->error, row->reason);
	session_end(&s);
}

static void is_refused_by_a_session_of_zeros(void **state)
{
	const struct bundle_vector *row = *state;
	struct session s;
	int rc;

	session_begin(&s);
	memset(s.expect.module_nonce, 0, sizeof(s.expect.module_nonce));
	memset(s.expect.salt, 0, sizeof(s.expect.salt));
	s.expect.epoch = 0;
	rc = check(&s, row->der);
	assert_refusal(&s, rc, row->error, row->reason);
	session_end(&s);
}

static void fields_are_read(void **state)
{
	struct vector v = vector_from_hex(bundle_good[1].der);
	u8 central[SECMOD_CERT_MAX], module[SECMOD_CERT_MAX];
	struct session s;
	struct bundle b;
	u32 i;

	(void)state;
	session_begin(&s);
	memset(&b, 0xff, sizeof(b));
	assert_int_equal(parse(&s, &b, &v), 0);
	assert_memory_equal(b.uid, s.expect.uid, sizeof(b.uid));
	assert_memory_equal(b.module_nonce, s.expect.module_nonce,
			    sizeof(b.module_nonce));
	assert_memory_equal(b.salt, s.expect.salt, sizeof(b.salt));
	assert_int_equal(b.epoch, MODULE_EPOCH);
	assert_int_equal(b.time, 1893456000);
	assert_int_equal(b.policy.max_keys, 16);
	assert_int_equal(b.policy.max_lifetime, 86400);
	assert_int_equal(b.policy.max_messages, 1000000);
	assert_int_equal(b.policy.keyset_tries, 10);
	assert_int_equal(b.module.whole_len, strlen(CERT_MODULE) / 2);
	vector_read(CERT_MODULE, module, b.module.whole_len);
	assert_memory_equal(b.module.whole, module, b.module.whole_len);
	assert_int_equal(b.central_count, 4);
	vector_read(CERT_CENTRAL, central, strlen(CERT_CENTRAL) / 2);
	for (i = 0; i < b.central_count; i++) {
		assert_int_equal(b.central[i].whole_len,
				 strlen(CERT_CENTRAL) / 2);
		assert_memory_equal(b.central[i].whole, central,
				    b.central[i].whole_len);
	}
	session_end(&s);
	vector_free(&v);
}

/* A1: what was right once is not right for another session of the same module. */
static void answer_is_good_for_one_session(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s);
	s.expect.module_nonce[31] ^= 1;
	assert_refusal(
		&s, check(&s, bundle_good[0].der), -ESTALE,
		"bundle: answers another module nonce, it may be a replay");
	s.expect.module_nonce[31] ^= 1;
	s.expect.epoch++;
	assert_refusal(&s, check(&s, bundle_good[0].der), -ESTALE,
		       "bundle: made for epoch 7, not 8");
	s.expect.epoch--;
	s.expect.salt[31] ^= 1;
	assert_refusal(&s, check(&s, bundle_good[0].der), -ESTALE,
		       "bundle: made for another salt");
	s.expect.salt[31] ^= 1;
	s.expect.uid[15] ^= 1;
	assert_refusal(&s, check(&s, bundle_good[0].der), -ESTALE,
		       "bundle: made for another module");
	s.expect.uid[15] ^= 1;
	s.expect.point[63] ^= 1;
	assert_refusal(
		&s, check(&s, bundle_good[0].der), -EKEYREJECTED,
		"module certificate: it is over another key than the one just made");
	s.expect.point[63] ^= 1;
	s.expect.serial[0] ^= 1;
	assert_refusal(&s, check(&s, bundle_good[0].der), -ESTALE,
		       "module certificate: serial number is another");
	s.expect.serial[0] ^= 1;
	assert_int_equal(check(&s, bundle_good[0].der), 0);
	session_end(&s);
}

static void every_truncation_is_refused(void **state)
{
	struct vector whole = vector_from_hex(bundle_good[1].der), part;
	struct session s = {};
	struct bundle b;
	size_t len;

	(void)state;
	for (len = 0; len < whole.len; len++) {
		part = vector_new(whole.data, len);
		assert_int_equal(parse(&s, &b, &part), -EBADMSG);
		vector_free(&part);
	}
	vector_free(&whole);
}

static void every_changed_octet_is_refused(void **state)
{
	struct vector v = vector_from_hex(bundle_good[0].der);
	static const u8 masks[] = { 0x01, 0x20, 0x80, 0xff };
	struct session s;
	struct bundle b;
	size_t i, m;
	int rc;

	(void)state;
	session_begin(&s);
	for (i = 0; i < v.len; i++) {
		for (m = 0; m < ARRAY_SIZE(masks); m++) {
			v.data[i] ^= masks[m];
			rc = parse(&s, &b, &v);
			if (!rc)
				rc = bundle_check(&b, &s.expect, &s.signer,
						  &s.verifier);
			assert_int_not_equal(rc, 0);
			assert_int_equal(s.why.error, -rc);
			v.data[i] ^= masks[m];
		}
	}
	session_end(&s);
	vector_free(&v);
}

/* Fails at the n-th signature. */
static int fail_later(void *ctx, const u8 *point, const void *data, size_t len,
		      const u8 *sig)
{
	(void)point, (void)data, (void)len, (void)sig;
	return --*(int *)ctx ? 0 : -EIO;
}

static void failure_of_the_verifier_is_no_verdict(void **state)
{
	struct session s;
	int n, left;

	(void)state;
	session_begin(&s);
	s.verifier.verify = fail_later;
	s.verifier.ctx = &left;
	for (n = 1; n <= 3; n++) {
		left = n;
		assert_int_equal(check(&s, bundle_good[0].der), -EIO);
		assert_int_equal(s.why.error, 0);
	}
	/* bundle, module certificate and central certificate: there is no fourth */
	left = n;
	assert_int_equal(check(&s, bundle_good[0].der), 0);
	assert_int_equal(left, 1);
	session_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "A9 A10 an answer is good for one session only",
		  answer_is_good_for_one_session, NULL, NULL, NULL },
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_changed_octet_is_refused),
		cmocka_unit_test(failure_of_the_verifier_is_no_verdict),
	};

	return VECTOR_ROWS(bundle_good, is_good) |
	       VECTOR_ROWS(bundle_malformed, is_malformed) |
	       VECTOR_ROWS(bundle_refused, is_refused) |
	       VECTOR_ROWS(bundle_zero, is_refused_by_a_session_of_zeros) |
	       cmocka_run_group_tests_name("bundles", tests, NULL, NULL);
}
