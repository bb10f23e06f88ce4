// SPDX-License-Identifier: MIT
/* Certificates that are spoiled in one thing and signed again: refused, with the reason. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/secmod.h>
#include <openssl/x509v3.h>

#include "certs.h"

static struct certs w;

static int make_world(void **state)
{
	(void)state;
	certs_make(&w, "manufacturer");
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	certs_free(&w);
	return 0;
}

/* The spoiled thing alone makes the difference: each is signed by the right key. */
static void set_basic(X509 *c)
{
	certs_set_ext(c, "basicConstraints", "CA:FALSE", 0);
}

static void make_ca(X509 *c)
{
	certs_set_ext(c, "basicConstraints", "CA:TRUE,pathlen:0", 1);
}

static void make_no_ca(X509 *c)
{
	certs_set_ext(c, "basicConstraints", "CA:FALSE", 1);
}

static void remove_pathlen(X509 *c)
{
	certs_set_ext(c, "basicConstraints", "CA:TRUE", 1);
}

static void longer_pathlen(X509 *c)
{
	certs_set_ext(c, "basicConstraints", "CA:TRUE,pathlen:1", 1);
}

static void remove_basic(X509 *c)
{
	certs_set_ext(c, "basicConstraints", NULL, 0);
}

static void remove_usage(X509 *c)
{
	certs_set_ext(c, "keyUsage", NULL, 0);
}

static void usage_not_critical(X509 *c)
{
	certs_set_ext(c, "keyUsage", "digitalSignature", 0);
}

static void usage_sign_only(X509 *c)
{
	certs_set_ext(c, "keyUsage", "digitalSignature", 1);
}

static void usage_certs_only(X509 *c)
{
	certs_set_ext(c, "keyUsage", "keyCertSign", 1);
}

static void usage_too_much(X509 *c)
{
	certs_set_ext(c, "keyUsage", "digitalSignature,keyCertSign", 1);
}

#define ROLE(n) SECMOD_OID_ARC_TEXT ".1." #n

static void two_roles(X509 *c)
{
	certs_set_ext(c, "extendedKeyUsage", ROLE(3) "," ROLE(2), 0);
}

static void no_role(X509 *c)
{
	certs_set_ext(c, "extendedKeyUsage", "clientAuth", 0);
}

static void no_extended_usage(X509 *c)
{
	certs_set_ext(c, "extendedKeyUsage", NULL, 0);
}

static void critical_role(X509 *c)
{
	certs_set_ext(c, "extendedKeyUsage", ROLE(3), 1);
}

static void long_role(X509 *c)
{
	certs_set_ext(c, "extendedKeyUsage", ROLE(3) ".1", 0);
}

static void unknown_critical(X509 *c)
{
	certs_set_ext(c, "1.2.3.4", "DER:0500", 1);
}

static void bad_extension_value(X509 *c)
{
	certs_set_ext(c, "1.2.3.4", "DER:050000", 0);
}

static void remove_ski(X509 *c)
{
	certs_set_ext(c, "subjectKeyIdentifier", NULL, 0);
}

static void remove_aki(X509 *c)
{
	certs_set_ext(c, "authorityKeyIdentifier", NULL, 0);
}

static void no_nonce(X509 *c)
{
	certs_set_ext(c, SECMOD_OID_ARC_TEXT ".2.1", NULL, 0);
}

static void short_salt(X509 *c)
{
	certs_set_ext(c, SECMOD_OID_ARC_TEXT ".2.2", "DER:0401aa", 0);
}

static void negative_epoch(X509 *c)
{
	certs_set_ext(c, SECMOD_OID_ARC_TEXT ".2.3", "DER:0201ff", 0);
}

static void version_2(X509 *c)
{
	X509_set_version(c, 1);
}

static void negative_serial(X509 *c)
{
	ASN1_INTEGER_set(X509_get_serialNumber(c), -5);
}

static void zero_serial(X509 *c)
{
	ASN1_INTEGER_set(X509_get_serialNumber(c), 0);
}

static void other_issuer_name(X509 *c)
{
	X509_set_issuer_name(c, X509_get_subject_name(w.identity));
}

