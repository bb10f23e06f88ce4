// SPDX-License-Identifier: GPL-2.0-only
/* What the module proves to others: credential, birth of a key, value of a counter. */
#include "tpm_fixture.h"

#include <tss2/tss2_mu.h>

#define IDENTITY                                                               \
	(T2_OBJ_FIXED_TPM | T2_OBJ_FIXED_PARENT |                              \
	 T2_OBJ_SENSITIVE_DATA_ORIGIN | T2_OBJ_USER_WITH_AUTH | T2_OBJ_NO_DA | \
	 T2_OBJ_SIGN | T2_OBJ_RESTRICTED)

static const struct t2_ecc_template identity = { .attributes = IDENTITY,
						 .scheme = T2_ALG_ECDSA };

static void make_ek(struct tpm_fixture *f, struct t2_entity *ek)
{
	struct t2_entity endorsement;
	struct t2_public template, pub;

	memset(ek, 0, sizeof(*ek));
	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	assert_int_equal(t2_public_ek_ecc(&template), 0);
	tpm_ok(f, t2_create_primary(&f->t, &endorsement, &template, &ek->handle,
				    &pub));
	tpm_ok(f, t2_name_of_public(&pub, &ek->name));
}

/* A certificate of the maker may be for either, and so the template has to be exact. */
static void endorsement_keys_come_out_the_same(void **state)
{
	int (*const make[])(struct t2_public *) = { t2_public_ek_ecc,
						    t2_public_ek_rsa };
	struct tpm_fixture *f = *state;
	struct t2_public template, pub[2];
	struct t2_entity endorsement;
	size_t i, j;
	u32 handle;

	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	for (i = 0; i < ARRAY_SIZE(make); i++) {
		assert_int_equal(make[i](&template), 0);
		for (j = 0; j < 2; j++) {
			tpm_ok(f,
			       t2_create_primary(&f->t, &endorsement, &template,
						 &handle, &pub[j]));
			tpm_ok(f, t2_flush_context(&f->t, handle));
		}
		assert_int_equal(pub[0].len, pub[1].len);
		assert_memory_equal(pub[0].data, pub[1].data, pub[0].len);
	}
}

/* The policy of the EK: PolicySecret(endorsement). */
static void ek_session(struct tpm_fixture *f, struct t2_session *s)
{
	struct t2_entity endorsement;

	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	tpm_session(f, s, T2_SE_POLICY, 0);
	tpm_ok(f, t2_policy_secret(&f->t, s, &endorsement));
}

/* The other side: a credential for the key of this name behind this EK. */
static void make_credential(struct tpm_fixture *f, const struct t2_entity *ek,
			    const struct t2_name *name, TPM2B_ID_OBJECT **blob,
			    TPM2B_ENCRYPTED_SECRET **secret)
{
	const TPM2B_DIGEST credential = { .size = 20,
					  .buffer = "a credential inside" };
	TPM2B_NAME object = { .size = name->len };
	ESYS_TR tr;

	memcpy(object.name, name->data, name->len);
	assert_int_equal(Esys_TR_FromTPMPublic(f->esys, ek->handle,
					       ESYS_TR_NONE, ESYS_TR_NONE,
					       ESYS_TR_NONE, &tr),
			 0);
	assert_int_equal(Esys_MakeCredential(f->esys, tr, ESYS_TR_NONE,
					     ESYS_TR_NONE, ESYS_TR_NONE,
					     &credential, &object, blob,
					     secret),
			 0);
	assert_int_equal(Esys_TR_Close(f->esys, &tr), 0);
}

static void credential_is_activated(void **state)
{
	struct tpm_fixture *f = *state;
	TPM2B_ENCRYPTED_SECRET *secret;
	TPM2B_ID_OBJECT *blob;
	struct t2_session s, hmac;
	struct t2_entity ek;
	struct tpm_key key;
	u8 info[64];
	size_t len;
	int i;

	tpm_make_key(f, &identity, "auth", &key);
	make_ek(f, &ek);
	make_credential(f, &ek, &key.e.name, &blob, &secret);
	tpm_session(f, &hmac, T2_SE_HMAC, FX_SALTED);
	key.e.session = &hmac;
	for (i = 0; i < 2; i++) {
		ek_session(f, &s);
		ek.session = &s;
		len = sizeof(info);
		tpm_ok(f, t2_activate_credential(&f->t, &key.e, &ek,
						 blob->credential, blob->size,
						 secret->secret, secret->size,
						 info, &len));
		assert_int_equal(len, 20);
		assert_string_equal((char *)info, "a credential inside");
	}
	/* too small for what is inside: an error, not a part of it */
	ek_session(f, &s);
	len = 19;
	assert_int_equal(t2_activate_credential(&f->t, &key.e, &ek,
						blob->credential, blob->size,
						secret->secret, secret->size,
						info, &len),
			 -EBADMSG);
	ek_session(f, &s);
	len = sizeof(info);
	blob->credential[10] ^= 1;
	tpm_refused(f,
		    t2_activate_credential(&f->t, &key.e, &ek, blob->credential,
					   blob->size, secret->secret,
					   secret->size, info, &len),
		    -EBADMSG, TPM2_RC_INTEGRITY);
	t2_end_session(&f->t, &s);
	t2_end_session(&f->t, &hmac);
	Esys_Free(blob);
	Esys_Free(secret);
	tpm_drop_key(f, &key);
	tpm_ok(f, t2_flush_context(&f->t, ek.handle));
}

