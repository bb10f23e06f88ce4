// SPDX-License-Identifier: GPL-2.0-only
/* NV, policy, session and capability commands: the same bytes as tpm2-tss. */
#include "mu_exchange.h"
#include "t2_openssl.h"

#define INDEX 0x01800100
#define SIGNER 0x81000001
#define POLICY 0x03000002

static const TPM2B_AUTH none;
static const TPM2B_AUTH auth = { .size = 7, .buffer = "secret1" };
static const uint8_t no = 0, three = 3;
static const uint16_t empty16, offset16 = 3, size16 = 8, eq = TPM2_EO_EQ;
static const uint16_t sha256 = TPM2_ALG_SHA256;
static const uint32_t zero32, one32 = 1;

static const TPM2B_DIGEST digest = { .size = 32, .buffer = "digest" };
static const TPM2B_DIGEST operand = { .size = 8, .buffer = "1234567" };
static const TPM2B_DIGEST qualifying = { .size = 5, .buffer = "hello" };
static const TPM2B_MAX_BUFFER data = { .size = 8, .buffer = "1234567" };
static const TPMT_TK_AUTH no_ticket = { TPM2_ST_AUTH_SECRET,
					TPM2_RH_NULL,
					{ 0 } };
static const TPMT_SIG_SCHEME ecdsa = {
	.scheme = TPM2_ALG_ECDSA,
	.details.ecdsa.hashAlg = TPM2_ALG_SHA256,
};
static const TPMT_SIGNATURE signature = {
	.sigAlg = TPM2_ALG_ECDSA,
	.signature.ecdsa = {
		.hash = TPM2_ALG_SHA256,
		.signatureR = { .size = 32, .buffer = "r" },
		.signatureS = { .size = 32, .buffer = "s" },
	},
};
static const uint16_t clear = TPM2_SU_CLEAR;
static const TPML_DIGEST_VALUES extended = {
	.count = 1,
	.digests = { { .hashAlg = TPM2_ALG_SHA256,
		       .digest.sha256 = { 1, 2, 3 } } },
};
static const TPML_PCR_SELECTION pcrs = {
	.count = 1,
	.pcrSelections = { { .hash = TPM2_ALG_SHA256,
			     .sizeofSelect = 3,
			     .pcrSelect = { 1, 2, 4 } } },
};
static const TPM2B_NV_PUBLIC nv_public = {
	.nvPublic = { .nvIndex = INDEX,
		      .nameAlg = TPM2_ALG_SHA256,
		      .attributes = TPMA_NV_AUTHREAD | TPMA_NV_WRITTEN,
		      .authPolicy = { .size = 32, .buffer = "policy" },
		      .dataSize = 8 },
};
static const TPMT_SYM_DEF aes = {
	.algorithm = TPM2_ALG_AES,
	.keyBits.aes = 128,
	.mode.aes = TPM2_ALG_CFB,
};

static const struct t2_nv_public nv_area = {
	.index = INDEX,
	.name_alg = T2_ALG_SHA256,
	.attributes = T2_NV_AUTH_READ | T2_NV_WRITTEN,
	.policy_len = 32,
	.policy = "policy",
	.size = 8,
};

/* Filled in at the start. */
static TPM2B_NAME name;
static TPM2B_ATTEST attest;
static TPM2B_DIGEST nonce;

static const struct t2_entity nv = { .handle = INDEX };

static struct t2_entity self(void)
{
	return (struct t2_entity){ .handle = INDEX,
				   .auth = (const u8 *)"secret1",
				   .auth_len = 7 };
}

static struct t2_entity owner(void)
{
	struct t2_entity e;

	t2_hierarchy(&e, T2_RH_OWNER);
	return e;
}

static int run_define(struct t2 *t)
{
	struct t2_entity o = owner();

	return t2_nv_define_space(t, &o, (const u8 *)"secret1", 7, &nv_area);
}

static int run_undefine(struct t2 *t)
{
	struct t2_entity o = owner();

	return t2_nv_undefine_space(t, &o, &nv);
}

static int run_read_public(struct t2 *t)
{
	struct t2_nv_public got;
	struct t2_name n;
	int err = t2_nv_read_public(t, INDEX, &got, &n);

	if (err)
		return err;
	assert_memory_equal(&got, &nv_area, sizeof(got));
	assert_int_equal(n.len, name.size);
	assert_memory_equal(n.data, name.name, name.size);
	return 0;
}

