// SPDX-License-Identifier: MIT
/*
 * Certificates: what is issued passes our rules and OpenSSL's; what is spoiled in
 * one thing, and signed again, is refused with the reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/secmod.h>
#include <openssl/x509v3.h>

#include "certs.h"
#include "common/wire.h"
#include "pki/request.h"

static struct certs w, other;

static int make_world(void **state)
{
	(void)state;
	certs_make(&w, "manufacturer");
	certs_make(&other, "manufacturer");
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	certs_free(&w);
	certs_free(&other);
	return 0;
}

static void accepted(X509 *cert, enum pki_role role, X509 *issuer)
{
	struct error e = { "" };

	if (pki_check(cert, role, issuer, time(NULL), &e))
		fail_msg("%s", e.text);
}

static void refused(X509 *cert, enum pki_role role, X509 *issuer, int err,
		    const char *text)
{
	struct error e = { "no text" };
	int ret = pki_check(cert, role, issuer, time(NULL), &e);

	if (ret != err || !strstr(e.text, text))
		fail_msg("returned %d '%s' instead of %d '%s'", ret, e.text,
			 err, text);
}

static void what_is_issued_passes(void **state)
{
	(void)state;
	accepted(w.root, PKI_ROLE_MANUFACTURER, w.root);
	accepted(w.signer, PKI_ROLE_SIGNER, w.root);
	accepted(w.identity, PKI_ROLE_IDENTITY, w.root);
	accepted(w.module, PKI_ROLE_MODULE, w.signer);
	accepted(w.central, PKI_ROLE_CENTRAL, w.signer);
	accepted(w.unit, PKI_ROLE_UNIT_TLS, w.signer);
}

static int openssl_verify(const char *purpose, const char *root,
			  const char *untrusted, const char *leaf)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		status = open("/dev/null", O_WRONLY);
		dup2(status, STDOUT_FILENO);
		dup2(status, STDERR_FILENO);
		execlp("openssl", "openssl", "verify", "-x509_strict",
		       "-purpose", purpose, "-CAfile", root, "-untrusted",
		       untrusted, leaf, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Stock verifiers have to agree: openssl verify -x509_strict as the oracle */
static void openssl_verifies_what_is_issued(void **state)
{
	const struct {
		X509 *leaf;
		const char *good, *bad; /* purpose */
	} cases[] = {
		{ w.identity, "sslclient", "sslserver" },
		{ w.module, "sslclient", "sslserver" },
		{ w.central, "sslserver", "sslclient" },
		{ w.unit, "sslserver", "sslclient" },
	};
	char *root = certs_file(w.root, NULL);
	char *signer = certs_file(w.signer, NULL);
	char *foreign = certs_file(other.root, NULL), *leaf;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		leaf = certs_file(cases[i].leaf, NULL);
		assert_int_equal(
			openssl_verify(cases[i].good, root, signer, leaf), 0);
		assert_int_not_equal(
			openssl_verify(cases[i].bad, root, signer, leaf), 0);
		assert_int_not_equal(openssl_verify(cases[i].good, foreign,
						    signer, leaf),
				     0);
		unlink(leaf);
		free(leaf);
	}
	unlink(root);
	unlink(signer);
	unlink(foreign);
	free(root);
	free(signer);
	free(foreign);
}

static void certificates_fit_the_kernel(void **state)
{
	X509 *all[] = { w.root,	  w.signer,  w.identity,
			w.module, w.central, w.unit };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_in_range(i2d_X509(all[i], NULL), 200, SECMOD_CERT_MAX);
}

