// SPDX-License-Identifier: GPL-2.0-only
/*
 * A21 at the central system: what a module answers to the order to reset is evidence only
 * if it proves the end of this key, to this order. Answers that are right but for one
 * thing are kept as failures, and nothing else comes of them.
 */
#include "soft_module.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "certs.h"
#include "keyring/keyring.h"

static int module_answers(int fd, const struct session_request *q,
			  struct session_answer *a, struct error *e);

#include "central/actor.c"
#include "central/print.c"
#include "central/site.c"
#define session_ask module_answers
#include "central/cmd_reset.c"

#define SERIAL "T-1"

/* What it says is not so, or not all of it. */
enum lie {
	TRUTH,
	OTHER_NONCE,
	EARLIER_ANSWER,
	KEY_ALIVE,
	OTHER_STATE,
	OTHER_MAGIC,
	OTHER_UID,
	OTHER_KEY_DIGEST,
	OTHER_PUBLIC,
	OTHER_SIGNER,
	EPOCH_TOO_HIGH,
	SHORT_EPOCH,
	NO_EPOCH,
	NO_PUBLIC,
	NO_ATTEST,
	NO_SIGNATURE,
	NO_NV,
	LIES,
	LOST /* the truth, and it does not arrive */
};

static const char *const cause[LIES] = {
	[OTHER_NONCE] = "about another module, moment or challenge",
	[EARLIER_ANSWER] = "the destroyed key is not the key",
	[KEY_ALIVE] = "the key is alive",
	[OTHER_STATE] = "about another module, moment or challenge",
	[OTHER_MAGIC] = "about another module, moment or challenge",
	[OTHER_UID] = "about another module, moment or challenge",
	[OTHER_KEY_DIGEST] = "about another module, moment or challenge",
	[OTHER_PUBLIC] = "the destroyed key is not the key",
	[OTHER_SIGNER] = "not signed",
	[EPOCH_TOO_HIGH] = "value",
	[SHORT_EPOCH] = "has no epoch",
	[NO_EPOCH] = "has no epoch",
	[NO_PUBLIC] = "lacks object 81",
	[NO_ATTEST] = "lacks object 82",
	[NO_SIGNATURE] = "lacks object 83",
	[NO_NV] = "lacks object 84",
};

static struct world {
	char dir[64];
	struct site site;
	struct certs c;
	struct soft_module m;
	uint8_t uid[16]; /* of the module whose certificates are known */
	struct tpm_birth birth;
	char fingerprint[65];
	enum lie lie;
	struct session_answer before;
	struct error e;
} w;

static void ok_at(int r, int line)
{
	if (r)
		fail_msg("line %d: %d: %s", line, r, w.e.text);
}
#define ok(expr) ok_at(expr, __LINE__)

/*
 * The module
 */
static void put(struct session_answer *a, enum lie without, uint8_t tag,
		const void *data, size_t len)
{
	uint8_t *p = a->proof + a->proof_len;

	if (w.lie == without)
		return;
	assert_true(a->proof_len + 4 + len <= sizeof(a->proof));
	p[0] = tag;
	p[1] = 0x82;
	p[2] = (uint8_t)(len >> 8);
	p[3] = (uint8_t)len;
	memcpy(p + 4, data, len);
	a->proof_len += 4 + len;
}

static void attest(const struct session_request *q)
{
	const struct soft_module *m = &w.m;
	uint8_t nonce[32], digest[32];

	memcpy(nonce, q->nonce, sizeof(nonce));
	tpm_name_digest(w.birth.public_area, w.birth.public_len, digest);
	nonce[31] ^= w.lie == OTHER_NONCE;
	digest[31] ^= w.lie == OTHER_KEY_DIGEST;
	w.m.uid[15] ^= w.lie == OTHER_UID;
	soft_module_attest(&w.m,
			   w.lie == OTHER_MAGIC ? SECMOD_ATTEST_MAGIC :
						  SECMOD_RESET_MAGIC,
			   nonce,
			   w.lie == OTHER_STATE ? SECMOD_STATE_OPERATING :
						  SECMOD_STATE_PERSONALIZATION,
			   digest);
	w.m.uid[15] ^= w.lie == OTHER_UID;
	if (w.lie == OTHER_SIGNER)
		ok(pki_sign_raw(w.c.leaf_key, m->attest.data, m->attest.len,
				w.m.signature, &w.e));
}

