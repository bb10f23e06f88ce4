// SPDX-License-Identifier: GPL-2.0-only
/* Credentials made in software: a TPM is the judge of them. */
#include "soft_module.h"

#include <errno.h>
#include <tss2/tss2_tpm2_types.h>

static const uint8_t secret[32] = "the manufacturer's secret";

struct credential {
	uint8_t blob[256], enc[512];
	size_t blob_len, enc_len;
};

static void make(const struct t2_public *ek, const struct t2_public *identity,
		 size_t len, struct credential *c)
{
	struct error e;

	if (tpm_make_credential(ek->data, ek->len, identity->data,
				identity->len, secret, len, c->blob,
				&c->blob_len, c->enc, &c->enc_len, &e))
		fail_msg("%s", e.text);
}

static int activate(struct soft_module *m, struct t2_entity *ek,
		    const struct credential *c, uint8_t info[64], size_t *len)
{
	return soft_module_activate(m, ek, c->blob, c->blob_len, c->enc,
				    c->enc_len, info, len);
}

static void activated_by_its_tpm(struct tpm_fixture *f, bool rsa)
{
	static const size_t sizes[] = { 1, 16, 31, 32 };
	struct soft_module m;
	struct credential c;
	struct t2_entity ek;
	struct t2_public pub;
	uint8_t info[64];
	size_t i, len;

	soft_module_init(&m, f, "T-1");
	soft_module_ek(&m, rsa, &ek, &pub);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make(&pub, &m.identity.made.pub, sizes[i], &c);
		tpm_ok(f, activate(&m, &ek, &c, info, &len));
		assert_int_equal(len, sizes[i]);
		assert_memory_equal(info, secret, len);
	}
	tpm_ok(f, t2_flush_context(&f->t, ek.handle));
	soft_module_end(&m);
}

static void ecc_ek_activates(void **state)
{
	activated_by_its_tpm(*state, false);
}

static void rsa_ek_activates(void **state)
{
	activated_by_its_tpm(*state, true);
}

static void another_key_does_not_activate(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_public pub, other;
	struct soft_module m;
	struct credential c;
	struct t2_entity ek;
	uint8_t info[64];
	size_t len;

	soft_module_init(&m, f, "T-1");
	soft_module_ek(&m, false, &ek, &pub);
	/* for an identity key that is not in this TPM */
	other = m.identity.made.pub;
	other.data[other.len - 1] ^= 1;
	make(&pub, &other, 32, &c);
	assert_true(activate(&m, &ek, &c, info, &len) < 0);
	/* the seed or the secret was changed on the way */
	make(&pub, &m.identity.made.pub, 32, &c);
	c.enc[10] ^= 1;
	assert_true(activate(&m, &ek, &c, info, &len) < 0);
	make(&pub, &m.identity.made.pub, 32, &c);
	c.blob[40] ^= 1;
	assert_true(activate(&m, &ek, &c, info, &len) < 0);
	tpm_ok(f, t2_flush_context(&f->t, ek.handle));
	soft_module_end(&m);
}

static void only_endorsement_keys_are_taken(void **state)
{
	struct tpm_fixture *f = *state;
	struct soft_module m;
	struct credential c;
	struct error e;

	soft_module_init(&m, f, "T-1");
	/* a signing key cannot decrypt a credential */
	assert_int_equal(tpm_make_credential(m.identity.made.pub.data,
					     m.identity.made.pub.len,
					     m.identity.made.pub.data,
					     m.identity.made.pub.len, secret,
					     32, c.blob, &c.blob_len, c.enc,
					     &c.enc_len, &e),
			 -EKEYREJECTED);
	assert_int_equal(
		tpm_make_credential(f->srk_public.data, f->srk_public.len - 1,
				    f->srk_public.data, f->srk_public.len,
				    secret, 32, c.blob, &c.blob_len, c.enc,
				    &c.enc_len, &e),
		-EBADMSG);
	assert_int_equal(
		tpm_make_credential(f->srk_public.data, f->srk_public.len,
				    f->srk_public.data, f->srk_public.len,
				    secret, 33, c.blob, &c.blob_len, c.enc,
				    &c.enc_len, &e),
		-EINVAL);
	soft_module_end(&m);
}

