// SPDX-License-Identifier: GPL-2.0-only
/* Signing, hashing, attestation: the same bytes as tpm2-tss. */
#include "mu_exchange.h"

#define PARENT 0x81000001
#define KEY 0x80000001
#define SELF "key of the test"

static const TPM2B_AUTH none;
static const TPM2B_AUTH auth = { .size = 7, .buffer = "secret1" };
static const uint16_t sha256 = TPM2_ALG_SHA256, number16 = 32;

static const TPM2B_DIGEST digest = { .size = 32, .buffer = "digest" };
static const TPM2B_DIGEST outside = { .size = 5, .buffer = "hello" };
static const TPMT_SIG_SCHEME ecdsa = {
	.scheme = TPM2_ALG_ECDSA,
	.details.ecdsa.hashAlg = TPM2_ALG_SHA256,
};
/* s comes without its leading zero */
static const TPMT_SIGNATURE signature = {
	.sigAlg = TPM2_ALG_ECDSA,
	.signature.ecdsa = {
		.hash = TPM2_ALG_SHA256,
		.signatureR = { .size = 32, .buffer = "r" },
		.signatureS = { .size = 31, .buffer = "s" },
	},
};
static const TPMT_SIGNATURE full_signature = {
	.sigAlg = TPM2_ALG_ECDSA,
	.signature.ecdsa = {
		.hash = TPM2_ALG_SHA256,
		.signatureR = { .size = 32, .buffer = "r" },
		.signatureS = { .size = 32, .buffer = "\0s" },
	},
};
static const TPMT_TK_HASHCHECK null_ticket = { TPM2_ST_HASHCHECK,
					       TPM2_RH_NULL,
					       { 0 } };
static const TPMT_TK_HASHCHECK hash_ticket = { TPM2_ST_HASHCHECK,
					       TPM2_RH_OWNER,
					       { .size = 32,
						 .buffer = "hash ticket" } };
static const TPMT_TK_CREATION creation_ticket = { TPM2_ST_CREATION,
						  TPM2_RH_OWNER,
						  { .size = 32,
						    .buffer = "ticket" } };
static const TPMT_TK_VERIFIED verified = { TPM2_ST_VERIFIED,
					   TPM2_RH_NULL,
					   { 0 } };
static const TPM2B_DIGEST creation_hash = { .size = 32, .buffer = "creation" };

/* Filled in at the start. */
static TPM2B_ATTEST attest;
static TPM2B_DIGEST self_digest = { .size = 32 };

static struct t2_entity entity(u32 handle, const char *value)
{
	struct t2_entity e = { .handle = handle, .auth = (const u8 *)value };

	e.auth_len = value ? strlen(value) : 0;
	return e;
}

static bool same_signature(const struct t2_signature *got)
{
	const u8 r[32] = "r", s[32] = "\0s";

	return got->hash == T2_ALG_SHA256 && !memcmp(got->r, r, 32) &&
	       !memcmp(got->s, s, 32);
}

static int run_sign(struct t2 *t)
{
	struct t2_entity key = entity(KEY, "secret1");
	struct t2_signature got;
	int err;

	err = t2_sign(t, &key, T2_ALG_SHA256, digest.buffer, digest.size, NULL,
		      &got);
	if (!err)
		assert_true(same_signature(&got));
	return err;
}

static int run_sign_ticket(struct t2 *t)
{
	struct t2_ticket ticket = { .tag = TPM2_ST_HASHCHECK,
				    .hierarchy = T2_RH_OWNER,
				    .len = 32,
				    .digest = "hash ticket" };
	struct t2_entity key = entity(KEY, NULL);
	struct t2_signature got;

	int err = t2_sign(t, &key, T2_ALG_SHA256, digest.buffer, digest.size,
			  &ticket, &got);

	if (!err)
		assert_true(same_signature(&got));
	return err;
}

static int run_verify(struct t2 *t)
{
	const struct t2_signature s = { T2_ALG_SHA256, "r", "\0s" };

	return t2_verify_signature(t, KEY, digest.buffer, digest.size, &s);
}