static int run_write(struct t2 *t)
{
	struct t2_entity e = self();

	return t2_nv_write(t, &e, &nv, data.buffer, data.size, 3);
}

static int run_read(struct t2 *t)
{
	struct t2_entity e = self();
	u8 got[8];
	int err = t2_nv_read(t, &e, &nv, got, sizeof(got), 3);

	if (!err)
		assert_memory_equal(got, data.buffer, sizeof(got));
	return err;
}

static int run_read_counter(struct t2 *t)
{
	struct t2_entity e = self();
	u64 value;
	int err = t2_nv_read_counter(t, &e, &nv, &value);

	if (!err)
		assert_true(value == 0x3132333435363700);
	return err;
}

static int run_read_lock(struct t2 *t)
{
	struct t2_entity e = self();

	return t2_nv_read_lock(t, &e, &nv);
}

static int run_increment(struct t2 *t)
{
	struct t2_entity e = self();

	return t2_nv_increment(t, &e, &nv);
}

static int run_certify(struct t2 *t)
{
	struct t2_entity signer = { .handle = SIGNER }, e = self();
	struct t2_attest got;
	struct t2_signature sig;
	int err;

	err = t2_nv_certify(t, &signer, &e, &nv, qualifying.buffer, 5, 8, 3,
			    &got, &sig);
	if (!err) {
		assert_int_equal(got.len, attest.size);
		assert_memory_equal(got.data, attest.attestationData, got.len);
		assert_memory_equal(sig.r, "r", 2);
		assert_memory_equal(sig.s, "s", 2);
	}
	return err;
}

static struct t2_session policy(void)
{
	return (struct t2_session){ .handle = POLICY, .policy = true };
}

static int run_policy_nv(struct t2 *t)
{
	struct t2_session s = policy();
	struct t2_entity e = self();

	return t2_policy_nv(t, &s, &e, &nv, operand.buffer, 8, 3, T2_EO_EQ);
}

static int run_policy_auth_value(struct t2 *t)
{
	struct t2_session s = policy();
	int err = t2_policy_auth_value(t, &s);

	assert_true(s.auth_value == !err);
	return err;
}

static int run_policy_secret(struct t2 *t)
{
	struct t2_session s = policy();
	struct t2_entity o = owner();

	return t2_policy_secret(t, &s, &o);
}

static int run_startup(struct t2 *t)
{
	return t2_startup(t);
}

static int run_pcr_extend(struct t2 *t)
{
	return t2_pcr_extend(t, 7, extended.digests[0].digest.sha256);
}

static int run_policy_pcr(struct t2 *t)
{
	static const u8 select[3] = { 1, 2, 4 };
	struct t2_session s = policy();

	return t2_policy_pcr(t, &s, select);
}

static int run_policy_get_digest(struct t2 *t)
{
	struct t2_session s = policy();
	u8 got[T2_DIGEST_SIZE];
	int err = t2_policy_get_digest(t, &s, got);

	if (!err)
		assert_memory_equal(got, digest.buffer, sizeof(got));
	return err;
}

static int run_start(struct t2 *t)
{
	struct t2_session s, zeros = { 0 };
	int err;

	t2_openssl_seed("nonce");
	err = t2_start_auth_session(t, &s, T2_SE_POLICY, T2_RH_NULL, NULL);
	if (err) {
		assert_memory_equal(&s, &zeros, sizeof(s));
		return err;
	}
	assert_int_equal(s.handle, POLICY);
	assert_true(s.policy);
	assert_int_equal(s.key_len, 0);
	assert_int_equal(s.attributes, T2_SA_CONTINUE);
	assert_memory_equal(s.nonce_tpm, digest.buffer, 32);
	return 0;
}

static const uint32_t properties = TPM2_CAP_TPM_PROPERTIES,
		      manufacturer = TPM2_PT_MANUFACTURER;
static const TPMS_CAPABILITY_DATA property = {
	.capability = TPM2_CAP_TPM_PROPERTIES,
	.data.tpmProperties = { 1, { { TPM2_PT_MANUFACTURER, 0x49424d00 } } },
};
static const TPMS_CAPABILITY_DATA other_property = {
	.capability = TPM2_CAP_TPM_PROPERTIES,
	.data.tpmProperties = { 1, { { TPM2_PT_VENDOR_STRING_1, 1 } } },
};

