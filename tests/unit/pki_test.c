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
		cmocka_unit_test(wrong_signatures_are_refused),
		cmocka_unit_test(only_a_signer_certifies_modules),
		cmocka_unit_test(chain_is_walked_from_the_root),
		cmocka_unit_test(fields_come_back),
		cmocka_unit_test(serial_number_syntax),
		cmocka_unit_test(raw_signatures),
		cmocka_unit_test(requests_prove_possession),
		cmocka_unit_test(files_hold_chains),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pki", tests, make_world,
					   free_world);
}