/* Signature by the identity key, and the fields every attestation has. */
static void check_attest(const struct tpm_key *signer,
			 const struct t2_attest *attest,
			 const struct t2_signature *sig, TPMS_ATTEST *out)
{
	size_t offset = 0;
	u8 digest[32];

	openssl_sha256(attest->data, attest->len, digest);
	assert_true(openssl_verifies(&signer->point, digest, sig));
	assert_int_equal(Tss2_MU_TPMS_ATTEST_Unmarshal(
				 attest->data, attest->len, &offset, out),
			 0);
	assert_int_equal(offset, attest->len);
	assert_int_equal(out->magic, TPM2_GENERATED_VALUE);
	assert_int_equal(out->extraData.size, 11);
	assert_memory_equal(out->extraData.buffer, "PU's nonce", 11);
}

static void creation_is_certified(void **state)
{
	const struct t2_ecc_template t = {
		.attributes = IDENTITY & ~T2_OBJ_RESTRICTED,
		.scheme = T2_ALG_ECDSA,
	};
	struct tpm_fixture *f = *state;
	TPMS_CREATION_DATA creation;
	struct tpm_key signer, key;
	struct t2_attest attest;
	struct t2_signature sig;
	struct t2_session s;
	TPMS_ATTEST a;
	size_t offset = 0;

	tpm_make_key(f, &identity, "auth", &signer);
	tpm_make_key(f, &t, "other", &key);
	tpm_session(f, &s, T2_SE_HMAC, FX_SALTED);
	signer.e.session = &s;
	tpm_ok(f, t2_certify_creation(&f->t, &signer.e, &key.e,
				      (const u8 *)"PU's nonce", 11,
				      key.made.creation_hash, &key.made.ticket,
				      &attest, &sig));
	check_attest(&signer, &attest, &sig, &a);
	assert_int_equal(a.type, TPM2_ST_ATTEST_CREATION);
	assert_int_equal(a.attested.creation.objectName.size, 34);
	assert_memory_equal(a.attested.creation.objectName.name,
			    key.e.name.data, 34);
	assert_memory_equal(a.attested.creation.creationHash.buffer,
			    key.made.creation_hash, 32);
	assert_int_equal(Tss2_MU_TPMS_CREATION_DATA_Unmarshal(
				 key.made.creation, key.made.creation_len,
				 &offset, &creation),
			 0);
	assert_int_equal(creation.outsideInfo.size, 7);
	assert_memory_equal(creation.outsideInfo.buffer, "outside", 7);
	assert_memory_equal(creation.parentName.name, f->srk.name.data, 34);
	/* a ticket for another creation */
	key.made.ticket.digest[0] ^= 1;
	tpm_refused(f,
		    t2_certify_creation(&f->t, &signer.e, &key.e, NULL, 0,
					key.made.creation_hash,
					&key.made.ticket, &attest, &sig),
		    -EINVAL, TPM2_RC_TICKET);
	t2_end_session(&f->t, &s);
	tpm_drop_key(f, &key);
	tpm_drop_key(f, &signer);
}

static void counter_is_certified(void **state)
{
	struct tpm_fixture *f = *state;
	struct t2_attest attest;
	struct t2_signature sig;
	struct t2_entity nv;
	struct t2_session s;
	struct tpm_key signer;
	TPMS_ATTEST a;
	u8 value[8];

	tpm_define(f, FX_EPOCH,
		   T2_NV_TYPE_COUNTER | T2_NV_AUTH_READ | T2_NV_AUTH_WRITE |
			   T2_NV_NO_DA,
		   8, "", &nv);
	tpm_ok(f, t2_nv_increment(&f->t, &nv, &nv));
	tpm_name_nv(f, &nv);
	tpm_ok(f, t2_nv_read(&f->t, &nv, &nv, value, 8, 0));
	tpm_make_key(f, &identity, "auth", &signer);
	tpm_session(f, &s, T2_SE_HMAC, 0);
	signer.e.session = &s;
	tpm_ok(f, t2_nv_certify(&f->t, &signer.e, &nv, &nv,
				(const u8 *)"PU's nonce", 11, 8, 0, &attest,
				&sig));
	check_attest(&signer, &attest, &sig, &a);
	assert_int_equal(a.type, TPM2_ST_ATTEST_NV);
	assert_memory_equal(a.attested.nv.indexName.name, nv.name.data, 34);
	assert_int_equal(a.attested.nv.nvContents.size, 8);
	assert_memory_equal(a.attested.nv.nvContents.buffer, value, 8);
	tpm_drop_key(f, &signer);
	tpm_undefine(f, &nv);
}

#define TEST(name) cmocka_unit_test_teardown(name, tpm_fixture_clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(endorsement_keys_come_out_the_same),
		TEST(credential_is_activated),
		TEST(creation_is_certified),
		TEST(counter_is_certified),
	};

	return cmocka_run_group_tests_name("tpm attest", tests,
					   tpm_fixture_start, tpm_fixture_stop);
}
