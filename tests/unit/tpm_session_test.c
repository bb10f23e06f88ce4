// SPDX-License-Identifier: GPL-2.0-only
/* Sessions with a live TPM: who is trusted, what is hidden, when a session ends. */
#include "tpm_fixture.h"

#include "tpm/command.h"

#define INDEX 0x01800110u
#define READ_WRITE                                               \
	(T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_OWNER_READ | \
	 T2_NV_OWNER_WRITE | T2_NV_NO_DA)

static const char secret[] = "0123456789abcdef0123456789abcdef";

/* Remembers what went over the wire. */
static u8 sent[T2_BUF_SIZE], received[T2_BUF_SIZE];
static size_t sent_len, received_len;
static unsigned int secrets; /* commands that had the secret in clear */

static int overhear(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	int n;

	memcpy(sent, buf, len);
	sent_len = len;
	secrets += !!memmem(buf, len, secret, 32);
	n = t2_socket_transmit(t, buf, len, size);
	received_len = n > 0 ? (size_t)n : 0;
	memcpy(received, buf, received_len);
	return n;
}

static bool on_the_wire(const u8 *wire, size_t len, const char *what)
{
	return memmem(wire, len, what, strlen(what));
}

static void nv_secret_is_hidden_both_ways(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_entity nv;
	struct t2_session s;
	u8 got[32];

	tpm_define(f, INDEX, READ_WRITE, 32, "auth", &nv);
	tpm_session(f, &s, T2_SE_HMAC, T2_SA_CONTINUE);
	nv.session = &s;
	f->t.transmit = overhear;
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, (const u8 *)secret, 32, 0));
	assert_true(on_the_wire(sent, sent_len, secret)); /* a sharp test */
	tpm_name_nv(f, &nv);
	s.attributes = FX_SALTED;
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, (const u8 *)secret, 32, 0));
	assert_false(on_the_wire(sent, sent_len, secret));
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0));
	assert_memory_equal(got, secret, 32);
	assert_false(on_the_wire(received, received_len, secret));
	s.attributes = T2_SA_CONTINUE;
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0));
	assert_true(on_the_wire(received, received_len, secret));
	t2_end_session(&f->t, &s);
	nv.session = NULL;
	tpm_undefine(f, &nv);
}

static void auth_of_new_key_is_hidden(void **state)
{
	const struct t2_ecc_template t = {
		.attributes = 0x00040472,
		.scheme = T2_ALG_ECDSA,
	};
	struct tpm_fixture *f = *state;
	struct tpm_key key;

	f->t.transmit = overhear;
	secrets = 0;
	tpm_make_key(f, &t, secret, &key);
	tpm_drop_key(f, &key);
	assert_int_equal(secrets, 0);
}

static void nonces_roll(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_session s, before;
	int i;

	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	f->t.guard = &s;
	for (i = 0; i < 3; i++) {
		u8 random[8];

		before = s;
		tpm_ok(f, t2_get_random(&f->t, random, sizeof(random)));
		assert_memory_not_equal(s.nonce_tpm, before.nonce_tpm, 32);
		assert_memory_not_equal(s.nonce_caller, before.nonce_caller,
					32);
	}
	t2_end_session(&f->t, &s);
}

static void wrong_auth_is_refused_and_session_stays(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_entity nv, wrong;
	struct t2_session s;
	u64 before;

	tpm_define(f, INDEX, READ_WRITE, 8, "auth", &nv);
	tpm_session(f, &s, T2_SE_HMAC, 0); /* would end on success */
	wrong = nv;
	wrong.auth = (const u8 *)"aut";
	wrong.auth_len = 3;
	wrong.session = &s;
	tpm_refused(f,
		    t2_nv_write(&f->t, &wrong, &nv, (const u8 *)"12345678", 8,
				0),
		    -EACCES, TPM2_RC_BAD_AUTH);
	assert_int_not_equal(s.handle, 0);
	nv.session = &s;
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, (const u8 *)"12345678", 8, 0));
	assert_int_equal(s.handle, 0);
	/* one that is used up does not reach the TPM */
	before = f->t.commands;
	assert_int_equal(t2_nv_write(&f->t, &nv, &nv, (const u8 *)"1", 1, 0),
			 -EINVAL);
	assert_int_equal(f->t.commands, before);
	nv.session = NULL;
	tpm_undefine(f, &nv);
}

