// SPDX-License-Identifier: GPL-2.0-only
/* NV indices and policies in a live TPM: the root secret, counters, PolicyPCR. */
#include "tpm_fixture.h"

#define ROOT                                                \
	(T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_NO_DA | \
	 T2_NV_READ_STCLEAR | T2_NV_WRITE_DEFINE)
#define INDEX 0x01800120u

static const u8 secret[] = "0123456789abcdef0123456789abcdef";

static void root_secret_is_read_once(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_nv_public pub;
	struct t2_session s;
	struct t2_entity nv;
	u8 got[32];
	int i;

	tpm_define(f, FX_ROOT, ROOT, 32, "root auth", &nv);
	tpm_refused(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0), -ENODATA,
		    T2_RC_NV_UNINITIALIZED);
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED & ~T2_SA_CONTINUE);
	nv.session = &s;
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, secret, 32, 0));
	for (i = 0; i < 2; i++) {
		tpm_name_nv(f, &nv);
		tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
		tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0));
		assert_memory_equal(got, secret, 32);
		tpm_ok(f, t2_nv_read_lock(&f->t, &nv, &nv));
		/* the lock is an attribute, and so part of the name */
		tpm_refused(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0), -EACCES,
			    TPM2_RC_BAD_AUTH);
		tpm_ok(f, t2_nv_read_public(&f->t, FX_ROOT, &pub, &nv.name));
		assert_true(pub.attributes & T2_NV_READ_LOCKED);
		tpm_refused(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0), -EPERM,
			    T2_RC_NV_LOCKED);
		s.attributes = 0;
		tpm_ok(f, t2_nv_read_lock(&f->t, &nv, &nv));
		tpm_power_cycle(f);
	}
	nv.session = NULL;
	tpm_undefine(f, &nv);
}

static void counter_goes_up_by_one(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_entity nv;
	u64 first, value, i;

	tpm_define(f, INDEX,
		   T2_NV_TYPE_COUNTER | T2_NV_AUTH_READ | T2_NV_AUTH_WRITE |
			   T2_NV_OWNER_READ | T2_NV_NO_DA,
		   8, "auth", &nv);
	assert_int_equal(t2_nv_read_counter(&f->t, &nv, &nv, &first), -ENODATA);
	tpm_ok(f, t2_nv_increment(&f->t, &nv, &nv));
	tpm_name_nv(f, &nv);
	tpm_ok(f, t2_nv_read_counter(&f->t, &nv, &nv, &first));
	for (i = 1; i < 300; i++)
		tpm_ok(f, t2_nv_increment(&f->t, &nv, &nv));
	tpm_ok(f, t2_nv_read_counter(&f->t, &f->owner, &nv, &value));
	assert_true(value == first + 299);
	tpm_refused(f, t2_nv_increment(&f->t, &f->owner, &nv), -EACCES,
		    TPM2_RC_NV_AUTHORIZATION);
	tpm_undefine(f, &nv);
}

static void index_is_probed(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_nv_public pub;
	struct t2_name name;
	struct t2_entity nv;
	u8 got[8];

	tpm_refused(f, t2_nv_read_public(&f->t, INDEX, &pub, &name), -ENOENT,
		    T2_RC_HANDLE);
	tpm_define(f, INDEX, T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_NO_DA,
		   8, "auth", &nv);
	pub = (struct t2_nv_public){
		.index = INDEX,
		.name_alg = T2_ALG_SHA256,
		.attributes = T2_NV_AUTH_READ | T2_NV_AUTH_WRITE,
		.size = 8,
	};
	tpm_refused(f, t2_nv_define_space(&f->t, &f->owner, NULL, 0, &pub),
		    -EEXIST, T2_RC_NV_DEFINED);
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, secret, 8, 0));
	tpm_refused(f, t2_nv_read(&f->t, &nv, &nv, got, 8, 1), -EINVAL,
		    TPM2_RC_NV_RANGE);
	tpm_refused(f, t2_nv_write(&f->t, &nv, &nv, secret, 9, 0), -EINVAL,
		    TPM2_RC_NV_RANGE);
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, secret, 3, 5));
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, 8, 0));
	assert_memory_equal(got, "01234012", 8);
	tpm_undefine(f, &nv);
	assert_int_equal(t2_nv_read_public(&f->t, INDEX, &pub, &name), -ENOENT);
}