static void secrets_differ_each_time(void **state)
{
	struct tpm_fixture *f = *state;
	struct credential a, b;
	struct soft_module m;
	struct t2_entity ek;
	struct t2_public pub;

	soft_module_init(&m, f, "T-1");
	soft_module_ek(&m, false, &ek, &pub);
	make(&pub, &m.identity.made.pub, 32, &a);
	make(&pub, &m.identity.made.pub, 32, &b);
	assert_int_equal(a.blob_len, b.blob_len);
	assert_memory_not_equal(a.blob, b.blob, a.blob_len);
	assert_memory_not_equal(a.enc, b.enc, a.enc_len);
	tpm_ok(f, t2_flush_context(&f->t, ek.handle));
	soft_module_end(&m);
}

static void identity_keys_are_told_from_others(void **state)
{
	static const u32 lacking[] = {
		T2_OBJ_RESTRICTED,
		T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT,
	};
	struct tpm_fixture *f = *state;
	struct t2_ecc_template t = { .scheme = T2_ALG_ECDSA };
	struct soft_module m;
	struct tpm_key key;
	struct error e;
	size_t i;

	soft_module_init(&m, f, "T-1");
	assert_int_equal(tpm_check_identity(m.identity.made.pub.data,
					    m.identity.made.pub.len, &e),
			 0);
	assert_int_equal(tpm_check_identity(m.identity.made.pub.data,
					    m.identity.made.pub.len - 1, &e),
			 -EBADMSG);
	for (i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
		t.attributes = T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT |
			       T2_OBJ_SENSITIVE_DATA_ORIGIN |
			       T2_OBJ_USER_WITH_AUTH | T2_OBJ_NO_DA |
			       T2_OBJ_SIGN | T2_OBJ_RESTRICTED;
		t.attributes &= ~lacking[i];
		tpm_make_key(f, &t, "", &key);
		assert_int_equal(tpm_check_identity(key.made.pub.data,
						    key.made.pub.len, &e),
				 -EKEYREJECTED);
		tpm_drop_key(f, &key);
	}
	assert_int_equal(tpm_check_identity(f->srk_public.data,
					    f->srk_public.len, &e),
			 -EKEYREJECTED);
	soft_module_end(&m);
}

/* TPMT_PUBLIC of an ECDSA key: type, nameAlg, attributes, no policy, no symmetric ... */
enum { AT_NAME_ALG = 3, AT_HASH = 15, AT_CURVE = 17, AT_X_SIZE = 21, AT_X };

static void public_is(const uint8_t *pub, size_t len, int err, const char *text)
{
	struct error e = { "" };
	int ret = tpm_check_identity(pub, len, &e);

	if (ret != err || !strstr(e.text, text))
		fail_msg("returned %d '%s' instead of %d '%s'", ret, e.text,
			 err, text);
}

static void public_areas_are_read_strictly(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *text;
	} changes[] = {
		{ AT_NAME_ALG, TPM2_ALG_SHA384, "not named with SHA-256" },
		{ AT_CURVE, TPM2_ECC_NIST_P384, "not a P-256 key" },
		{ AT_HASH, TPM2_ALG_SHA384, "ECDSA and SHA-256" },
	};
	struct soft_module m;
	const struct t2_public *was = &m.identity.made.pub;
	uint8_t pub[T2_MAX_PUBLIC + 1];
	size_t i;

	soft_module_init(&m, *state, "T-1");
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(pub, was->data, was->len);
		pub[changes[i].at] = changes[i].value;
		public_is(pub, was->len, -EKEYREJECTED, changes[i].text);
	}
	/* a point that is not on the curve, a coordinate of 33 bytes */
	memcpy(pub, was->data, was->len);
	pub[was->len - 1] ^= 1;
	public_is(pub, was->len, -EBADMSG, "no point");
	memcpy(pub, was->data, AT_X);
	pub[AT_X_SIZE] = 33;
	pub[AT_X] = 0;
	memcpy(pub + AT_X + 1, was->data + AT_X, was->len - AT_X);
	public_is(pub, was->len + 1, -EBADMSG, "no point");
	soft_module_end(&m);
}

int main(void)
{
#define CLEAN(t) cmocka_unit_test_teardown(t, tpm_fixture_clean)
	const struct CMUnitTest tests[] = {
		CLEAN(ecc_ek_activates),
		CLEAN(rsa_ek_activates),
		CLEAN(another_key_does_not_activate),
		CLEAN(only_endorsement_keys_are_taken),
		CLEAN(secrets_differ_each_time),
		CLEAN(identity_keys_are_told_from_others),
		CLEAN(public_areas_are_read_strictly),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("credential", tests,
					   tpm_fixture_start, tpm_fixture_stop);
}