static void trailing_zeros_of_auth_do_not_count(void **state)
{
	static const char auth[40] = "ends with zeros";
	struct tpm_fixture *f = *state;
	struct t2_entity nv;
	struct t2_session s;
	u8 got[8];

	tpm_define(f, INDEX, READ_WRITE, 8, auth, &nv);
	nv.auth_len = sizeof(auth);
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	nv.session = &s;
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, (const u8 *)"12345678", 8, 0));
	tpm_name_nv(f, &nv);
	nv.auth_len = 15;
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, 8, 0));
	assert_memory_equal(got, "12345678", 8);
	nv.auth_len = sizeof(auth);
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, 8, 0));
	t2_end_session(&f->t, &s);
	nv.session = NULL;
	nv.auth = (const u8 *)"one byte more than the digest has";
	nv.auth_len = 33;
	assert_int_equal(t2_nv_read(&f->t, &nv, &nv, got, 8, 0), -EINVAL);
	tpm_undefine(f, &nv);
}

static void unsalted_session_authorizes(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_entity nv, owner = f->owner;
	struct t2_session s;
	u8 got[8];

	tpm_define(f, INDEX, READ_WRITE, 8, "auth", &nv);
	tpm_ok(f,
	       t2_start_auth_session(&f->t, &s, T2_SE_HMAC, T2_RH_NULL, NULL));
	assert_int_equal(s.key_len, 0);
	s.attributes = FX_SALTED;
	nv.session = &s;
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, (const u8 *)"12345678", 8, 0));
	tpm_name_nv(f, &nv);
	/* no key at all: no HMAC either way */
	owner.session = &s;
	tpm_ok(f, t2_nv_read(&f->t, &owner, &nv, got, 8, 0));
	assert_memory_equal(got, "12345678", 8);
	t2_end_session(&f->t, &s);
	nv.session = NULL;
	tpm_undefine(f, &nv);
}

static void salt_needs_a_p256_key(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_public other = f->srk_public;
	struct t2_session s;

	other.data[1] = T2_ALG_RSA;
	assert_int_equal(t2_start_auth_session(&f->t, &s, T2_SE_HMAC, FX_SRK,
					       &other),
			 -EINVAL);
	assert_int_equal(s.handle, 0);
}

/* Somebody answers in the TPM's place with a key of their own. */
static void salt_to_another_key_gives_no_session(void **state)
{
	const struct t2_ecc_template t = { .attributes = 0x00030472,
					   .scheme = T2_ALG_NULL,
					   .storage = true };
	struct tpm_fixture *f = *state;
	struct t2_signature sig;
	struct t2_public other;
	struct t2_point point;
	struct t2_session s;
	u8 random[8];

	openssl_sign(&point, (const u8 *)secret, &sig);
	assert_int_equal(t2_public_ecc(&other, &t, &point), 0);
	tpm_ok(f, t2_start_auth_session(&f->t, &s, T2_SE_HMAC, FX_SRK, &other));
	f->t.guard = &s;
	tpm_refused(f, t2_get_random(&f->t, random, sizeof(random)), -EACCES,
		    TPM2_RC_BAD_AUTH);
	t2_end_session(&f->t, &s);
}

