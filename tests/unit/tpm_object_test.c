// SPDX-License-Identifier: GPL-2.0-only
/* Keys in a live TPM, beside ESAPI: names, slots, persistence, verification. */
#include "tpm_fixture.h"

#define PERSISTENT 0x81010100u

static const u8 digest[32] = "what is signed";

static ESYS_TR esys_handle(struct tpm_fixture *f, u32 handle)
{
	ESYS_TR tr;

	assert_int_equal(Esys_TR_FromTPMPublic(f->esys, handle, ESYS_TR_NONE,
					       ESYS_TR_NONE, ESYS_TR_NONE, &tr),
			 0);
	return tr;
}

static void name_is_that_of_esapi(void **state)
{
	struct tpm_fixture *f = *state;
	TPM2B_NAME *want;
	struct t2_public pub;
	struct t2_name name;
	ESYS_TR tr = esys_handle(f, FX_SRK);

	assert_int_equal(Esys_TR_GetName(f->esys, tr, &want), 0);
	tpm_ok(f, t2_read_public(&f->t, FX_SRK, &pub, &name));
	assert_int_equal(name.len, want->size);
	assert_memory_equal(name.data, want->name, want->size);
	assert_int_equal(pub.len, f->srk_public.len);
	assert_memory_equal(pub.data, f->srk_public.data, pub.len);
	Esys_Free(want);
	Esys_TR_Close(f->esys, &tr);
}

/* A foreign occupant: read without failing, told from a P-256 key. */
static void foreign_keys_are_read(void **state)
{
	static const TPM2B_SENSITIVE_CREATE none;
	static const TPM2B_DATA outside;
	static const TPML_PCR_SELECTION pcrs;
	struct tpm_fixture *f = *state;
	TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_RSA,
			.nameAlg = TPM2_ALG_SHA384,
			.objectAttributes = 0x00040072,
			.parameters.rsaDetail = {
				.symmetric.algorithm = TPM2_ALG_NULL,
				.scheme.scheme = TPM2_ALG_NULL,
				.keyBits = 2048,
			},
		},
	};
	struct t2_ecc_template t;
	struct t2_public pub;
	struct t2_point point;
	struct t2_name name;
	ESYS_TR tr;
	int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(Esys_CreatePrimary(f->esys, ESYS_TR_RH_OWNER,
						    ESYS_TR_PASSWORD,
						    ESYS_TR_NONE, ESYS_TR_NONE,
						    &none, &template, &outside,
						    &pcrs, &tr, NULL, NULL,
						    NULL, NULL),
				 0);
		tpm_ok(f, t2_read_public(&f->t, 0x80000000, &pub, &name));
		assert_int_equal(name.len, i ? 34 : 0);
		assert_int_equal(t2_public_parse_ecc(&pub, &t, &point),
				 -EINVAL);
		assert_int_equal(Esys_FlushContext(f->esys, tr), 0);
		template.publicArea.nameAlg = TPM2_ALG_SHA256;
	}
}

static void nothing_there_is_enoent(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_public pub;
	struct t2_name name;

	tpm_refused(f, t2_read_public(&f->t, PERSISTENT, &pub, &name), -ENOENT,
		    T2_RC_HANDLE);
	tpm_refused(f, t2_read_public(&f->t, 0x80000000, &pub, &name), -ENOENT,
		    T2_RC_REFERENCE_H0);
	tpm_refused(f, t2_flush_context(&f->t, 0x80000000), -ENOENT,
		    T2_RC_HANDLE);
}

static const struct t2_ecc_template signer = {
	.attributes = T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT |
		      T2_OBJ_SENSITIVE_DATA_ORIGIN | T2_OBJ_USER_WITH_AUTH |
		      T2_OBJ_NO_DA | T2_OBJ_SIGN,
	.scheme = T2_ALG_ECDSA,
};

