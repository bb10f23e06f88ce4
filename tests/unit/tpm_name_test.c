// SPDX-License-Identifier: GPL-2.0-only
/* Names, templates, public areas and policy digests, against tpm2-tss and OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <tss2/tss2_mu.h>

#include <cmocka.h>

#include "tpm/t2.h"

static const u8 policy_a[32] = {
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
	0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
	0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

static TPMT_PUBLIC storage(TPMA_OBJECT attributes)
{
	return (TPMT_PUBLIC){
		.type = TPM2_ALG_ECC,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = attributes,
		.parameters.eccDetail = {
			.symmetric = { .algorithm = TPM2_ALG_AES,
				       .keyBits.aes = 128,
				       .mode.aes = TPM2_ALG_CFB },
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc = { .x.size = 32, .y.size = 32 },
	};
}

static struct t2_public marshalled(const TPMT_PUBLIC *p)
{
	struct t2_public pub = { 0 };
	size_t len = 0;

	assert_int_equal(Tss2_MU_TPMT_PUBLIC_Marshal(p, pub.data,
						     sizeof(pub.data), &len),
			 0);
	pub.len = (u16)len;
	return pub;
}

static void same_public(const struct t2_public *got, const TPMT_PUBLIC *want)
{
	struct t2_public w = marshalled(want);

	assert_int_equal(got->len, w.len);
	assert_memory_equal(got->data, w.data, w.len);
}

static void templates_are_those_of_the_tcg(void **state)
{
	TPMT_PUBLIC ek = storage(0x000300b2), srk = storage(0x00030472);
	TPMT_PUBLIC rsa = {
		.type = TPM2_ALG_RSA,
		.nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = 0x000300b2,
		.parameters.rsaDetail = {
			.symmetric = { .algorithm = TPM2_ALG_AES,
				       .keyBits.aes = 128,
				       .mode.aes = TPM2_ALG_CFB },
			.scheme.scheme = TPM2_ALG_NULL,
			.keyBits = 2048,
		},
		.unique.rsa.size = 256,
	};
	struct t2_public pub;

	(void)state;
	ek.authPolicy.size = 32;
	memcpy(ek.authPolicy.buffer, policy_a, 32);
	assert_int_equal(t2_public_ek_ecc(&pub), 0);
	same_public(&pub, &ek);
	assert_int_equal(t2_public_srk_ecc(&pub), 0);
	same_public(&pub, &srk);
	rsa.authPolicy = ek.authPolicy;
	assert_int_equal(t2_public_ek_rsa(&pub), 0);
	same_public(&pub, &rsa);
}

static void name_is_algorithm_and_digest(void **state)
{
	struct t2_public pub;
	struct t2_name name;
	u8 want[34] = { 0, 0x0b };

	(void)state;
	assert_int_equal(t2_public_srk_ecc(&pub), 0);
	SHA256(pub.data, pub.len, want + 2);
	assert_int_equal(t2_name_of_public(&pub, &name), 0);
	assert_int_equal(name.len, 34);
	assert_memory_equal(name.data, want, 34);
	pub.data[3] = TPM2_ALG_SHA384;
	assert_int_equal(t2_name_of_public(&pub, &name), -EOPNOTSUPP);
	assert_int_equal(name.len, 0);
	pub.len = 3;
	assert_int_equal(t2_name_of_public(&pub, &name), -EINVAL);
}

static void name_of_nv_index(void **state)
{
	const TPMS_NV_PUBLIC mu = {
		.nvIndex = 0x01800100,
		.nameAlg = TPM2_ALG_SHA256,
		.attributes = 0x20060016,
		.authPolicy = { .size = 32, .buffer = "policy" },
		.dataSize = 8,
	};
	struct t2_nv_public nv = { 0x01800100, T2_ALG_SHA256, 0x20060016,
				   32,	       "policy",      8 };
	u8 area[128], want[34] = { 0, 0x0b };
	struct t2_name name;
	size_t len = 0;

	(void)state;
	assert_int_equal(Tss2_MU_TPMS_NV_PUBLIC_Marshal(&mu, area, sizeof(area),
							&len),
			 0);
	SHA256(area, len, want + 2);
	assert_int_equal(t2_name_of_nv(&nv, &name), 0);
	assert_int_equal(name.len, 34);
	assert_memory_equal(name.data, want, 34);
	nv.name_alg = TPM2_ALG_SHA1;
	assert_int_equal(t2_name_of_nv(&nv, &name), -EOPNOTSUPP);
	nv.name_alg = T2_ALG_SHA256;
	nv.policy_len = T2_MAX_POLICY + 1;
	assert_int_equal(t2_name_of_nv(&nv, &name), -EINVAL);
}

static void name_of_hierarchy_is_its_handle(void **state)
{
	const u8 want[] = { 0x40, 0, 0, 0x0b };
	struct t2_entity e;

	(void)state;
	t2_hierarchy(&e, T2_RH_ENDORSEMENT);
	assert_int_equal(e.handle, T2_RH_ENDORSEMENT);
	assert_int_equal(e.name.len, 4);
	assert_memory_equal(e.name.data, want, 4);
	assert_null(e.session);
	assert_int_equal(e.auth_len, 0);
}

static TPMT_PUBLIC signing(void)
{
	TPMT_PUBLIC p = storage(0x00040072);

	p.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
	p.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
	p.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
	memset(p.unique.ecc.x.buffer, 1, 32);
	memset(p.unique.ecc.y.buffer, 2, 32);
	return p;
}

static void parses_what_it_writes(void **state)
{
	const struct t2_point point = { "x", "y" };
	const struct t2_ecc_template in[] = {
		{ 0x00040072, T2_ALG_ECDSA, false, policy_a },
		{ 0x00060072, T2_ALG_NULL, false, NULL },
		{ 0x00030472, T2_ALG_NULL, true, NULL },
	};
	struct t2_ecc_template t;
	struct t2_public pub;
	struct t2_point p;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(in); i++) {
		assert_int_equal(t2_public_ecc(&pub, &in[i], &point), 0);
		assert_int_equal(t2_public_parse_ecc(&pub, &t, &p), 0);
		assert_int_equal(t.attributes, in[i].attributes);
		assert_int_equal(t.scheme, in[i].scheme);
		assert_int_equal(t.storage, in[i].storage);
		assert_int_equal(!t.policy, !in[i].policy);
		if (t.policy)
			assert_memory_equal(t.policy, policy_a, 32);
		assert_memory_equal(&p, &point, sizeof(p));
	}
}

static void short_coordinate_is_padded(void **state)
{
	TPMT_PUBLIC p = signing();
	struct t2_public pub;
	struct t2_ecc_template t;
	struct t2_point point;
	u8 want[32] = { 0 };

	(void)state;
	p.unique.ecc.x.size = 30;
	memset(want + 2, 1, 30);
	pub = marshalled(&p);
	assert_int_equal(t2_public_parse_ecc(&pub, &t, &point), 0);
	assert_memory_equal(point.x, want, 32);
}

/* One deviation each from a public area that is accepted. */
static void refuses_other_public_areas(void **state)
{
	struct t2_ecc_template t;
	struct t2_point point;
	struct t2_public pub;
	TPMT_PUBLIC p[12];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = signing();
	p[1].nameAlg = TPM2_ALG_SHA384;
	p[2].authPolicy.size = 20;
	p[3].parameters.eccDetail.curveID = TPM2_ECC_NIST_P384;
	p[4].parameters.eccDetail.scheme.scheme = TPM2_ALG_ECSCHNORR;
	p[5].parameters.eccDetail.scheme.details.ecdsa.hashAlg =
		TPM2_ALG_SHA384;
	p[6].parameters.eccDetail.kdf.scheme = TPM2_ALG_KDF1_SP800_108;
	p[6].parameters.eccDetail.kdf.details.kdf1_sp800_108.hashAlg =
		TPM2_ALG_SHA256;
	p[7].unique.ecc.x.size = 33;
	p[8].unique.ecc.y.size = 0;
	p[9] = storage(0x00030472);
	p[9].parameters.eccDetail.symmetric.keyBits.aes = 256;
	p[10] = storage(0x00030472);
	p[10].parameters.eccDetail.symmetric.algorithm = TPM2_ALG_CAMELLIA;
	p[11] = (TPMT_PUBLIC){
		.type = TPM2_ALG_RSA,
		.nameAlg = TPM2_ALG_SHA256,
		.parameters.rsaDetail = {
			.symmetric.algorithm = TPM2_ALG_NULL,
			.scheme.scheme = TPM2_ALG_NULL,
			.keyBits = 2048,
		},
		.unique.rsa.size = 256,
	};
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		pub = marshalled(&p[i]);
		assert_int_equal(t2_public_parse_ecc(&pub, &t, &point),
				 i ? -EINVAL : 0);
	}
}