static void words(struct session_answer *a)
{
	const struct soft_module *m = &w.m;
	uint64_t epoch = htobe64(m->epoch + (w.lie == EPOCH_TOO_HIGH));
	const struct t2_created *pub =
		w.lie == OTHER_PUBLIC ? &m->identity.made : NULL;

	put(a, NO_EPOCH, TAG_EPOCH, &epoch,
	    sizeof(epoch) - (w.lie == SHORT_EPOCH));
	put(a, NO_PUBLIC, TAG_PUBLIC, pub ? pub->pub.data : w.birth.public_area,
	    pub ? pub->pub.len : w.birth.public_len);
	put(a, NO_ATTEST, TAG_ATTEST, m->attest.data, m->attest.len);
	put(a, NO_SIGNATURE, TAG_SIGNATURE, m->signature, 64);
	put(a, NO_NV, TAG_NV, m->nv_public, m->nv_public_len);
}

/* In the place of session_ask(). */
static int module_answers(int fd, const struct session_request *q,
			  struct session_answer *a, struct error *e)
{
	(void)fd;
	assert_int_equal(q->kind, SESSION_RESET);
	memset(a, 0, sizeof(*a));
	if (w.lie != KEY_ALIVE)
		soft_module_reset(&w.m);
	attest(q);
	words(a);
	if (w.lie == EARLIER_ANSWER)
		*a = w.before;
	else
		w.before = *a;
	return w.lie == LOST ? error_set(e, ECONNRESET, "lost") : 0;
}