/* Two sessions that authorize and a third that encrypts: Part 1, 19.6.5. */
static void nonces_of_other_sessions_are_covered(void **state)
{
	static const u8 who[3][3] = {
		{ 0, 0, FX_SALTED },
		{ 0, T2_SA_DECRYPT, T2_SA_ENCRYPT },
		{ T2_SA_ENCRYPT, T2_SA_DECRYPT, 0 },
	};
	const struct t2_ecc_template t = { .attributes = 0x00050472,
					   .scheme = T2_ALG_ECDSA };
	struct tpm_fixture *f = *state;
	struct t2_session s[3];
	struct t2_signature sig;
	struct t2_attest attest;
	struct tpm_key key;
	struct t2_entity nv;
	size_t i, j;

	tpm_define(f, INDEX, READ_WRITE, 8, "auth", &nv);
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, (const u8 *)"12345678", 8, 0));
	tpm_name_nv(f, &nv);
	tpm_make_key(f, &t, "key", &key);
	for (j = 0; j < 3; j++)
		tpm_session(f, &s[j], T2_SE_HMAC, 0);
	for (i = 0; i < ARRAY_SIZE(who); i++) {
		for (j = 0; j < 3; j++)
			s[j].attributes = T2_SA_CONTINUE | who[i][j];
		key.e.session = &s[0];
		nv.session = &s[1];
		f->t.guard = &s[2];
		f->t.transmit = overhear;
		tpm_ok(f, t2_nv_certify(&f->t, &key.e, &nv, &nv,
					(const u8 *)"hello there", 11, 8, 0,
					&attest, &sig));
		assert_false(on_the_wire(sent, sent_len, "hello there"));
		assert_false(
			on_the_wire(received, received_len, "hello there"));
	}
	f->t.guard = NULL;
	for (j = 0; j < 3; j++)
		t2_end_session(&f->t, &s[j]);
	tpm_drop_key(f, &key);
	nv.session = NULL;
	tpm_undefine(f, &nv);
}

static void one_session_cannot_stand_twice(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_entity a = f->owner, b = f->owner;
	struct t2_signature sig;
	struct t2_attest attest;
	struct t2_session s;
	u64 before;

	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	a.session = &s;
	b.session = &s;
	before = f->t.commands;
	assert_int_equal(t2_nv_certify(&f->t, &a, &b, &b, NULL, 0, 8, 0,
				       &attest, &sig),
			 -EINVAL);
	assert_int_equal(f->t.commands, before);
	t2_end_session(&f->t, &s);
}

/* The guard goes with commands that encrypt nothing as an audit session. */
static void guard_covers_what_authorizes_nothing(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_session s;
	struct t2_public pub;
	struct t2_name name;
	u8 random[40];
	u32 value;

	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	f->t.guard = &s;
	f->t.transmit = overhear;
	tpm_ok(f, t2_get_random(&f->t, random, sizeof(random)));
	assert_int_equal(sent[1], T2_ST_SESSIONS & 0xff);
	assert_int_equal(sent[10 + 4 + 4 + 2 + 32],
			 T2_SA_CONTINUE | T2_SA_ENCRYPT);
	assert_null(memmem(received, received_len, random + 32, 8));
	tpm_ok(f, t2_stir_random(&f->t, (const u8 *)secret, 32));
	assert_false(on_the_wire(sent, sent_len, secret));
	tpm_ok(f, t2_get_property(&f->t, T2_PT_MANUFACTURER, &value));
	assert_int_equal(sent[10 + 4 + 4 + 2 + 32],
			 T2_SA_CONTINUE | T2_SA_AUDIT);
	assert_int_equal(value, 0x49424d00); /* "IBM" */
	/* whose name is asked for is not known yet: it cannot go along */
	tpm_ok(f, t2_read_public(&f->t, FX_SRK, &pub, &name));
	assert_int_equal(sent[1], T2_ST_NO_SESSIONS & 0xff);
	s.attributes = 0;
	tpm_ok(f, t2_stir_random(&f->t, (const u8 *)secret, 32));
	assert_int_equal(s.handle, 0);
	/* a guard that is used up is not just left away */
	assert_int_equal(t2_stir_random(&f->t, (const u8 *)secret, 32),
			 -EINVAL);
}

