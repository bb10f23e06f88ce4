// SPDX-License-Identifier: MIT
/*
 * Certificates as the driver reads and checks them: the vectors of tests/vectors,
 * each with its errno and reason, signatures checked by OpenSSL.
 */
#include <time.h>

#include <openssl/x509v3.h>

#include "tests/vectors/cert.h"
#include "vector.h"

static const char what[] = "certificate";

static const char *const role_names[] = {
	"manufacturer", "identity", "signer",	"module",
	"central",	"unit-tls", "recovery",
};

static int parse(struct cert *c, const struct vector *v, struct refusal *why)
{
	memset(why, 0, sizeof(*why));
	return cert_parse(c, v->data, v->len, what, why);
}

static void parse_good(struct cert *c, const struct vector *v)
{
	struct refusal why;

	if (parse(c, v, &why))
		fail_msg("%d: %s", why.error, why.text);
	assert_int_equal(why.error, 0);
	assert_string_equal(why.text, "");
}

static void assert_refusal(int rc, const struct refusal *why, int error,
			   const char *reason)
{
	char text[SECMOD_REASON_MAX];

	snprintf(text, sizeof(text), "%s: %s", what, reason);
	assert_int_equal(rc, error);
	assert_int_equal(why->error, -error);
	assert_string_equal(why->text, text);
}

/* Of a well-formed certificate under its well-formed issuer. */
static int check(const char *der, const char *issuer, u8 role, u64 now,
		 struct refusal *why)
{
	struct vector v = vector_from_hex(der), iv = vector_from_hex(issuer);
	struct cert_verifier verifier = { vector_verify, NULL, now, why };
	struct cert c, ic;
	int rc;

	parse_good(&c, &v);
	parse_good(&ic, &iv);
	memset(why, 0, sizeof(*why));
	rc = cert_check(&c, &ic, role, what, &verifier);
	vector_free(&v);
	vector_free(&iv);
	return rc;
}

static void is_good(void **state)
{
	const struct cert_vector *row = *state;
	struct refusal why;
	int rc = check(row->der, row->issuer, row->role, row->now, &why);

	if (rc)
		fail_msg("%d: %s", rc, why.text);
	assert_int_equal(why.error, 0);
}

static void is_malformed(void **state)
{
	const struct cert_vector *row = *state;
	struct vector v = vector_from_hex(row->der);
	struct refusal why;
	struct cert c;
	int rc = parse(&c, &v, &why);

	assert_refusal(rc, &why, row->error, row->reason);
	vector_free(&v);
}

static void is_refused(void **state)
{
	const struct cert_vector *row = *state;
	struct refusal why;
	int rc = check(row->der, row->issuer, row->role, row->now, &why);

	assert_refusal(rc, &why, row->error, row->reason);
}

static void is_good_for_no_other_role(void **state)
{
	char reason[64];
	struct refusal why;
	size_t i;
	u8 role;
	int rc;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cert_good); i++) {
		const struct cert_vector *row = &cert_good[i];

		for (role = 0; role < ARRAY_SIZE(role_names); role++) {
			if (role == row->role)
				continue;
			rc = check(row->der, row->issuer, role, row->now, &why);
			snprintf(reason, sizeof(reason), "role is %s, not %s",
				 role_names[row->role], role_names[role]);
			assert_refusal(rc, &why, -EKEYREJECTED, reason);
		}
	}
	assert_string_equal(cert_role_name(ARRAY_SIZE(role_names)), "unknown");
	assert_string_equal(cert_role_name(255), "unknown");
}

/* OpenSSL builds the same chains from the same certificates. */
static X509 *to_x509(const char *hex)
{
	struct vector v = vector_from_hex(hex);
	const unsigned char *p = v.data;
	X509 *x = d2i_X509(NULL, &p, v.len);

	assert_non_null(x);
	assert_ptr_equal(p, v.data + v.len);
	vector_free(&v);
	return x;
}

static u64 seconds(const ASN1_TIME *t)
{
	struct tm tm;

	assert_int_equal(ASN1_TIME_to_tm(t, &tm), 1);
	return timegm(&tm);
}

static void validity_is_that_of_openssl(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cert_good); i++) {
		struct vector v = vector_from_hex(cert_good[i].der);
		X509 *x = to_x509(cert_good[i].der);
		struct cert c;

		parse_good(&c, &v);
		assert_int_equal(c.not_before, seconds(X509_get0_notBefore(x)));
		assert_int_equal(c.not_after, seconds(X509_get0_notAfter(x)));
		X509_free(x);
		vector_free(&v);
	}
}