static void refuses_every_other_length(void **state)
{
	TPMT_PUBLIC p = signing();
	struct t2_public pub = marshalled(&p);
	struct t2_ecc_template t;
	struct t2_point point;
	u16 len = pub.len;

	(void)state;
	for (pub.len = 0; pub.len <= len + 1; pub.len++)
		assert_int_equal(t2_public_parse_ecc(&pub, &t, &point),
				 pub.len == len ? 0 : -EINVAL);
}

/* Each field that is not free to differ, in an area of the right length. */
static void refuses_every_altered_field(void **state)
{
	TPMT_PUBLIC p[2] = { signing(), storage(0x00030472) };
	struct t2_ecc_template t;
	struct t2_public pub;
	struct t2_point point;
	size_t i, bit, at;
	int err;

	(void)state;
	for (i = 0; i < 2; i++) {
		pub = marshalled(&p[i]);
		for (bit = 0; bit < 8u * pub.len; bit++) {
			at = bit / 8;
			pub.data[at] ^= 1 << bit % 8;
			err = t2_public_parse_ecc(&pub, &t, &point);
			pub.data[at] ^= 1 << bit % 8;
			/* attributes and the coordinates */
			if ((at >= 4 && at < 8) ||
			    (at >= pub.len - 66u && at < pub.len - 34u) ||
			    at >= pub.len - 32u)
				assert_int_equal(err, 0);
			else
				assert_int_equal(err, -EINVAL);
		}
	}
}