static void not_yet_valid(X509 *c)
{
	X509_gmtime_adj(X509_getm_notBefore(c), 3600);
}

static void expired(X509 *c)
{
	X509_gmtime_adj(X509_getm_notAfter(c), -60);
}

static void generalized_before_2050(X509 *c)
{
	ASN1_TIME_set_string(X509_getm_notBefore(c), "20200101000000Z");
}

static void add_subject(X509 *c, int nid, const char *value)
{
	X509_NAME_add_entry_by_NID(X509_get_subject_name(c), nid,
				   V_ASN1_UTF8STRING,
				   (const unsigned char *)value, -1, -1, 0);
}

static void second_uid(X509 *c)
{
	add_subject(c, NID_userId, "00000000000000000000000000000000");
}

static void drop_subject(X509 *c, int nid)
{
	X509_NAME *name = X509_get_subject_name(c);
	int at = X509_NAME_get_index_by_NID(name, nid, -1);

	X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, at));
}

static void no_uid(X509 *c)
{
	drop_subject(c, NID_userId);
}

static void upper_case_uid(X509 *c)
{
	no_uid(c);
	add_subject(c, NID_userId, "AB010203000000000000000000000000");
}

static void no_serial_number(X509 *c)
{
	drop_subject(c, NID_serialNumber);
}

static void strange_serial_number(X509 *c)
{
	no_serial_number(c);
	add_subject(c, NID_serialNumber, "../../x");
}

static void p384_key(X509 *c)
{
	EVP_PKEY *key = EVP_EC_gen("P-384");

	X509_set_pubkey(c, key);
	EVP_PKEY_free(key);
}

static void too_large(X509 *c)
{
	char value[2 * SECMOD_CERT_MAX + 64] = "DER:04820700";

	memset(value + strlen(value), '0', 2 * 0x700);
	X509_EXTENSION *ext = X509V3_EXT_nconf(NULL, NULL, "1.2.3.4", value);

	assert_non_null(ext);
	X509_add_ext(c, ext, -1);
	X509_EXTENSION_free(ext);
}