static void is_good_for_openssl(void **state)
{
	const struct cert_vector *row = *state;
	X509 *leaf = to_x509(row->der), *issuer = to_x509(row->issuer);
	X509 *root = to_x509(CERT_ROOT);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	bool self = X509_self_signed(issuer, 0) == 1;

	X509_STORE_add_cert(store, self ? issuer : root);
	if (!self)
		sk_X509_push(between, issuer);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, between), 1);
	/* it takes the last second for expired: RFC 5280, 4.1.2.5 does not */
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT |
					      X509_V_FLAG_NO_CHECK_TIME);
	if (X509_verify_cert(ctx) != 1)
		fail_msg("%s", X509_verify_cert_error_string(
				       X509_STORE_CTX_get_error(ctx)));
	sk_X509_free(between);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(root);
	X509_free(issuer);
	X509_free(leaf);
}

static void fields_are_read(void **state)
{
	struct vector v = vector_from_hex(CERT_MODULE);
	u8 octets[CERT_POINT_SIZE];
	struct cert c;

	(void)state;
	parse_good(&c, &v);
	vector_read(MODULE_UID, octets, SECMOD_UID_SIZE);
	assert_true(c.has_uid);
	assert_memory_equal(c.uid, octets, SECMOD_UID_SIZE);
	vector_read(MODULE_NONCE, octets, SECMOD_NONCE_SIZE);
	assert_true(c.has_nonce);
	assert_memory_equal(c.nonce, octets, SECMOD_NONCE_SIZE);
	vector_read(MODULE_SALT, octets, SECMOD_SALT_SIZE);
	assert_true(c.has_salt);
	assert_memory_equal(c.salt, octets, SECMOD_SALT_SIZE);
	vector_read(MODULE_POINT, octets, CERT_POINT_SIZE);
	assert_memory_equal(c.point, octets, CERT_POINT_SIZE);
	assert_true(c.has_epoch);
	assert_int_equal(c.epoch, MODULE_EPOCH);
	assert_string_equal(c.serial, MODULE_SERIAL);
	assert_int_equal(c.not_before, 1577836800);
	assert_int_equal(c.not_after, 4102444799);
	assert_int_equal(c.key_usage, CERT_KU_DIGITAL_SIGNATURE);
	assert_int_equal(c.role, SECMOD_ROLE_MODULE);
	assert_false(c.ca);
	assert_int_equal(c.path_len, -1);
	vector_free(&v);
}

static void fields_that_are_not_there_are_empty(void **state)
{
	static const u8 zeros[SECMOD_NONCE_SIZE];
	struct vector v = vector_from_hex(CERT_PU);
	struct cert c;

	(void)state;
	memset(&c, 0xff, sizeof(c));
	parse_good(&c, &v);
	assert_false(c.has_uid || c.has_nonce || c.has_salt || c.has_epoch);
	assert_memory_equal(c.uid, zeros, sizeof(c.uid));
	assert_memory_equal(c.nonce, zeros, sizeof(c.nonce));
	assert_memory_equal(c.salt, zeros, sizeof(c.salt));
	assert_string_equal(c.serial, "");
	assert_true(c.ca);
	assert_int_equal(c.path_len, 0);
	vector_free(&v);
}

/* Where @text is in a certificate. */
static u8 *place_of(struct vector *v, const char *text)
{
	u8 *at = memmem(v->data, v->len, text, strlen(text));

	assert_non_null(at);
	return at;
}

static void assert_time(struct vector *v, u8 *at, const char *format,
			time_t when)
{
	char text[32];
	struct cert c;
	struct tm tm;

	gmtime_r(&when, &tm);
	memcpy(at, text, strftime(text, sizeof(text), format, &tm));
	parse_good(&c, v);
	if (c.not_after != (u64)when)
		fail_msg("%s: %llu, not %lld", text,
			 (unsigned long long)c.not_after, (long long)when);
}

#define DAY 86400
#define YEAR_2050 2524608000
#define YEAR_10000 253402300800