static void persistent_key_stays(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_signature sig;
	struct t2_public pub;
	struct t2_entity kept;
	struct tpm_key key;
	struct t2_name name;
	u32 handles[4];
	size_t count = ARRAY_SIZE(handles);

	tpm_make_key(f, &signer, "auth", &key);
	tpm_ok(f, t2_evict_control(&f->t, &f->owner, &key.e, PERSISTENT));
	tpm_refused(f, t2_evict_control(&f->t, &f->owner, &key.e, PERSISTENT),
		    -EEXIST, T2_RC_NV_DEFINED);
	tpm_drop_key(f, &key);
	tpm_ok(f, t2_get_handles(&f->t, 0x81000000, handles, &count));
	assert_int_equal(count, 2);
	assert_int_equal(handles[0], FX_SRK);
	assert_int_equal(handles[1], PERSISTENT);
	count = 1;
	tpm_ok(f, t2_get_handles(&f->t, 0x81000002, handles, &count));
	assert_int_equal(count, 1);
	assert_int_equal(handles[0], PERSISTENT);
	tpm_power_cycle(f);
	tpm_ok(f, t2_read_public(&f->t, PERSISTENT, &pub, &name));
	assert_memory_equal(name.data, key.e.name.data, 34);
	kept = key.e;
	kept.handle = PERSISTENT;
	tpm_ok(f, t2_sign(&f->t, &kept, T2_ALG_SHA256, digest, 32, NULL, &sig));
	assert_true(openssl_verifies(&key.point, digest, &sig));
	kept.auth_len = 3;
	tpm_refused(
		f, t2_sign(&f->t, &kept, T2_ALG_SHA256, digest, 32, NULL, &sig),
		-EACCES, TPM2_RC_BAD_AUTH);
	tpm_ok(f, t2_evict_control(&f->t, &f->owner, &kept, PERSISTENT));
	assert_int_equal(t2_read_public(&f->t, PERSISTENT, &pub, &name),
			 -ENOENT);
}

static void slots_run_out(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_public pub;
	struct tpm_key key;
	u32 handle[3];
	int i;

	tpm_make_key(f, &signer, "auth", &key);
	pub = key.made.pub;
	for (i = 0; i < 2; i++)
		tpm_ok(f, t2_load_external(&f->t, &pub, &handle[i]));
	tpm_refused(f, t2_load_external(&f->t, &pub, &handle[2]), -EBUSY,
		    T2_RC_OBJECT_MEMORY);
	assert_int_equal(handle[2], 0);
	for (i = 0; i < 2; i++)
		tpm_ok(f, t2_flush_context(&f->t, handle[i]));
	tpm_drop_key(f, &key);
}

static const struct t2_ecc_template external = {
	.attributes = T2_OBJ_SIGN | T2_OBJ_USER_WITH_AUTH,
	.scheme = T2_ALG_ECDSA,
};

static void verifies_signatures_of_others(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_signature sig;
	struct t2_public pub;
	struct t2_point point;
	struct t2_session s;
	u8 other[32] = "what was not signed";
	u32 handle;
	int i;

	openssl_sign(&point, digest, &sig);
	assert_int_equal(t2_public_ecc(&pub, &external, &point), 0);
	tpm_ok(f, t2_load_external(&f->t, &pub, &handle));
	tpm_ok(f, t2_verify_signature(&f->t, handle, digest, 32, &sig));
	tpm_refused(f, t2_verify_signature(&f->t, handle, other, 32, &sig),
		    -EKEYREJECTED, T2_RC_SIGNATURE);
	tpm_ok(f, t2_flush_context(&f->t, handle));
	/* all in one, without and with the guard */
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	for (i = 0; i < 2; i++) {
		tpm_ok(f, t2_verify(&f->t, &pub, digest, 32, &sig));
		tpm_refused(f, t2_verify(&f->t, &pub, other, 32, &sig),
			    -EKEYREJECTED, T2_RC_SIGNATURE);
		sig.s[0] ^= 1;
		tpm_refused(f, t2_verify(&f->t, &pub, digest, 32, &sig),
			    -EKEYREJECTED, T2_RC_SIGNATURE);
		sig.s[0] ^= 1;
		f->t.guard = &s;
	}
	/* a point that is not on the curve is no key */
	point.y[31] ^= 1;
	assert_int_equal(t2_public_ecc(&pub, &external, &point), 0);
	tpm_refused(f, t2_verify(&f->t, &pub, digest, 32, &sig), -EINVAL,
		    TPM2_RC_ECC_POINT);
	t2_end_session(&f->t, &s);
}