static const struct spoiling {
	const char *name;
	enum pki_role role;
	void (*spoil)(X509 *cert);
	int err;
	const char *text;
} spoilings[] = {
	{ "basic constraints not critical", PKI_ROLE_MODULE, set_basic,
	  -EKEYREJECTED, "4.2.1.9" },
	{ "no basic constraints", PKI_ROLE_MODULE, remove_basic, -EKEYREJECTED,
	  "4.2.1.9" },
	{ "module is a CA", PKI_ROLE_MODULE, make_ca, -EKEYREJECTED,
	  "it is a CA" },
	{ "signer is no CA", PKI_ROLE_SIGNER, make_no_ca, -EKEYREJECTED,
	  "it is no CA" },
	{ "root is no CA", PKI_ROLE_MANUFACTURER, make_no_ca, -EKEYREJECTED,
	  "it is no CA" },
	{ "signer without path length", PKI_ROLE_SIGNER, remove_pathlen,
	  -EKEYREJECTED, "path length" },
	{ "signer with path length 1", PKI_ROLE_SIGNER, longer_pathlen,
	  -EKEYREJECTED, "path length" },
	{ "no key usage", PKI_ROLE_CENTRAL, remove_usage, -EKEYREJECTED,
	  "critical key usage" },
	{ "key usage not critical", PKI_ROLE_CENTRAL, usage_not_critical,
	  -EKEYREJECTED, "critical key usage" },
	{ "signer without keyCertSign", PKI_ROLE_SIGNER, usage_sign_only,
	  -EKEYREJECTED, "lacks" },
	{ "signer without digitalSignature", PKI_ROLE_SIGNER, usage_certs_only,
	  -EKEYREJECTED, "lacks" },
	{ "root without keyCertSign", PKI_ROLE_MANUFACTURER, usage_sign_only,
	  -EKEYREJECTED, "lacks" },
	{ "module with keyCertSign", PKI_ROLE_MODULE, usage_too_much,
	  -EKEYREJECTED, "more than" },
	{ "two roles", PKI_ROLE_MODULE, two_roles, -EKEYREJECTED,
	  "exactly one role" },
	{ "no role", PKI_ROLE_MODULE, no_role, -EKEYREJECTED,
	  "exactly one role" },
	{ "no extended key usage", PKI_ROLE_MODULE, no_extended_usage,
	  -EKEYREJECTED, "another role" },
	{ "critical extended key usage", PKI_ROLE_MODULE, critical_role,
	  -EKEYREJECTED, "unknown critical" },
	{ "role below a role", PKI_ROLE_MODULE, long_role, -EKEYREJECTED,
	  "another role" },
	{ "unknown critical extension", PKI_ROLE_SIGNER, unknown_critical,
	  -EKEYREJECTED, "unknown critical" },
	{ "extension with trailing bytes", PKI_ROLE_SIGNER, bad_extension_value,
	  -EKEYREJECTED, "not DER" },
	{ "no subject key identifier", PKI_ROLE_SIGNER, remove_ski,
	  -EKEYREJECTED, "4.2.1.2" },
	{ "no authority key identifier", PKI_ROLE_SIGNER, remove_aki,
	  -EKEYREJECTED, "4.2.1.1" },
	{ "no nonce", PKI_ROLE_MODULE, no_nonce, -EKEYREJECTED, "nonce" },
	{ "short salt", PKI_ROLE_MODULE, short_salt, -EKEYREJECTED, "salt" },
	{ "negative epoch", PKI_ROLE_MODULE, negative_epoch, -EKEYREJECTED,
	  "epoch" },
	{ "version 2", PKI_ROLE_IDENTITY, version_2, -EKEYREJECTED,
	  "version 3" },
	{ "negative serial number", PKI_ROLE_IDENTITY, negative_serial,
	  -EKEYREJECTED, "not positive" },
	{ "serial number 0", PKI_ROLE_IDENTITY, zero_serial, -EKEYREJECTED,
	  "not positive" },
	{ "issuer with another name", PKI_ROLE_SIGNER, other_issuer_name,
	  -EKEYREJECTED, "6.1.3 (a)(4)" },
	{ "not yet valid", PKI_ROLE_SIGNER, not_yet_valid, -EKEYEXPIRED,
	  "not valid yet" },
	{ "expired", PKI_ROLE_SIGNER, expired, -EKEYEXPIRED, "has expired" },
	{ "GeneralizedTime before 2050", PKI_ROLE_SIGNER,
	  generalized_before_2050, -EKEYREJECTED, "4.1.2.5" },
	{ "two UIDs", PKI_ROLE_IDENTITY, second_uid, -EKEYREJECTED, "UID" },
	{ "no UID", PKI_ROLE_IDENTITY, no_uid, -EKEYREJECTED, "UID" },
	{ "UID in capitals", PKI_ROLE_MODULE, upper_case_uid, -EKEYREJECTED,
	  "UID" },
	{ "no serial number", PKI_ROLE_IDENTITY, no_serial_number,
	  -EKEYREJECTED, "serial number" },
	{ "serial number with slashes", PKI_ROLE_IDENTITY,
	  strange_serial_number, -EKEYREJECTED, "serial number" },
	{ "P-384 key", PKI_ROLE_CENTRAL, p384_key, -EKEYREJECTED, "P-256" },
	{ "larger than 2048 bytes", PKI_ROLE_CENTRAL, too_large, -EKEYREJECTED,
	  "2048" },
};

/* The certificate of @role with what issues it. */
static X509 *of_role(enum pki_role role, X509 **issuer, EVP_PKEY **issuer_key)
{
	X509 *const certs[] = { w.root,	  w.identity, w.signer,
				w.module, w.central,  w.unit };
	int by_root = role <= PKI_ROLE_SIGNER;

	*issuer = by_root ? w.root : w.signer;
	*issuer_key = by_root ? w.root_key : w.signer_key;
	return certs[role];
}