/* A28: each certificate is good for its role alone */
static void no_role_passes_for_another(void **state)
{
	const struct {
		X509 *cert, *issuer;
		enum pki_role role;
	} all[] = {
		{ w.root, w.root, PKI_ROLE_MANUFACTURER },
		{ w.signer, w.root, PKI_ROLE_SIGNER },
		{ w.identity, w.root, PKI_ROLE_IDENTITY },
		{ w.module, w.signer, PKI_ROLE_MODULE },
		{ w.central, w.signer, PKI_ROLE_CENTRAL },
		{ w.unit, w.signer, PKI_ROLE_UNIT_TLS },
	};
	struct error e;
	size_t i, role;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (role = 0; role <= 7; role++)
			assert_int_equal(
				pki_check(all[i].cert, role, all[i].issuer,
					  time(NULL), &e),
				role == all[i].role ? 0 : -EKEYREJECTED);
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

static void wrong_signatures_are_refused(void **state)
{
	X509 *copy = X509_dup(w.module);

	(void)state;
	certs_sign(copy, other.signer_key);
	refused(copy, PKI_ROLE_MODULE, w.signer, -EKEYREJECTED,
		"not by its issuer");
	X509_free(copy);
	/* same names, other keys */
	refused(other.signer, PKI_ROLE_SIGNER, w.root, -EKEYREJECTED,
		"key identifier");
	copy = X509_dup(w.signer);
	assert_true(X509_sign(copy, w.root_key, EVP_sha384()) > 0);
	refused(copy, PKI_ROLE_SIGNER, w.root, -EKEYREJECTED,
		"ecdsa-with-SHA256");
	X509_free(copy);
}

/* The attacks of the design by name: who may not issue, however well it signs. */
static void only_a_signer_certifies_modules(void **state)
{
	const struct {
		X509 *issuer;
		EVP_PKEY *key;
	} posing[] = {
		{ w.module, w.module_key }, { w.identity, w.identity_key },
		{ w.central, w.leaf_key },  { w.unit, w.leaf_key },
		{ w.root, w.root_key },
	};
	X509 *cert;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(posing) / sizeof(posing[0]); i++) {
		cert = certs_issue(PKI_ROLE_MODULE, w.leaf_key,
				   posing[i].issuer, posing[i].key, 10);
		refused(cert, PKI_ROLE_MODULE, posing[i].issuer, -EKEYREJECTED,
			"may not issue");
		X509_free(cert);
	}
	cert = certs_issue(PKI_ROLE_SIGNER, w.leaf_key, w.signer, w.signer_key,
			   10);
	refused(cert, PKI_ROLE_SIGNER, w.signer, -EKEYREJECTED,
		"may not issue");
	X509_free(cert);
}

static void chain_is_walked_from_the_root(void **state)
{
	struct error e;
	time_t now = time(NULL);

	(void)state;
	assert_int_equal(pki_check_chain(w.module, PKI_ROLE_MODULE, w.signer,
					 w.root, now, &e),
			 0);
	assert_int_equal(pki_check_chain(w.identity, PKI_ROLE_IDENTITY, NULL,
					 w.root, now, &e),
			 0);
	/* A7: a signer of another manufacturer */
	assert_int_equal(pki_check_chain(w.module, PKI_ROLE_MODULE, w.signer,
					 other.root, now, &e),
			 -EKEYREJECTED);
	assert_int_equal(pki_check_chain(other.central, PKI_ROLE_CENTRAL,
					 w.signer, w.root, now, &e),
			 -EKEYREJECTED);
	assert_int_equal(pki_check_chain(w.module, PKI_ROLE_MODULE, w.module,
					 w.root, now, &e),
			 -EKEYREJECTED);
	assert_int_equal(pki_check_chain(w.module, PKI_ROLE_MODULE, w.identity,
					 w.root, now, &e),
			 -EKEYREJECTED);
	assert_int_equal(pki_check_chain(w.module, PKI_ROLE_MODULE, NULL,
					 w.root, now, &e),
			 -EKEYREJECTED);
	assert_int_equal(pki_check_chain(w.module, PKI_ROLE_MODULE, w.signer,
					 w.root, now + 60 * 86400, &e),
			 -EKEYEXPIRED);
}

static void fields_come_back(void **state)
{
	uint8_t uid[16], value[32];
	uint64_t epoch = 0;
	char serial[33], hex[65];

	(void)state;
	assert_int_equal(pki_get_uid(w.module, uid), 0);
	assert_memory_equal(uid, certs_uid, 16);
	assert_int_equal(pki_get_serial(w.module, serial, sizeof(serial)), 0);
	assert_string_equal(serial, CERTS_SERIAL);
	assert_int_equal(pki_get_nonce(w.module, value), 0);
	assert_memory_equal(value, certs_nonce, 32);
	assert_int_equal(pki_get_salt(w.module, value), 0);
	assert_memory_equal(value, certs_salt, 32);
	assert_int_equal(pki_get_epoch(w.module, &epoch), 0);
	assert_int_equal(epoch, CERTS_EPOCH);
	assert_int_equal(pki_get_uid(w.central, uid), -ENOENT);
	assert_int_equal(pki_get_nonce(w.identity, value), -ENOENT);
	pki_fingerprint(w.module, hex);
	assert_int_equal(strspn(hex, "0123456789abcdef"), 64);
}