int client_session(const char *dir, const char *uid, struct error *e)
{
	(void)dir;
	(void)uid;
	(void)e;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int need_reason(const struct options *o, int enabled, struct error *e)
{
	(void)o;
	(void)enabled;
	(void)e;
	return 0;
}

/*
 * The central system
 */
static void write_root(void)
{
	char path[SITE_PATH_MAX];
	FILE *f;

	ok(site_path(&(struct site){ .dir = w.dir }, "root.pem", path, &w.e));
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(PEM_write_X509(f, w.c.root));
	assert_int_equal(fclose(f), 0);
}

static void make_site(void)
{
	char path[SITE_PATH_MAX];
	struct store *s;

	strcpy(w.dir, "/tmp/secmod-reset-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	write_root();
	ok(site_path(&(struct site){ .dir = w.dir }, "central.db", path, &w.e));
	ok(store_open(path, 1, &s, &w.e));
	store_close(s);
	ok(site_open(&w.site, w.dir, &w.e));
}

static void remove_site(void)
{
	static const char *const files[] = { "root.pem", "central.db",
					     "central.db-wal",
					     "central.db-shm" };
	struct site gone = { .dir = w.dir };
	char path[SITE_PATH_MAX];

	site_close(&w.site);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		ok(site_path(&gone, files[i], path, &w.e));
		unlink(path);
	}
	assert_int_equal(rmdir(w.dir), 0);
}

static void add_module(void)
{
	struct store_signer signer = { .name = "PU 1" };
	unsigned char *der = NULL;
	X509 *identity;
	int len = i2d_X509(w.c.signer, &der);

	pki_fingerprint(w.c.signer, signer.fingerprint);
	ok(store_signer_add(w.site.store, &signer, der, (size_t)len, &w.e));
	OPENSSL_free(der);
	ok(store_module_add(w.site.store, w.m.uid, SERIAL, &w.e));
	der = NULL;
	identity = soft_module_certify(&w.m, PKI_ROLE_IDENTITY,
				       w.m.identity_public, w.c.root,
				       w.c.root_key);
	len = i2d_X509(identity, &der);
	ok(store_identity_set(w.site.store, w.m.uid, der, (size_t)len, &w.e));
	OPENSSL_free(der);
	X509_free(identity);
}

/* A new key, and the central system has seen its certificate. */
static void personalize(void)
{
	struct store_cert seen = { .epoch = (int64_t)w.m.epoch };
	unsigned char *der = NULL;
	EVP_PKEY *key;
	X509 *cert;

	soft_module_birth(&w.m, certs_salt, certs_nonce, &w.birth);
	ok(tpm_check_birth(&w.birth, w.m.identity_public, &key, &w.e));
	cert = soft_module_certify(&w.m, PKI_ROLE_MODULE, key, w.c.signer,
				   w.c.signer_key);
	EVP_PKEY_free(key);
	pki_fingerprint(cert, seen.fingerprint);
	pki_fingerprint(w.c.signer, seen.signer);
	memcpy(seen.uid, w.m.uid, sizeof(seen.uid));
	seen.der_len = (size_t)i2d_X509(cert, &der);
	seen.der = der;
	ok(store_module_seen(w.site.store, &seen, &w.e));
	memcpy(w.fingerprint, seen.fingerprint, sizeof(w.fingerprint));
	OPENSSL_free(der);
	X509_free(cert);
}

static void begin(void **state)
{
	memset(&w, 0, sizeof(w));
	certs_make(&w.c, "manufacturer");
	soft_module_init(&w.m, *state, SERIAL);
	memcpy(w.uid, w.m.uid, sizeof(w.uid));
	make_site();
	add_module();
	personalize();
}

static void end(void)
{
	soft_module_end(&w.m);
	certs_free(&w.c);
	remove_site();
}

static int give_order(enum lie lie)
{
	const struct options opt = { .dir = w.dir };
	struct order *o = calloc(1, sizeof(*o));
	int r;

	assert_non_null(o);
	w.lie = lie;
	ok(prepare(&w.site, o, SERIAL, "scrapped", &w.e));
	r = carry_out(&w.site, &opt, o, &w.e);
	X509_free(o->identity);
	X509_free(o->module);
	X509_free(o->signer);
	free(o);
	return r;
}

static int keep(void *arg, const struct store_reset *r)
{
	struct store_reset *last = arg;

	if (r->entry > last->entry)
		*last = *r; /* of the proof only that there is one */
	return 0;
}

static int count_proved(void *arg, const struct store_audit *a)
{
	*(int *)arg += !strcmp(a->action, "erasure proved");
	return 0;
}

/* What the store says of the last order, of the key, and how often in the log. */
static void recorded(const char *state, const char *why, int enabled,
		     int proved)
{
	char signer[65];
	struct store_reset last = { 0 };
	struct store_standing standing;
	int n = 0;

	pki_fingerprint(w.c.signer, signer);
	ok(store_resets(w.site.store, w.uid, keep, &last, &w.e));
	assert_string_equal(last.state, state);
	if (!strstr(last.cause, why))
		fail_msg("'%s' instead of '%s'", last.cause, why);
	assert_int_equal(last.proof_len > 0, !enabled);
	ok(store_standing(w.site.store, w.uid, w.fingerprint, signer, &standing,
			  &w.e));
	assert_int_equal(standing.cert.enabled, enabled);
	ok(store_audits(w.site.store, count_proved, &n, &w.e));
	assert_int_equal(n, proved);
}

static void refused(enum lie lie, const char *why, int proved)
{
	int r = give_order(lie);

	if (r != -EKEYREJECTED && r != -EPROTO)
		fail_msg("lie %d: %d: %s instead of '%s'", lie, r, w.e.text,
			 why);
	recorded("failed", why, 1, proved);
}

static void a21_right_answer_is_kept_as_evidence(void **state)
{
	begin(state);
	ok(give_order(TRUTH));
	recorded("proved", "", 0, 1);
	end();
}

/* Each from a module with a living key that it could destroy. */
static void a21_answers_with_one_thing_wrong_are_refused(void **state)
{
	begin(state);
	ok(give_order(TRUTH)); /* the answer that is given once more */
	for (enum lie lie = TRUTH + 1; lie < LIES; lie++) {
		personalize();
		refused(lie, cause[lie], 1);
	}
	personalize();
	ok(give_order(TRUTH));
	recorded("proved", "", 0, 2);
	end();
}

/* The answer to an order that was lost, to the next one: the key is the same. */
static void a21_answer_to_another_order_is_refused(void **state)
{
	begin(state);
	assert_int_equal(give_order(LOST), -ECONNRESET);
	recorded("failed", "lost", 1, 0);
	refused(EARLIER_ANSWER, "challenge", 0);
	end();
}

/* Another TPM, with a module of the same maker: of itself, then as if it were this one. */
static void a21_answers_of_another_module_are_refused(void **state)
{
	uint8_t public[T2_MAX_PUBLIC];
	struct tpm_birth birth;

	begin(state);
	birth = w.birth;
	memcpy(public, birth.public_area, birth.public_len);
	birth.public_area = public;
	soft_module_end(&w.m);
	soft_module_init(&w.m, *state, "T-2");
	soft_module_birth(&w.m, certs_salt, certs_nonce, &w.birth);
	refused(TRUTH, "the destroyed key is not the key", 0);
	memcpy(w.m.uid, w.uid, sizeof(w.uid));
	w.birth = birth;
	refused(TRUTH, "not signed", 0);
	end();
}

int main(void)
{
#define CLEAN(t) cmocka_unit_test_teardown(t, tpm_fixture_clean)
	const struct CMUnitTest tests[] = {
		CLEAN(a21_right_answer_is_kept_as_evidence),
		CLEAN(a21_answers_with_one_thing_wrong_are_refused),
		CLEAN(a21_answer_to_another_order_is_refused),
		CLEAN(a21_answers_of_another_module_are_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("central_reset", tests,
					   tpm_fixture_start, tpm_fixture_stop);
}