static int run_ecdh_zgen(struct t2 *t)
{
	const struct t2_point peer = { "x", "y" };
	struct t2_entity key = entity(KEY, "secret1");
	struct t2_point z;
	int err = t2_ecdh_zgen(t, &key, &peer, &z);

	if (!err)
		assert_memory_equal(&z, &peer, sizeof(z));
	return err;
}

static int run_hash(struct t2 *t)
{
	struct t2_ticket ticket;
	u8 got[T2_DIGEST_SIZE];
	int err;

	err = t2_hash(t, (const u8 *)SELF, sizeof(SELF), T2_RH_OWNER, got,
		      &ticket);
	if (!err) {
		assert_memory_equal(got, self_digest.buffer, sizeof(got));
		assert_memory_equal(ticket.digest, "hash ticket", 12);
		assert_int_equal(ticket.tag, TPM2_ST_HASHCHECK);
		assert_int_equal(ticket.hierarchy, TPM2_RH_OWNER);
		assert_int_equal(ticket.len, 32);
	}
	return err;
}

static int run_stir_random(struct t2 *t)
{
	return t2_stir_random(t, (const u8 *)"hello", 5);
}

static int run_get_random(struct t2 *t)
{
	u8 got[32];
	int err = t2_get_random(t, got, sizeof(got));

	if (!err)
		assert_memory_equal(got, digest.buffer, sizeof(got));
	return err;
}

static int run_certify_creation(struct t2 *t)
{
	struct t2_ticket ticket = { .tag = TPM2_ST_CREATION,
				    .hierarchy = T2_RH_OWNER,
				    .len = 32,
				    .digest = "ticket" };
	const struct t2_entity object = entity(KEY, NULL);
	struct t2_entity signer = entity(PARENT, "secret1");
	struct t2_attest got;
	struct t2_signature sig;
	int err;

	err = t2_certify_creation(t, &signer, &object, (const u8 *)"hello", 5,
				  creation_hash.buffer, &ticket, &got, &sig);
	if (!err) {
		assert_int_equal(got.len, attest.size);
		assert_memory_equal(got.data, attest.attestationData, got.len);
		assert_true(same_signature(&sig));
	}
	return err;
}

static const TPM2B_ID_OBJECT blob = { .size = 60, .credential = "blob" };
static const TPM2B_ENCRYPTED_SECRET secret = { .size = 68, .secret = "point" };

static int run_activate_credential(struct t2 *t)
{
	struct t2_entity key = entity(KEY, "secret1");
	struct t2_entity ek = entity(PARENT, NULL);
	u8 info[40];
	size_t len = sizeof(info);
	int err;

	err = t2_activate_credential(t, &key, &ek, blob.credential, blob.size,
				     secret.secret, secret.size, info, &len);
	if (!err) {
		assert_int_equal(len, digest.size);
		assert_memory_equal(info, digest.buffer, len);
	}
	return err;
}

static const TPM2B_MAX_BUFFER data = { .size = sizeof(SELF), .buffer = SELF };
static const TPM2B_ECC_POINT point = {
	.point = { .x = { .size = 32, .buffer = "x" },
		   .y = { .size = 32, .buffer = "y" } },
};

