// SPDX-License-Identifier: MIT
/*
 * Admission to the central system (A22, A23, A28): each reason to refuse, and what
 * is recorded of those who are taken. Needs no socket: admit.c is the rule.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "central/admit.c"

#define DAY 86400

struct fixture {
	char dir[64], path[96];
	struct admission a;
	EVP_PKEY *root_key, *signer_key, *module_key;
	X509 *signer, *module;
	STACK_OF(X509) *sent;
	struct member m;
	struct error e;
};

static const uint8_t uid[16] = { 0xa1 }, nonce[32] = { 1 };

static void ok_at(int r, const struct error *e, int line)
{
	if (r)
		fail_msg("line %d: %d: %s", line, r, e->text);
}
#define ok(expr) ok_at(expr, &f->e, __LINE__)

static X509 *issue(struct fixture *f, const struct pki_request *req,
		   EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *cert;

	ok(pki_issue(req, key, issuer, issuer_key, &cert, &f->e));
	return cert;
}

static X509 *make_module(struct fixture *f, uint64_t epoch, int days)
{
	struct pki_request req = { .role = PKI_ROLE_MODULE,
				   .serial = "SN-1",
				   .uid = uid,
				   .nonce = nonce,
				   .salt = nonce,
				   .epoch = epoch,
				   .days = days };

	return issue(f, &req, f->module_key, f->signer, f->signer_key);
}

static void add_signer(struct fixture *f)
{
	struct store_signer signer = { .name = "PU 1" };
	unsigned char *der = NULL;
	int len = i2d_X509(f->signer, &der);

	pki_fingerprint(f->signer, signer.fingerprint);
	ok(store_signer_add(f->a.store, &signer, der, len, &f->e));
	OPENSSL_free(der);
}

static int setup(void **state)
{
	struct pki_request root = { .common_name = "root", .days = 1000 };
	struct pki_request signer = { .role = PKI_ROLE_SIGNER,
				      .common_name = "PU 1",
				      .days = 100 };
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/secmod-central-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/central.db", f->dir);
	ok(store_open(f->path, 1, &f->a.store, &f->e));
	f->root_key = EVP_EC_gen("P-256");
	f->signer_key = EVP_EC_gen("P-256");
	f->module_key = EVP_EC_gen("P-256");
	f->a.root = issue(f, &root, f->root_key, NULL, f->root_key);
	f->signer = issue(f, &signer, f->signer_key, f->a.root, f->root_key);
	f->module = make_module(f, 5, 200);
	f->sent = sk_X509_new_null();
	sk_X509_push(f->sent, f->signer);
	*state = f;
	return 0;
}

static int setup_known(void **state)
{
	struct fixture *f;

	setup(state);
	f = *state;
	add_signer(f);
	ok(store_module_add(f->a.store, uid, "SN-1", &f->e));
	return 0;
}

static int teardown(void **state)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char path[128];

	store_close(f->a.store);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, suffix[i]);
		unlink(path);
	}
	rmdir(f->dir);
	sk_X509_free(f->sent);
	X509_free(f->module);
	X509_free(f->signer);
	X509_free(f->a.root);
	EVP_PKEY_free(f->module_key);
	EVP_PKEY_free(f->signer_key);
	EVP_PKEY_free(f->root_key);
	free(f);
	return 0;
}

static int try_at(struct fixture *f, X509 *leaf, time_t when)
{
	return admit(&f->a, leaf, f->sent, when, &f->m, &f->e);
}

static int try(struct fixture *f)
{
	return try_at(f, f->module, time(NULL));
}

static void refused_at(struct fixture *f, int r, int errnum, const char *text,
		       int line)
{
	if (r != -errnum || !strstr(f->e.text, text))
		fail_msg("line %d: %d: %s; want %d, '%s'", line, r, f->e.text,
			 -errnum, text);
}
#define refused(expr, errnum, text) refused_at(f, expr, errnum, text, __LINE__)

static void a22_known_module_is_admitted(void **state)
{
	struct fixture *f = *state;
	struct store_module m;

	ok(try(f));
	assert_memory_equal(f->m.uid, uid, 16);
	assert_string_equal(f->m.serial, "SN-1");
	assert_int_equal(f->m.epoch, 5);
	ok(store_module_find(f->a.store, "SN-1", &m, &f->e));
	assert_string_equal(m.fingerprint, f->m.fingerprint);
	assert_int_equal(m.epoch, 5);
	ok(admit_still(f->a.store, &f->m, time(NULL), &f->e));
}

static void a28_no_certificate_is_refused(void **state)
{
	struct fixture *f = *state;

	refused(try_at(f, NULL, time(NULL)), EACCES, "no certificate");
}

static void a22_no_signer_sent_is_refused(void **state)
{
	struct fixture *f = *state;

	sk_X509_pop(f->sent);
	refused(try(f), EKEYREJECTED, "no signing certificate");
	sk_X509_push(f->sent, f->module);
	sk_X509_push(f->sent, f->signer);
	refused(try(f), EACCES, "not registered");
}

static void a22_unregistered_signer_is_refused(void **state)
{
	struct fixture *f = *state;

	f->a.register_auto = 1;
	refused(try(f), EACCES, "signer");
}

static void a22_unknown_module_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store_module m;

	add_signer(f);
	refused(try(f), EACCES, "is not registered");
	assert_int_equal(store_module_find(f->a.store, "SN-1", &m, &f->e),
			 -ENOENT);
}

static int is_registration(void *arg, const struct store_audit *a)
{
	*(int *)arg += !strcmp(a->action, "module add") &&
		       !strcmp(a->detail, "SN-1");
	return 0;
}

static void a22_register_auto_registers_and_tells(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	add_signer(f);
	f->a.register_auto = 1;
	ok(try(f));
	ok(try(f));
	ok(store_audits(f->a.store, is_registration, &n, &f->e));
	assert_int_equal(n, 1);
}

static void a23_register_auto_overrules_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_module m;
	char fingerprint[65];

	add_signer(f);
	f->a.register_auto = 1;
	pki_fingerprint(f->module, fingerprint);
	ok(store_cert_switch(f->a.store, fingerprint, 0, "leaked", &f->e));
	refused(try(f), EACCES, "leaked");
	assert_int_equal(store_module_find(f->a.store, "SN-1", &m, &f->e),
			 -ENOENT);
	ok(store_cert_switch(f->a.store, fingerprint, 1, "", &f->e));
	ok(try(f));
	ok(store_module_switch(f->a.store, uid, 0, "lost", &f->e));
	refused(try(f), EACCES, "lost");
}

static void a23_each_switch_refuses_now_and_later(void **state)
{
	struct fixture *f = *state;
	struct store *s = f->a.store;

	ok(try(f));
	ok(store_module_switch(s, uid, 0, "lost", &f->e));
	refused(admit_still(s, &f->m, time(NULL), &f->e), EACCES, "lost");
	refused(try(f), EACCES, "lost");
	ok(store_module_switch(s, uid, 1, "", &f->e));
	ok(try(f));
	ok(store_signer_switch(s, f->m.signer, 0, "stolen", &f->e));
	refused(admit_still(s, &f->m, time(NULL), &f->e), EACCES, "stolen");
	refused(try(f), EACCES, "stolen");
	ok(store_signer_switch(s, f->m.signer, 1, "", &f->e));
	ok(try(f));
	ok(store_cert_switch(s, f->m.fingerprint, 0, "leaked", &f->e));
	refused(admit_still(s, &f->m, time(NULL), &f->e), EACCES, "leaked");
	refused(try(f), EACCES, "leaked");
}

static void a23_newer_epoch_supersedes(void **state)
{
	struct fixture *f = *state;
	X509 *newer = make_module(f, 6, 200);
	struct member old;

	ok(try(f));
	old = f->m;
	ok(try_at(f, newer, time(NULL)));
	refused(try(f), ESTALE, "superseded");
	refused(admit_still(f->a.store, &old, time(NULL), &f->e), ESTALE,
		"superseded");
	X509_free(newer);
}

/* A personalization that broke off and was repeated: the same epoch, another key. */
static void a23_same_epoch_is_no_older(void **state)
{
	struct fixture *f = *state;
	X509 *again = make_module(f, 5, 200);

	ok(try(f));
	ok(try_at(f, again, time(NULL)));
	X509_free(again);
}