/* The identity key signs no digest but one the TPM has made itself. */
static void restricted_key_wants_a_ticket(void **state)
{
	const struct t2_ecc_template t = {
		.attributes = signer.attributes | T2_OBJ_RESTRICTED,
		.scheme = T2_ALG_ECDSA,
	};
	static const u8 text[] = "a statement", forged[] = "\xffTCG forged";
	struct tpm_fixture *f = *state;
	struct t2_ticket ticket, none;
	struct t2_signature sig;
	struct tpm_key key;
	u8 want[32], got[32];

	tpm_make_key(f, &t, "auth", &key);
	tpm_ok(f,
	       t2_hash(&f->t, text, sizeof(text), T2_RH_OWNER, got, &ticket));
	openssl_sha256(text, sizeof(text), want);
	assert_memory_equal(got, want, 32);
	tpm_ok(f,
	       t2_sign(&f->t, &key.e, T2_ALG_SHA256, got, 32, &ticket, &sig));
	assert_true(openssl_verifies(&key.point, want, &sig));
	tpm_refused(f,
		    t2_sign(&f->t, &key.e, T2_ALG_SHA256, got, 32, NULL, &sig),
		    -EINVAL, TPM2_RC_TICKET);
	got[0] ^= 1;
	tpm_refused(f,
		    t2_sign(&f->t, &key.e, T2_ALG_SHA256, got, 32, &ticket,
			    &sig),
		    -EINVAL, TPM2_RC_TICKET);
	tpm_ok(f,
	       t2_hash(&f->t, forged, sizeof(forged), T2_RH_OWNER, got, &none));
	assert_int_equal(none.len, 0);
	tpm_refused(f,
		    t2_sign(&f->t, &key.e, T2_ALG_SHA256, got, 32, &none, &sig),
		    -EINVAL, TPM2_RC_TICKET);
	tpm_drop_key(f, &key);
}

static void properties_are_those_of_esapi(void **state)
{
	struct tpm_fixture *f = *state;
	TPMS_CAPABILITY_DATA *data;
	TPML_TAGGED_TPM_PROPERTY *p;
	TPMI_YES_NO more;
	size_t i;
	u32 value;

	assert_int_equal(Esys_GetCapability(f->esys, ESYS_TR_NONE, ESYS_TR_NONE,
					    ESYS_TR_NONE,
					    TPM2_CAP_TPM_PROPERTIES,
					    TPM2_PT_FIXED, 100, &more, &data),
			 0);
	p = &data->data.tpmProperties;
	assert_true(p->count > 20);
	for (i = 0; i < p->count; i++) {
		tpm_ok(f, t2_get_property(&f->t, p->tpmProperty[i].property,
					  &value));
		assert_int_equal(value, p->tpmProperty[i].value);
	}
	Esys_Free(data);
	assert_int_equal(t2_get_property(&f->t, 0x1ff, &value), -ENOENT);
	assert_int_equal(t2_get_property(&f->t, 0x7fffffff, &value), -ENOENT);
}

static void random_has_any_length(void **state)
{
	struct tpm_fixture *f = *state;
	u8 a[100] = { 0 }, b[100] = { 0 };

	tpm_ok(f, t2_stir_random(&f->t, (const u8 *)"salt", 4));
	tpm_ok(f, t2_get_random(&f->t, a, 99));
	tpm_ok(f, t2_get_random(&f->t, b, 99));
	assert_memory_not_equal(a, b, 99);
	assert_memory_not_equal(a + 64, a + 32, 32);
	assert_int_equal(a[99], 0);
	assert_true(a[97] || a[98] || b[97] || b[98]);
}

static void too_much_is_refused_here(void **state)
{
	struct tpm_fixture *f = *state;
	static u8 big[T2_BUF_SIZE];
	u64 before = f->t.commands;

	assert_int_equal(t2_stir_random(&f->t, big, sizeof(big)), -EMSGSIZE);
	assert_int_equal(f->t.commands, before);
	tpm_refused(f, t2_stir_random(&f->t, big, 200), -EINVAL, TPM2_RC_SIZE);
}

#define TEST(name) cmocka_unit_test_teardown(name, tpm_fixture_clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(name_is_that_of_esapi),
		TEST(foreign_keys_are_read),
		TEST(nothing_there_is_enoent),
		TEST(persistent_key_stays),
		TEST(slots_run_out),
		TEST(verifies_signatures_of_others),
		TEST(restricted_key_wants_a_ticket),
		TEST(properties_are_those_of_esapi),
		TEST(random_has_any_length),
		TEST(too_much_is_refused_here),
	};

	return cmocka_run_group_tests_name("tpm object", tests,
					   tpm_fixture_start, tpm_fixture_stop);
}