static void serial_number_syntax(void **state)
{
	static const char *const good[] = {
		"1", "A-1.2_b", "12345678901234567890123456789012"
	};
	static const char *const bad[] = {
		"",    "-1",  ".x",
		"a b", "a/b", "a\n",
		"ä",   "a'",  "123456789012345678901234567890123"
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(pki_serial_valid(good[i]));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(pki_serial_valid(bad[i]));
}

static void raw_signatures(void **state)
{
	uint8_t sig[64];
	struct error e;

	(void)state;
	assert_int_equal(pki_sign_raw(w.leaf_key, "text", 4, sig, &e), 0);
	assert_int_equal(pki_verify_raw(w.leaf_key, "text", 4, sig, &e), 0);
	assert_int_equal(pki_verify_raw(w.leaf_key, "Text", 4, sig, &e),
			 -EKEYREJECTED);
	assert_int_equal(pki_verify_raw(w.root_key, "text", 4, sig, &e),
			 -EKEYREJECTED);
	sig[40] ^= 1;
	assert_int_equal(pki_verify_raw(w.leaf_key, "text", 4, sig, &e),
			 -EKEYREJECTED);
	memset(sig, 0, sizeof(sig));
	assert_int_equal(pki_verify_raw(w.leaf_key, "text", 4, sig, &e),
			 -EKEYREJECTED);
}

static struct wire_bundle *new_bundle(void)
{
	struct wire_bundle *b = wire_bundle_new();
	struct error e;

	ASN1_OBJECT_free(b->tbs->type);
	b->tbs->type = pki_oid(PKI_ARC_MSG, SECMOD_MSG_BUNDLE);
	b->tbs->version = 1;
	b->tbs->epoch = CERTS_EPOCH;
	b->tbs->time = time(NULL);
	b->tbs->policy->keyset_tries = 3;
	wire_set_octets(b->tbs->uid, certs_uid, 16);
	wire_set_octets(b->tbs->module_nonce, certs_nonce, 32);
	wire_set_octets(b->tbs->salt, certs_salt, 32);
	wire_set_cert(&b->tbs->module, w.module);
	X509_up_ref(w.central);
	sk_X509_push(b->tbs->central, w.central);
	assert_int_equal(pki_bundle_sign(b, w.signer_key, &e), 0);
	return b;
}

static void bundle_refused(struct wire_bundle *b, EVP_PKEY *sign_with, int err,
			   const char *text)
{
	const struct pki_bundle_expect x = {
		.uid = certs_uid,
		.module_nonce = certs_nonce,
		.salt = certs_salt,
		.epoch = CERTS_EPOCH,
		.module_key = w.module_key,
		.signer = w.signer,
		.when = time(NULL),
	};
	struct error e = { "" };
	int ret;

	if (sign_with)
		assert_int_equal(pki_bundle_sign(b, sign_with, &e), 0);
	ret = pki_bundle_check(b, &x, &e);
	if (ret != err || !strstr(e.text, text))
		fail_msg("returned %d '%s' instead of %d '%s'", ret, e.text,
			 err, text);
	wire_bundle_free(b);
}

static void bundles_are_bound(void **state)
{
	static const uint8_t zeros[32];
	struct wire_bundle *b, *back;
	unsigned char *der = NULL;
	struct error e;
	int len;

	(void)state;
	b = new_bundle();
	len = i2d_wire_bundle(b, &der);
	assert_int_equal(wire_bundle_decode(der, len, &back, &e), 0);
	OPENSSL_free(der);
	bundle_refused(back, NULL, 0, "");
	bundle_refused(b, NULL, 0, "");
	bundle_refused(new_bundle(), other.signer_key, -EKEYREJECTED,
		       "signature");
	b = new_bundle();
	wire_set_octets(b->tbs->uid, zeros, 16);
	bundle_refused(b, NULL, -EKEYREJECTED, "signature");
	b = new_bundle();
	wire_set_octets(b->tbs->uid, zeros, 16);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "another module");
	b = new_bundle();
	b->tbs->epoch++;
	bundle_refused(b, w.signer_key, -ESTALE, "epoch");
	b = new_bundle();
	wire_set_octets(b->tbs->module_nonce, zeros, 32);
	bundle_refused(b, w.signer_key, -ESTALE, "nonce");
	b = new_bundle();
	wire_set_octets(b->tbs->salt, zeros, 32);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "salt");
	b = new_bundle();
	wire_set_cert(&b->tbs->module, w.central);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "another role");
	b = new_bundle();
	X509_free(sk_X509_pop(b->tbs->central));
	X509_up_ref(w.unit);
	sk_X509_push(b->tbs->central, w.unit);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "another role");
}