/* An index that somebody else defined, with a nameAlg this layer does not speak. */
static void foreign_index_is_read(void **state)
{
	static const TPM2B_AUTH none;
	const TPM2B_NV_PUBLIC foreign = {
		.nvPublic = { .nvIndex = INDEX,
			      .nameAlg = TPM2_ALG_SHA384,
			      .attributes = 0x00040004,
			      .authPolicy.size = 48,
			      .dataSize = 16 },
	};
	struct tpm_fixture *f = *state;
	struct t2_nv_public pub;
	struct t2_name name;
	ESYS_TR tr;

	assert_int_equal(Esys_NV_DefineSpace(f->esys, ESYS_TR_RH_OWNER,
					     ESYS_TR_PASSWORD, ESYS_TR_NONE,
					     ESYS_TR_NONE, &none, &foreign,
					     &tr),
			 0);
	tpm_ok(f, t2_nv_read_public(&f->t, INDEX, &pub, &name));
	assert_int_equal(name.len, 0);
	assert_int_equal(pub.name_alg, TPM2_ALG_SHA384);
	assert_int_equal(pub.policy_len, 48);
	assert_int_equal(pub.size, 16);
	assert_int_equal(Esys_NV_UndefineSpace(f->esys, ESYS_TR_RH_OWNER, tr,
					       ESYS_TR_PASSWORD, ESYS_TR_NONE,
					       ESYS_TR_NONE),
			 0);
}

static void name_is_that_of_esapi(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_entity nv;
	TPM2B_NAME *want;
	ESYS_TR tr;
	int i;

	tpm_define(f, INDEX, T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_NO_DA,
		   8, "auth", &nv);
	for (i = 0; i < 2; i++) {
		assert_int_equal(
			Esys_TR_FromTPMPublic(f->esys, INDEX, ESYS_TR_NONE,
					      ESYS_TR_NONE, ESYS_TR_NONE, &tr),
			0);
		assert_int_equal(Esys_TR_GetName(f->esys, tr, &want), 0);
		assert_int_equal(nv.name.len, want->size);
		assert_memory_equal(nv.name.data, want->name, want->size);
		Esys_Free(want);
		Esys_TR_Close(f->esys, &tr);
		tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, secret, 8, 0));
		tpm_name_nv(f, &nv);
	}
	tpm_undefine(f, &nv);
}

static void extend(struct tpm_fixture *f, ESYS_TR pcr)
{
	const TPML_DIGEST_VALUES values = {
		.count = 1,
		.digests = { { .hashAlg = TPM2_ALG_SHA256,
			       .digest.sha256 = "event" } },
	};

	assert_int_equal(Esys_PCR_Extend(f->esys, pcr, ESYS_TR_PASSWORD,
					 ESYS_TR_NONE, ESYS_TR_NONE, &values),
			 0);
}

/* The value of one PCR, hashed: digestTPM of PolicyPCR. */
static void digest_pcr(struct tpm_fixture *f, const u8 select[3], u8 out[32])
{
	TPML_PCR_SELECTION in = { .count = 1 }, *got;
	TPML_DIGEST *values;
	UINT32 counter;

	in.pcrSelections[0].hash = TPM2_ALG_SHA256;
	in.pcrSelections[0].sizeofSelect = 3;
	memcpy(in.pcrSelections[0].pcrSelect, select, 3);
	assert_int_equal(Esys_PCR_Read(f->esys, ESYS_TR_NONE, ESYS_TR_NONE,
				       ESYS_TR_NONE, &in, &counter, &got,
				       &values),
			 0);
	assert_int_equal(values->count, 1);
	openssl_sha256(values->digests[0].buffer, 32, out);
	Esys_Free(got);
	Esys_Free(values);
}