/* clang-format off */
static const struct mu_exchange exchanges[] = {
	{
		.name = "Sign", .cc = TPM2_CC_Sign,
		.handles = { KEY }, .auths = { &auth },
		.command = { { mu_TPM2B_DIGEST, &digest },
			     { mu_TPMT_SIG_SCHEME, &ecdsa },
			     { mu_TPMT_TK_HASHCHECK, &null_ticket } },
		.response = { { mu_TPMT_SIGNATURE, &full_signature } },
		.run = run_sign,
	}, {
		.name = "Sign with ticket", .cc = TPM2_CC_Sign,
		.handles = { KEY }, .auths = { &none },
		.command = { { mu_TPM2B_DIGEST, &digest },
			     { mu_TPMT_SIG_SCHEME, &ecdsa },
			     { mu_TPMT_TK_HASHCHECK, &hash_ticket } },
		.response = { { mu_TPMT_SIGNATURE, &signature } },
		.run = run_sign_ticket,
	}, {
		.name = "VerifySignature", .cc = TPM2_CC_VerifySignature,
		.handles = { KEY },
		.command = { { mu_TPM2B_DIGEST, &digest },
			     { mu_TPMT_SIGNATURE, &full_signature } },
		.response = { { mu_TPMT_TK_VERIFIED, &verified } },
		.run = run_verify,
	}, {
		.name = "ECDH_ZGen", .cc = TPM2_CC_ECDH_ZGen,
		.handles = { KEY }, .auths = { &auth },
		.command = { { mu_TPM2B_ECC_POINT, &point } },
		.response = { { mu_TPM2B_ECC_POINT, &point } },
		.run = run_ecdh_zgen,
	}, {
		.name = "Hash", .cc = TPM2_CC_Hash,
		.command = { { mu_TPM2B_MAX_BUFFER, &data },
			     { mu_UINT16, &sha256 },
			     { mu_UINT32, &(uint32_t){ TPM2_RH_OWNER } } },
		.response = { { mu_TPM2B_DIGEST, &self_digest },
			      { mu_TPMT_TK_HASHCHECK, &hash_ticket } },
		.run = run_hash,
	}, {
		.name = "StirRandom", .cc = TPM2_CC_StirRandom,
		.command = { { mu_TPM2B_DIGEST, &outside } },
		.run = run_stir_random,
	}, {
		.name = "GetRandom", .cc = TPM2_CC_GetRandom,
		.command = { { mu_UINT16, &number16 } },
		.response = { { mu_TPM2B_DIGEST, &digest } },
		.run = run_get_random,
	}, {
		.name = "CertifyCreation", .cc = TPM2_CC_CertifyCreation,
		.handles = { PARENT, KEY }, .auths = { &auth },
		.command = { { mu_TPM2B_DIGEST, &outside },
			     { mu_TPM2B_DIGEST, &creation_hash },
			     { mu_TPMT_SIG_SCHEME, &ecdsa },
			     { mu_TPMT_TK_CREATION, &creation_ticket } },
		.response = { { mu_TPM2B_ATTEST, &attest },
			      { mu_TPMT_SIGNATURE, &full_signature } },
		.run = run_certify_creation,
	}, {
		.name = "ActivateCredential", .cc = TPM2_CC_ActivateCredential,
		.handles = { KEY, PARENT }, .auths = { &auth, &none },
		.command = { { mu_TPM2B_ID_OBJECT, &blob },
			     { mu_TPM2B_ENCRYPTED_SECRET, &secret } },
		.response = { { mu_TPM2B_DIGEST, &digest } },
		.run = run_activate_credential,
	},
};

/* clang-format on */

static void fill(void)
{
	const TPMS_ATTEST a = {
		.magic = TPM2_GENERATED_VALUE,
		.type = TPM2_ST_ATTEST_CREATION,
		.extraData = { .size = 5, .buffer = "hello" },
	};
	const struct t2_vec self = { SELF, sizeof(SELF) };
	size_t offset = 0;

	assert_int_equal(t2_sha256(&self, 1, self_digest.buffer), 0);
	assert_int_equal(Tss2_MU_TPMS_ATTEST_Marshal(&a, attest.attestationData,
						     sizeof(TPMS_ATTEST),
						     &offset),
			 0);
	attest.size = (uint16_t)offset;
}

static void same_bytes_as_tpm2_tss(void **state)
{
	size_t i;

	(void)state;
	fill();
	for (i = 0; i < ARRAY_SIZE(exchanges); i++) {
		print_message("# %s\n", exchanges[i].name);
		mu_exchange_test(&exchanges[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes_as_tpm2_tss),
	};

	return cmocka_run_group_tests_name("tpm marshal crypto", tests, NULL,
					   NULL);
}
