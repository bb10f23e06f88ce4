// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module key: good for one epoch and one authValue. What a reset erases, and
 * what it alone does not (a policy session that was passed before).
 */
#include "tpm_fixture.h"

#define COUNTER                                                   \
	(T2_NV_OWNER_READ | T2_NV_OWNER_WRITE | T2_NV_AUTH_READ | \
	 T2_NV_AUTH_WRITE | T2_NV_NO_DA | T2_NV_TYPE_COUNTER)
#define MODULE_KEY                                                   \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT |                    \
	 T2_OBJ_SENSITIVE_DATA_ORIGIN | T2_OBJ_NO_DA | T2_OBJ_SIGN | \
	 T2_OBJ_DECRYPT)

static const u8 digest[32] = "what is signed";

struct module {
	struct t2_entity epoch;
	u8 value[8];
	u8 policy[32];
	struct tpm_key key;
};

static u64 read_epoch(struct tpm_fixture *f, struct module *m)
{
	struct t2_writer w;
	u64 value;

	tpm_ok(f, t2_nv_read_counter(&f->t, &f->owner, &m->epoch, &value));
	t2_writer_init(&w, m->value, 8);
	t2_put_u64(&w, value);
	return value;
}

static void make_module(struct tpm_fixture *f, struct module *m)
{
	const struct t2_ecc_template t = { .attributes = MODULE_KEY,
					   .scheme = T2_ALG_NULL,
					   .policy = m->policy };
	u64 value;

	memset(m, 0, sizeof(*m));
	tpm_define(f, FX_EPOCH, COUNTER, 8, "", &m->epoch);
	tpm_refused(f, t2_nv_read_counter(&f->t, &f->owner, &m->epoch, &value),
		    -ENODATA, T2_RC_NV_UNINITIALIZED);
	tpm_ok(f, t2_nv_increment(&f->t, &f->owner, &m->epoch));
	tpm_name_nv(f, &m->epoch);
	read_epoch(f, m);
	tpm_ok(f, t2_policy_digest_nv(m->policy, &m->epoch.name, m->value, 8, 0,
				      T2_EO_EQ));
	tpm_ok(f, t2_policy_digest_auth_value(m->policy));
	tpm_make_key(f, &t, "auth of the module key", &m->key);
}

static void drop_module(struct tpm_fixture *f, struct module *m)
{
	tpm_drop_key(f, &m->key);
	tpm_undefine(f, &m->epoch);
}

/* A salted policy session for the key, PolicyNV passed. */
static int begin(struct tpm_fixture *f, struct module *m, struct t2_session *s)
{
	tpm_session(f, s, T2_SE_POLICY, FX_SALTED & ~T2_SA_CONTINUE);
	return t2_policy_nv(&f->t, s, &f->owner, &m->epoch, m->value, 8, 0,
			    T2_EO_EQ);
}

static int sign(struct tpm_fixture *f, struct module *m, struct t2_session *s,
		struct t2_signature *sig)
{
	m->key.e.session = s;
	return t2_sign(&f->t, &m->key.e, T2_ALG_SHA256, digest, 32, NULL, sig);
}

static void signs_under_its_policy(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_signature sig;
	struct t2_session s;
	struct module m;
	u8 got[32];

	make_module(f, &m);
	tpm_ok(f, begin(f, &m, &s));
	tpm_ok(f, t2_policy_auth_value(&f->t, &s));
	tpm_ok(f, t2_policy_get_digest(&f->t, &s, got));
	assert_memory_equal(got, m.policy, 32);
	tpm_ok(f, sign(f, &m, &s, &sig));
	assert_int_equal(s.handle, 0);
	assert_true(openssl_verifies(&m.key.point, digest, &sig));
	sig.r[31] ^= 1;
	assert_false(openssl_verifies(&m.key.point, digest, &sig));
	drop_module(f, &m);
}

/* With continueSession the policy starts anew, the session's key stays. */
static void session_that_continues_has_to_pass_again(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_signature sig;
	struct t2_session s;
	struct module m;
	int i;

	make_module(f, &m);
	tpm_session(f, &s, T2_SE_POLICY, FX_SALTED);
	for (i = 0; i < 2; i++) {
		tpm_refused(f, sign(f, &m, &s, &sig), -EACCES,
			    TPM2_RC_POLICY_FAIL);
		tpm_ok(f, t2_policy_nv(&f->t, &s, &f->owner, &m.epoch, m.value,
				       8, 0, T2_EO_EQ));
		tpm_ok(f, t2_policy_auth_value(&f->t, &s));
		tpm_ok(f, sign(f, &m, &s, &sig));
		assert_false(s.auth_value);
	}
	t2_end_session(&f->t, &s);
	drop_module(f, &m);
}

static void wrong_auth_is_refused(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_signature sig;
	struct t2_session s;
	struct module m;

	make_module(f, &m);
	m.key.e.auth = (const u8 *)"another auth";
	m.key.e.auth_len = 12;
	tpm_ok(f, begin(f, &m, &s));
	tpm_ok(f, t2_policy_auth_value(&f->t, &s));
	/* the key has noDA: BAD_AUTH, which does not count */
	tpm_refused(f, sign(f, &m, &s, &sig), -EACCES, TPM2_RC_BAD_AUTH);
	t2_end_session(&f->t, &s);
	drop_module(f, &m);
}