static int run_property(struct t2 *t)
{
	u32 value;
	int err = t2_get_property(t, T2_PT_MANUFACTURER, &value);

	if (!err)
		assert_int_equal(value, 0x49424d00);
	return err;
}

/* The TPM answers with the next property it has. */
static int run_property_missing(struct t2 *t)
{
	u32 value;
	int err = t2_get_property(t, T2_PT_MANUFACTURER, &value);

	return err == -ENOENT ? 0 : err;
}

static const uint32_t handles_cap = TPM2_CAP_HANDLES, first = 0x80000000;
static const TPMS_CAPABILITY_DATA handles = {
	.capability = TPM2_CAP_HANDLES,
	.data.handles = { 2, { 0x80000000, 0x80000003 } },
};

static int run_handles(struct t2 *t)
{
	u32 got[3];
	size_t count = 3;
	int err = t2_get_handles(t, first, got, &count);

	if (!err) {
		assert_int_equal(count, 2);
		assert_int_equal(got[1], 0x80000003);
	}
	return err;
}

static const uint32_t three32 = 3;
static const uint8_t policy_type = TPM2_SE_POLICY;

/* clang-format off */
static const struct mu_exchange exchanges[] = {
	{
		.name = "NV_DefineSpace", .cc = TPM2_CC_NV_DefineSpace,
		.handles = { TPM2_RH_OWNER }, .auths = { &none },
		.command = { { mu_TPM2B_DIGEST, &auth },
			     { mu_TPM2B_NV_PUBLIC, &nv_public } },
		.run = run_define,
	}, {
		.name = "NV_UndefineSpace", .cc = TPM2_CC_NV_UndefineSpace,
		.handles = { TPM2_RH_OWNER, INDEX }, .auths = { &none },
		.run = run_undefine,
	}, {
		.name = "NV_ReadPublic", .cc = TPM2_CC_NV_ReadPublic,
		.handles = { INDEX },
		.response = { { mu_TPM2B_NV_PUBLIC, &nv_public },
			      { mu_TPM2B_NAME, &name } },
		.run = run_read_public,
	}, {
		.name = "NV_Write", .cc = TPM2_CC_NV_Write,
		.handles = { INDEX, INDEX }, .auths = { &auth },
		.command = { { mu_TPM2B_MAX_BUFFER, &data },
			     { mu_UINT16, &offset16 } },
		.run = run_write,
	}, {
		.name = "NV_Read", .cc = TPM2_CC_NV_Read,
		.handles = { INDEX, INDEX }, .auths = { &auth },
		.command = { { mu_UINT16, &size16 }, { mu_UINT16, &offset16 } },
		.response = { { mu_TPM2B_MAX_BUFFER, &data } },
		.run = run_read,
	}, {
		.name = "NV_Read of a counter", .cc = TPM2_CC_NV_Read,
		.handles = { INDEX, INDEX }, .auths = { &auth },
		.command = { { mu_UINT16, &size16 }, { mu_UINT16, &empty16 } },
		.response = { { mu_TPM2B_MAX_BUFFER, &data } },
		.run = run_read_counter,
	}, {
		.name = "NV_ReadLock", .cc = TPM2_CC_NV_ReadLock,
		.handles = { INDEX, INDEX }, .auths = { &auth },
		.run = run_read_lock,
	}, {
		.name = "NV_Increment", .cc = TPM2_CC_NV_Increment,
		.handles = { INDEX, INDEX }, .auths = { &auth },
		.run = run_increment,
	}, {
		.name = "NV_Certify", .cc = TPM2_CC_NV_Certify,
		.handles = { SIGNER, INDEX, INDEX }, .auths = { &none, &auth },
		.command = { { mu_TPM2B_DIGEST, &qualifying },
			     { mu_TPMT_SIG_SCHEME, &ecdsa },
			     { mu_UINT16, &size16 }, { mu_UINT16, &offset16 } },
		.response = { { mu_TPM2B_ATTEST, &attest },
			      { mu_TPMT_SIGNATURE, &signature } },
		.run = run_certify,
	}, {
		.name = "PolicyNV", .cc = TPM2_CC_PolicyNV,
		.handles = { INDEX, INDEX, POLICY }, .auths = { &auth },
		.command = { { mu_TPM2B_DIGEST, &operand },
			     { mu_UINT16, &offset16 }, { mu_UINT16, &eq } },
		.run = run_policy_nv,
	}, {
		.name = "PolicyAuthValue", .cc = TPM2_CC_PolicyAuthValue,
		.handles = { POLICY },
		.run = run_policy_auth_value,
	}, {
		.name = "PolicySecret", .cc = TPM2_CC_PolicySecret,
		.handles = { TPM2_RH_OWNER, POLICY }, .auths = { &none },
		.command = { { mu_UINT16, &empty16 }, { mu_UINT16, &empty16 },
			     { mu_UINT16, &empty16 }, { mu_UINT32, &zero32 } },
		.response = { { mu_UINT16, &empty16 },
			      { mu_TPMT_TK_AUTH, &no_ticket } },
		.run = run_policy_secret,
	}, {
		.name = "PolicyPCR", .cc = TPM2_CC_PolicyPCR,
		.handles = { POLICY },
		.command = { { mu_UINT16, &empty16 },
			     { mu_TPML_PCR_SELECTION, &pcrs } },
		.run = run_policy_pcr,
	}, {
		.name = "PolicyGetDigest", .cc = TPM2_CC_PolicyGetDigest,
		.handles = { POLICY },
		.response = { { mu_TPM2B_DIGEST, &digest } },
		.run = run_policy_get_digest,
	}, {
		.name = "Startup", .cc = TPM2_CC_Startup,
		.command = { { mu_UINT16, &clear } },
		.run = run_startup,
	}, {
		.name = "PCR_Extend", .cc = TPM2_CC_PCR_Extend,
		.handles = { 7 }, .auths = { &none },
		.command = { { mu_TPML_DIGEST_VALUES, &extended } },
		.run = run_pcr_extend,
	}, {
		.name = "StartAuthSession", .cc = TPM2_CC_StartAuthSession,
		.handles = { TPM2_RH_NULL, TPM2_RH_NULL },
		.command = { { mu_TPM2B_DIGEST, &nonce },
			     { mu_UINT16, &empty16 },
			     { mu_UINT8, &policy_type },
			     { mu_TPMT_SYM_DEF, &aes }, { mu_UINT16, &sha256 } },
		.handle = POLICY,
		.response = { { mu_TPM2B_DIGEST, &digest } },
		.run = run_start,
	}, {
		.name = "GetCapability, property", .cc = TPM2_CC_GetCapability,
		.command = { { mu_UINT32, &properties },
			     { mu_UINT32, &manufacturer },
			     { mu_UINT32, &one32 } },
		.response = { { mu_UINT8, &three },
			      { mu_TPMS_CAPABILITY_DATA, &property } },
		.run = run_property,
	}, {
		.name = "GetCapability, no property",
		.cc = TPM2_CC_GetCapability,
		.command = { { mu_UINT32, &properties },
			     { mu_UINT32, &manufacturer },
			     { mu_UINT32, &one32 } },
		.response = { { mu_UINT8, &no },
			      { mu_TPMS_CAPABILITY_DATA, &other_property } },
		.run = run_property_missing,
	}, {
		.name = "GetCapability, handles", .cc = TPM2_CC_GetCapability,
		.command = { { mu_UINT32, &handles_cap }, { mu_UINT32, &first },
			     { mu_UINT32, &three32 } },
		.response = { { mu_UINT8, &no },
			      { mu_TPMS_CAPABILITY_DATA, &handles } },
		.run = run_handles,
	},
};

/* clang-format on */

static void fill(void)
{
	const TPMS_ATTEST a = {
		.magic = TPM2_GENERATED_VALUE,
		.type = TPM2_ST_ATTEST_NV,
		.extraData = { .size = 5, .buffer = "hello" },
	};
	struct t2_vec in;
	uint8_t area[256];
	size_t offset = 0;

	assert_int_equal(
		mu_TPM2B_NV_PUBLIC(&nv_public, area, sizeof(area), &offset), 0);
	in = (struct t2_vec){ area + 2, offset - 2 };
	name.size = 34;
	name.name[1] = TPM2_ALG_SHA256;
	assert_int_equal(t2_sha256(&in, 1, name.name + 2), 0);
	offset = 0;
	assert_int_equal(Tss2_MU_TPMS_ATTEST_Marshal(&a, attest.attestationData,
						     sizeof(TPMS_ATTEST),
						     &offset),
			 0);
	attest.size = (uint16_t)offset;
	t2_openssl_seed("nonce");
	nonce.size = 32;
	assert_int_equal(t2_random(nonce.buffer, 32), 0);
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

	return cmocka_run_group_tests_name("tpm marshal nv", tests, NULL, NULL);
}