static void spoiled_certificates_are_refused(void **state)
{
	const struct spoiling *s;
	EVP_PKEY *key;
	X509 *issuer, *copy;
	struct error e;
	size_t i;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(spoilings) / sizeof(spoilings[0]); i++) {
		s = &spoilings[i];
		copy = X509_dup(of_role(s->role, &issuer, &key));
		s->spoil(copy);
		certs_sign(copy, key);
		if (s->role == PKI_ROLE_MANUFACTURER)
			issuer = copy;
		ret = pki_check(copy, s->role, issuer, time(NULL), &e);
		if (ret != s->err || !strstr(e.text, s->text))
			fail_msg("%s: returned %d, '%s'", s->name, ret,
				 ret ? e.text : "accepted");
		X509_free(copy);
	}
}

/* SEQUENCE of @len bytes of @body at @out, with a length of @width bytes; its end. */
static uint8_t *put_sequence(uint8_t *out, const uint8_t *body, size_t len,
			     int width)
{
	*out++ = 0x30;
	*out++ = 0x80 | width;
	while (width--)
		*out++ = len >> 8 * width;
	memmove(out, body, len);
	return out + len;
}

/*
 * A certificate around @tbs, signed by the root: what X509_sign() would not
 * make. NULL when OpenSSL does not even read it.
 */
static X509 *certificate_of(const uint8_t *tbs, size_t len)
{
	static const uint8_t alg[] = { 0x30, 10,   6,	 8, 0x2a, 0x86,
				       0x48, 0xce, 0x3d, 4, 3,	  2 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t body[4096], der[4096], sig[80];
	const uint8_t *p = der;
	size_t sig_len = sizeof(sig);
	uint8_t *end = body;
	X509 *cert;

	assert_true(
		EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, w.root_key));
	assert_true(EVP_DigestSign(ctx, sig, &sig_len, tbs, len));
	EVP_MD_CTX_free(ctx);
	memcpy(end, tbs, len);
	end += len;
	memcpy(end, alg, sizeof(alg));
	end += sizeof(alg);
	*end++ = 3;
	*end++ = sig_len + 1;
	*end++ = 0;
	memcpy(end, sig, sig_len);
	end += sig_len;
	end = put_sequence(der, body, end - body, 2);
	cert = d2i_X509(NULL, &p, end - der);
	return cert;
}

/* The signer's signed part without its head, @extra put before the extensions. */
static size_t tbs_body(uint8_t out[2048], const void *extra, size_t len)
{
	uint8_t *der = NULL, *at;
	int n = i2d_re_X509_tbs(w.signer, &der);

	assert_int_equal(der[1], 0x82);
	at = memmem(der, n, "\xa3\x82", 2);
	if (!at)
		at = memmem(der, n, "\xa3\x81", 2);
	assert_non_null(at);
	n -= 4;
	memcpy(out, der + 4, at - der - 4);
	memcpy(out + (at - der - 4), extra, len);
	memcpy(out + (at - der - 4) + len, at, der + 4 + n - at);
	OPENSSL_free(der);
	return n + len;
}

static void handmade(const void *extra, size_t len, int width, int err,
		     const char *text)
{
	uint8_t body[2048], tbs[2048];
	size_t n = tbs_body(body, extra, len);
	struct error e = { "" };
	X509 *cert;
	int ret;

	n = put_sequence(tbs, body, n, width) - tbs;
	cert = certificate_of(tbs, n);
	assert_non_null(cert);
	ret = pki_check(cert, PKI_ROLE_SIGNER, w.root, time(NULL), &e);
	if (ret != err || !strstr(e.text, text))
		fail_msg("returned %d '%s' instead of %d '%s'", ret, e.text,
			 err, text);
	X509_free(cert);
}

static void handmade_certificates(void **state)
{
	(void)state;
	handmade("", 0, 2, 0, "");
	handmade("", 0, 3, -EKEYREJECTED, "not DER");
	handmade("\x81\2\0\1", 4, 2, -EKEYREJECTED, "unique identifier");
	handmade("\x82\2\0\1", 4, 2, -EKEYREJECTED, "unique identifier");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoiled_certificates_are_refused),
		cmocka_unit_test(handmade_certificates),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pki_spoiled", tests, make_world,
					   free_world);
}