static void a23_time_is_checked_at_each_message(void **state)
{
	struct fixture *f = *state;
	time_t now = time(NULL);

	refused(try_at(f, f->module, now - DAY), EKEYEXPIRED, "not valid yet");
	ok(try_at(f, f->module, now));
	/* the signer's 100 days end before the module's 200 */
	ok(admit_still(f->a.store, &f->m, now + 99 * DAY, &f->e));
	refused(admit_still(f->a.store, &f->m, now + 101 * DAY, &f->e),
		EKEYEXPIRED, "expired");
	refused(try_at(f, f->module, now + 101 * DAY), EKEYEXPIRED, "expired");
}

static void a28_other_roles_are_refused(void **state)
{
	static const enum pki_role roles[] = { PKI_ROLE_IDENTITY,
					       PKI_ROLE_CENTRAL,
					       PKI_ROLE_UNIT_TLS,
					       PKI_ROLE_SIGNER };
	struct pki_request req = {
		.common_name = "x", .serial = "SN-1", .uid = uid, .days = 10
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		X509 *cert;

		req.role = roles[i];
		cert = issue(f, &req, f->module_key, f->signer, f->signer_key);
		refused(try_at(f, cert, time(NULL)), EKEYREJECTED, "module");
		X509_free(cert);
	}
}

static void a28_registered_serial_number_binds(void **state)
{
	struct fixture *f = *state;
	struct pki_request req = { .role = PKI_ROLE_MODULE,
				   .serial = "SN-2",
				   .uid = uid,
				   .nonce = nonce,
				   .salt = nonce,
				   .epoch = 5,
				   .days = 10 };
	X509 *cert = issue(f, &req, f->module_key, f->signer, f->signer_key);

	refused(try_at(f, cert, time(NULL)), EKEYREJECTED, "serial number");
	X509_free(cert);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define K(fn) cmocka_unit_test_setup_teardown(fn, setup_known, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		K(a22_known_module_is_admitted),
		K(a28_no_certificate_is_refused),
		K(a22_no_signer_sent_is_refused),
		T(a22_unregistered_signer_is_refused),
		T(a22_unknown_module_is_refused),
		T(a22_register_auto_registers_and_tells),
		T(a23_register_auto_overrules_nothing),
		K(a23_each_switch_refuses_now_and_later),
		K(a23_newer_epoch_supersedes),
		K(a23_same_epoch_is_no_older),
		K(a23_time_is_checked_at_each_message),
		K(a28_other_roles_are_refused),
		K(a28_registered_serial_number_binds),
	};

	return cmocka_run_group_tests_name("central", tests, NULL, NULL);
}