/* Each step is what the TPM computes too. */
static void policy_digests_are_those_of_the_tpm(void **state)
{
	static const u8 select[3] = { 0, 8, 0 }; /* PCR 11 */
	struct tpm_fixture *f = *state;
	u8 want[32] = { 0 }, got[32], pcrs[32];
	struct t2_entity endorsement, nv;
	struct t2_session s;
	u8 value[8];

	tpm_define(f, INDEX, T2_NV_AUTH_READ | T2_NV_AUTH_WRITE | T2_NV_NO_DA,
		   8, "auth", &nv);
	tpm_ok(f, t2_nv_write(&f->t, &nv, &nv, secret, 8, 0));
	tpm_name_nv(f, &nv);
	tpm_session(f, &s, T2_SE_POLICY, FX_SALTED);
	tpm_ok(f, t2_policy_get_digest(&f->t, &s, got));
	assert_memory_equal(got, want, 32);

	extend(f, 11);
	digest_pcr(f, select, pcrs);
	tpm_ok(f, t2_policy_pcr(&f->t, &s, select));
	assert_int_equal(t2_policy_digest_pcr(want, select, pcrs), 0);
	tpm_ok(f, t2_policy_get_digest(&f->t, &s, got));
	assert_memory_equal(got, want, 32);

	memcpy(value, secret + 2, 3);
	tpm_ok(f, t2_policy_nv(&f->t, &s, &nv, &nv, value, 3, 2, T2_EO_EQ));
	assert_int_equal(
		t2_policy_digest_nv(want, &nv.name, value, 3, 2, T2_EO_EQ), 0);
	tpm_ok(f, t2_policy_get_digest(&f->t, &s, got));
	assert_memory_equal(got, want, 32);

	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	tpm_ok(f, t2_policy_secret(&f->t, &s, &endorsement));
	assert_int_equal(t2_policy_digest_secret(want, &endorsement.name), 0);
	tpm_ok(f, t2_policy_auth_value(&f->t, &s));
	assert_int_equal(t2_policy_digest_auth_value(want), 0);
	tpm_ok(f, t2_policy_get_digest(&f->t, &s, got));
	assert_memory_equal(got, want, 32);
	t2_end_session(&f->t, &s);
	tpm_undefine(f, &nv);
}

/* The root secret with pcrs=: a policy for reading, broken by an extend. */
static void policy_pcr_guards_an_index(void **state)
{
	static const u8 select[3] = { 0, 0x10, 0 }; /* PCR 12 */
	struct tpm_fixture *f = *state;
	struct t2_nv_public pub = {
		.index = INDEX,
		.name_alg = T2_ALG_SHA256,
		.attributes = T2_NV_OWNER_WRITE | T2_NV_POLICY_READ |
			      T2_NV_NO_DA,
		.policy_len = 32,
		.size = 32,
	};
	struct t2_entity nv = { .handle = INDEX };
	struct t2_session s;
	u8 got[32], pcrs[32];

	digest_pcr(f, select, pcrs);
	assert_int_equal(t2_policy_digest_pcr(pub.policy, select, pcrs), 0);
	tpm_ok(f, t2_nv_define_space(&f->t, &f->owner, NULL, 0, &pub));
	tpm_name_nv(f, &nv);
	tpm_ok(f, t2_nv_write(&f->t, &f->owner, &nv, secret, 32, 0));
	tpm_name_nv(f, &nv);
	nv.session = &s;
	tpm_session(f, &s, T2_SE_POLICY, FX_SALTED & ~T2_SA_CONTINUE);
	tpm_ok(f, t2_policy_pcr(&f->t, &s, select));
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0));
	assert_memory_equal(got, secret, 32);
	tpm_session(f, &s, T2_SE_POLICY, FX_SALTED);
	tpm_ok(f, t2_policy_pcr(&f->t, &s, select));
	extend(f, 12);
	tpm_refused(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0), -EACCES,
		    TPM2_RC_PCR_CHANGED);
	t2_end_session(&f->t, &s);
	tpm_session(f, &s, T2_SE_POLICY, FX_SALTED);
	tpm_ok(f, t2_policy_pcr(&f->t, &s, select));
	tpm_refused(f, t2_nv_read(&f->t, &nv, &nv, got, 32, 0), -EACCES,
		    TPM2_RC_POLICY_FAIL);
	t2_end_session(&f->t, &s);
	nv.session = NULL;
	tpm_undefine(f, &nv);
}

#define TEST(name) cmocka_unit_test_teardown(name, tpm_fixture_clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(root_secret_is_read_once),
		TEST(counter_goes_up_by_one),
		TEST(index_is_probed),
		TEST(foreign_index_is_read),
		TEST(name_is_that_of_esapi),
		TEST(policy_digests_are_those_of_the_tpm),
		TEST(policy_pcr_guards_an_index),
	};

	return cmocka_run_group_tests_name("tpm nv", tests, tpm_fixture_start,
					   tpm_fixture_stop);
}