static void module_certificate_over_another_key(void **state)
{
	struct wire_bundle *b = new_bundle();
	X509 *cert = certs_issue(PKI_ROLE_MODULE, w.leaf_key, w.signer,
				 w.signer_key, 10);

	(void)state;
	wire_set_cert(&b->tbs->module, cert);
	bundle_refused(b, w.signer_key, -EKEYREJECTED, "not the key");
	X509_free(cert);
}

static void requests_prove_possession(void **state)
{
	char path[] = "/tmp/csr.XXXXXX";
	EVP_PKEY *key;
	struct error e;
	FILE *f;
	int c;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(pki_write_csr(path, "unit", w.leaf_key, &e), 0);
	assert_int_equal(pki_read_csr(path, &key, &e), 0);
	assert_int_equal(EVP_PKEY_eq(key, w.leaf_key), 1);
	EVP_PKEY_free(key);
	/* a letter of the name: the signature is not over this any more */
	f = fopen(path, "r+");
	fseek(f, 60, SEEK_SET);
	c = fgetc(f);
	fseek(f, 60, SEEK_SET);
	fputc(c == 'A' ? 'B' : 'A', f);
	fclose(f);
	assert_true(pki_read_csr(path, &key, &e) < 0);
	assert_null(key);
	unlink(path);
}

static void files_hold_chains(void **state)
{
	char *path = certs_file(w.module, w.signer);
	STACK_OF(X509) *chain;
	struct error e;
	X509 *cert;

	(void)state;
	assert_int_equal(pki_read_chain(path, &chain, &e), 0);
	assert_int_equal(sk_X509_num(chain), 2);
	assert_int_equal(X509_cmp(sk_X509_value(chain, 1), w.signer), 0);
	assert_int_equal(pki_write_chain(path, chain, &e), 0);
	assert_int_equal(pki_read_cert(path, &cert, &e), 0);
	assert_int_equal(X509_cmp(cert, w.module), 0);
	X509_free(cert);
	sk_X509_pop_free(chain, X509_free);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(pki_read_chain(path, &chain, &e), -EBADMSG);
	unlink(path);
	assert_int_equal(pki_read_cert(path, &cert, &e), -ENOENT);
	assert_non_null(strstr(e.text, path));
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_issued_passes),
		cmocka_unit_test(openssl_verifies_what_is_issued),
		cmocka_unit_test(certificates_fit_the_kernel),
		cmocka_unit_test(no_role_passes_for_another),
		cmocka_unit_test(spoiled_certificates_are_refused),
		cmocka_unit_test(wrong_signatures_are_refused),
		cmocka_unit_test(only_a_signer_certifies_modules),
		cmocka_unit_test(chain_is_walked_from_the_root),
		cmocka_unit_test(fields_come_back),
		cmocka_unit_test(serial_number_syntax),
		cmocka_unit_test(raw_signatures),
		cmocka_unit_test(bundles_are_bound),
		cmocka_unit_test(module_certificate_over_another_key),
		cmocka_unit_test(requests_prove_possession),
		cmocka_unit_test(files_hold_chains),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pki", tests, make_world,
					   free_world);
}