static void every_day_is_counted(void **state)
{
	struct vector v = vector_from_hex(CERT_MODULE);
	u8 *at = place_of(&v, "20991231235959Z");
	time_t t;

	(void)state;
	/* an odd step, so that the time of day moves too */
	for (t = YEAR_2050; t < YEAR_10000; t += 7 * DAY + 86399)
		assert_time(&v, at, "%Y%m%d%H%M%SZ", t);
	vector_free(&v);
}

static void every_day_of_utc_time_is_counted(void **state)
{
	struct vector v;
	size_t i;
	time_t t;
	u8 *at;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cert_good); i++)
		if (strstr(cert_good[i].name, "last second 20240229"))
			break;
	v = vector_from_hex(cert_good[i].der);
	at = place_of(&v, "240229235959Z");
	for (t = 0; t < YEAR_2050; t += 86399)
		assert_time(&v, at, "%y%m%d%H%M%SZ", t);
	vector_free(&v);
}

static void every_truncation_is_refused(void **state)
{
	struct vector whole, part;
	struct refusal why;
	struct cert c;
	size_t i, len;

	(void)state;
	for (i = 0; i < 8; i++) {
		whole = vector_from_hex(cert_good[i].der);
		for (len = 0; len < whole.len; len++) {
			part = vector_new(whole.data, len);
			assert_int_equal(parse(&c, &part, &why), -EBADMSG);
			vector_free(&part);
		}
		vector_free(&whole);
	}
}

/* No change of one octet goes unnoticed: neither by the parser nor the signature. */
static void every_changed_octet_is_refused(void **state)
{
	const char *const good[][2] = { { CERT_PU, CERT_ROOT },
					{ CERT_MODULE, CERT_PU } };
	static const u8 masks[] = { 0x01, 0x20, 0x80, 0xff };
	struct cert_verifier v = { vector_verify, NULL, NOW, NULL };
	struct refusal why;
	size_t i, k, m;

	(void)state;
	v.why = &why;
	for (k = 0; k < ARRAY_SIZE(good); k++) {
		struct vector der = vector_from_hex(good[k][0]);
		struct vector above = vector_from_hex(good[k][1]);
		struct cert c, issuer;
		u8 role;

		parse_good(&issuer, &above);
		parse_good(&c, &der);
		role = c.role;
		for (i = 0; i < der.len * ARRAY_SIZE(masks); i++) {
			m = i % ARRAY_SIZE(masks);
			der.data[i / ARRAY_SIZE(masks)] ^= masks[m];
			if (!parse(&c, &der, &why))
				assert_int_not_equal(cert_check(&c, &issuer,
								role, what, &v),
						     0);
			assert_int_not_equal(why.error, 0);
			der.data[i / ARRAY_SIZE(masks)] ^= masks[m];
		}
		vector_free(&above);
		vector_free(&der);
	}
}

static int busy(void *ctx, const u8 *point, const void *data, size_t len,
		const u8 *sig)
{
	(void)ctx, (void)point, (void)data, (void)len, (void)sig;
	return -EIO;
}

static void failure_of_the_verifier_is_no_verdict(void **state)
{
	struct vector v = vector_from_hex(CERT_PU),
		      iv = vector_from_hex(CERT_ROOT);
	struct refusal why = {};
	struct cert_verifier verifier = { busy, NULL, NOW, &why };
	struct cert c, issuer;

	(void)state;
	parse_good(&c, &v);
	parse_good(&issuer, &iv);
	assert_int_equal(cert_check(&c, &issuer, SECMOD_ROLE_SIGNER, what,
				    &verifier),
			 -EIO);
	assert_int_equal(why.error, 0);
	vector_free(&v);
	vector_free(&iv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "A28 a certificate is good for no other role",
		  is_good_for_no_other_role, NULL, NULL, NULL },
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(fields_that_are_not_there_are_empty),
		cmocka_unit_test(validity_is_that_of_openssl),
		cmocka_unit_test(every_day_is_counted),
		cmocka_unit_test(every_day_of_utc_time_is_counted),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(every_changed_octet_is_refused),
		cmocka_unit_test(failure_of_the_verifier_is_no_verdict),
	};

	return VECTOR_ROWS(cert_good, is_good) |
	       VECTOR_ROWS(cert_good, is_good_for_openssl) |
	       VECTOR_ROWS(cert_malformed, is_malformed) |
	       VECTOR_ROWS(cert_refused, is_refused) |
	       cmocka_run_group_tests_name("certificates", tests, NULL, NULL);
}