/* The guard may authorize as well; it stands there once. */
static void guard_that_authorizes(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_entity nv;
	struct t2_session s;

	tpm_define(f, INDEX, READ_WRITE, 8, "auth", &nv);
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	nv.session = &s;
	f->t.guard = &s;
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, (const u8 *)"12345678", 8, 0));
	t2_end_session(&f->t, &s);
	f->t.guard = NULL;
	nv.session = NULL;
	tpm_undefine(f, &nv);
}

/*
 * A policy that does not ask for the authValue: it keys no HMAC, but it does key the
 * encryption.
 */
static void policy_without_auth_value(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_nv_public pub = {
		.index = INDEX,
		.name_alg = T2_ALG_SHA256,
		.attributes = T2_NV_POLICY_READ | T2_NV_POLICY_WRITE |
			      T2_NV_NO_DA,
		.policy_len = 32,
		.size = 32,
	};
	struct t2_entity nv = { .handle = INDEX,
				.auth = (const u8 *)"auth",
				.auth_len = 4 };
	struct t2_session s;
	u8 got[32];

	assert_int_equal(t2_policy_digest_secret(pub.policy, &f->owner.name),
			 0);
	tpm_ok(f, t2_nv_define_space(&f->t, &f->owner, nv.auth, 4, &pub));
	tpm_session(f, &s, T2_SE_POLICY, FX_SALTED);
	nv.session = &s;
	f->t.transmit = overhear;
	secrets = 0;
	tpm_name_nv(f, &nv);
	tpm_ok(f, t2_policy_secret(&f->t, &s, &f->owner));
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, (const u8 *)secret, 32, 0));
	assert_int_equal(secrets, 0);
	tpm_name_nv(f, &nv);
	tpm_ok(f, t2_policy_secret(&f->t, &s, &f->owner));
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0));
	assert_memory_equal(got, secret, 32);
	assert_false(on_the_wire(received, received_len, secret));
	t2_end_session(&f->t, &s);
	nv.session = NULL;
	tpm_undefine(f, &nv);
}

static void session_that_vanished_is_reported(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_session s;
	u32 rc;

	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	tpm_ok(f, t2_flush_context(&f->t, s.handle));
	f->t.guard = &s;
	tpm_refused(f, t2_stir_random(&f->t, NULL, 0), -ENOENT,
		    TPM2_RC_REFERENCE_S0);
	rc = f->t.rc;
	t2_end_session(&f->t, &s); /* tolerates it, and keeps the cause */
	assert_int_equal(f->t.rc, rc);
	assert_int_equal(f->t.cc, T2_CC_STIR_RANDOM);
}

static void sessions_run_out(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_session s[4];
	int i;

	for (i = 0; i < 3; i++)
		tpm_session(f, &s[i], T2_SE_HMAC, FX_SALTED);
	tpm_refused(f,
		    t2_start_auth_session(&f->t, &s[3], T2_SE_HMAC, FX_SRK,
					  &f->srk_public),
		    -EBUSY, TPM2_RC_SESSION_MEMORY);
	for (i = 0; i < 4; i++)
		t2_end_session(&f->t, &s[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nv_secret_is_hidden_both_ways,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(auth_of_new_key_is_hidden,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(nonces_roll, tpm_fixture_clean),
		cmocka_unit_test_teardown(
			wrong_auth_is_refused_and_session_stays,
			tpm_fixture_clean),
		cmocka_unit_test_teardown(trailing_zeros_of_auth_do_not_count,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(unsalted_session_authorizes,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(salt_needs_a_p256_key,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(salt_to_another_key_gives_no_session,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(nonces_of_other_sessions_are_covered,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(one_session_cannot_stand_twice,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(guard_covers_what_authorizes_nothing,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(guard_that_authorizes,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(policy_without_auth_value,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(session_that_vanished_is_reported,
					  tpm_fixture_clean),
		cmocka_unit_test_teardown(sessions_run_out, tpm_fixture_clean),
	};

	return cmocka_run_group_tests_name("tpm session", tests,
					   tpm_fixture_start, tpm_fixture_stop);
}