static void nothing_less_than_the_policy_will_do(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_signature sig;
	struct t2_session s;
	struct module m;

	make_module(f, &m);
	tpm_refused(f, sign(f, &m, NULL, &sig), -EACCES,
		    T2_RC_AUTH_UNAVAILABLE);
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	tpm_refused(f, sign(f, &m, &s, &sig), -EACCES, T2_RC_AUTH_UNAVAILABLE);
	t2_end_session(&f->t, &s);
	tpm_ok(f, begin(f, &m, &s)); /* PolicyAuthValue is missing */
	tpm_refused(f, sign(f, &m, &s, &sig), -EACCES, T2_RC_POLICY_FAIL);
	t2_end_session(&f->t, &s);
	tpm_session(f, &s, T2_SE_POLICY, FX_SALTED); /* PolicyNV is missing */
	tpm_ok(f, t2_policy_auth_value(&f->t, &s));
	tpm_refused(f, sign(f, &m, &s, &sig), -EACCES, T2_RC_POLICY_FAIL);
	t2_end_session(&f->t, &s);
	drop_module(f, &m);
}

static void increment_ends_the_key(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_signature sig;
	struct t2_session s;
	struct module m;
	u64 before;

	make_module(f, &m);
	before = read_epoch(f, &m);
	tpm_ok(f, t2_nv_increment(&f->t, &f->owner, &m.epoch));
	tpm_refused(f, begin(f, &m, &s), -EACCES, T2_RC_POLICY);
	t2_end_session(&f->t, &s);
	assert_true(read_epoch(f, &m) == before + 1);
	tpm_ok(f, begin(f, &m, &s)); /* true, but not what the key wants */
	tpm_ok(f, t2_policy_auth_value(&f->t, &s));
	tpm_refused(f, sign(f, &m, &s, &sig), -EACCES, T2_RC_POLICY_FAIL);
	t2_end_session(&f->t, &s);
	drop_module(f, &m);
}

static void redefined_counter_does_not_go_back(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_session s;
	struct module m;
	u64 before;

	make_module(f, &m);
	before = read_epoch(f, &m);
	tpm_undefine(f, &m.epoch);
	tpm_define(f, FX_EPOCH, COUNTER, 8, "", &m.epoch);
	tpm_ok(f, t2_nv_increment(&f->t, &f->owner, &m.epoch));
	tpm_name_nv(f, &m.epoch);
	tpm_refused(f, begin(f, &m, &s), -EACCES, T2_RC_POLICY);
	t2_end_session(&f->t, &s);
	assert_true(read_epoch(f, &m) > before);
	drop_module(f, &m);
}

/*
 * PolicyNV looks at the counter when it is called. A session that passed it before
 * the increment signs after it: so none may outlive the locked sequence it was made
 * for, and a reset wipes the authValue.
 */
static void session_passed_before_increment_still_signs(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_signature sig;
	struct t2_session s;
	struct module m;

	make_module(f, &m);
	tpm_ok(f, begin(f, &m, &s));
	tpm_ok(f, t2_policy_auth_value(&f->t, &s));
	tpm_ok(f, t2_nv_increment(&f->t, &f->owner, &m.epoch));
	tpm_ok(f, sign(f, &m, &s, &sig));
	assert_true(openssl_verifies(&m.key.point, digest, &sig));
	drop_module(f, &m);
}

static void key_agreement_is_that_of_openssl(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_point own, shared;
	struct t2_session s;
	struct module m;
	u8 x[32];

	make_module(f, &m);
	tpm_ok(f, t2_ecdh_p256(&m.key.point, &own, x));
	tpm_ok(f, begin(f, &m, &s));
	tpm_ok(f, t2_policy_auth_value(&f->t, &s));
	m.key.e.session = &s;
	tpm_ok(f, t2_ecdh_zgen(&f->t, &m.key.e, &own, &shared));
	assert_memory_equal(shared.x, x, 32);
	/* a point that is not on the curve */
	tpm_ok(f, begin(f, &m, &s));
	tpm_ok(f, t2_policy_auth_value(&f->t, &s));
	own.y[31] ^= 1;
	tpm_refused(f, t2_ecdh_zgen(&f->t, &m.key.e, &own, &shared), -EINVAL,
		    TPM2_RC_ECC_POINT);
	t2_end_session(&f->t, &s);
	drop_module(f, &m);
}

static void altered_key_does_not_load(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_entity parent = f->srk;
	struct t2_public pub;
	struct module m;
	u32 handle;

	make_module(f, &m);
	m.key.made.priv.data[m.key.made.priv.len - 1] ^= 1;
	tpm_refused(f,
		    t2_load(&f->t, &parent, &m.key.made.priv, &m.key.made.pub,
			    &handle),
		    -EBADMSG, TPM2_RC_INTEGRITY);
	m.key.made.priv.data[m.key.made.priv.len - 1] ^= 1;
	pub = m.key.made.pub;
	pub.data[10] ^= 1; /* of the policy */
	tpm_refused(f, t2_load(&f->t, &parent, &m.key.made.priv, &pub, &handle),
		    -EBADMSG, TPM2_RC_INTEGRITY);
	drop_module(f, &m);
}

#define TEST(name) cmocka_unit_test_teardown(name, tpm_fixture_clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(signs_under_its_policy),
		TEST(session_that_continues_has_to_pass_again),
		TEST(wrong_auth_is_refused),
		TEST(nothing_less_than_the_policy_will_do),
		TEST(increment_ends_the_key),
		TEST(redefined_counter_does_not_go_back),
		TEST(session_passed_before_increment_still_signs),
		TEST(key_agreement_is_that_of_openssl),
		TEST(altered_key_does_not_load),
	};

	return cmocka_run_group_tests_name("tpm module key", tests,
					   tpm_fixture_start, tpm_fixture_stop);
}