/* Policy digests against the formulas of Part 3, hashed by OpenSSL. */
static void extend(u8 digest[32], const char *tail_hex, const u8 *more,
		   size_t len)
{
	u8 in[256];
	long n = 0;
	unsigned char *tail = OPENSSL_hexstr2buf(tail_hex, &n);

	memcpy(in, digest, 32);
	memcpy(in + 32, tail, (size_t)n);
	memcpy(in + 32 + n, more, len);
	SHA256(in, 32 + (size_t)n + len, digest);
	OPENSSL_free(tail);
}

static void policy_digests(void **state)
{
	const struct t2_name name = { 4, "NAME" };
	const u8 operand[8] = "\0\0\0\0\0\0\0\5", select[3] = { 1, 2, 4 };
	const u8 pcrs[32] = "pcr digest";
	u8 got[32] = "start", want[32] = "start", args[36];
	struct t2_entity e;

	(void)state;
	memcpy(args, operand, 8);
	memcpy(args + 8, "\0\3\0\0", 4);
	SHA256(args, 12, args);
	memcpy(args + 32, "NAME", 4);
	extend(want, "00000149", args, 36);
	assert_int_equal(
		t2_policy_digest_nv(got, &name, operand, 8, 3, T2_EO_EQ), 0);
	assert_memory_equal(got, want, 32);

	extend(want, "0000016b", pcrs, 0);
	assert_int_equal(t2_policy_digest_auth_value(got), 0);
	assert_memory_equal(got, want, 32);

	extend(want, "0000017f00000001000b03010204", pcrs, 32);
	assert_int_equal(t2_policy_digest_pcr(got, select, pcrs), 0);
	assert_memory_equal(got, want, 32);

	memset(got, 0, 32);
	t2_hierarchy(&e, T2_RH_ENDORSEMENT);
	assert_int_equal(t2_policy_digest_secret(got, &e.name), 0);
	assert_memory_equal(got, policy_a, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(templates_are_those_of_the_tcg),
		cmocka_unit_test(name_is_algorithm_and_digest),
		cmocka_unit_test(name_of_nv_index),
		cmocka_unit_test(name_of_hierarchy_is_its_handle),
		cmocka_unit_test(parses_what_it_writes),
		cmocka_unit_test(short_coordinate_is_padded),
		cmocka_unit_test(refuses_other_public_areas),
		cmocka_unit_test(refuses_every_other_length),
		cmocka_unit_test(refuses_every_altered_field),
		cmocka_unit_test(policy_digests),
	};

	return cmocka_run_group_tests_name("tpm name", tests, NULL, NULL);
}
