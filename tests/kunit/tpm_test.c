// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pure parts of the TPM layer with the kernel's cryptography: buffers, names, codes,
 * key derivation. Known answers were computed with Python's hashlib and hmac, and are
 * compared with OpenSSL and tpm2-tss by the userspace tests.
 */
#include <kunit/test.h>

#include "tpm/t2.h"

static void writer_is_big_endian(struct kunit *test)
{
	static const u8 want[] = { 0, 0,  0,  19, 1,  2,  3,  4, 5, 6,	 7,  8,
				   9, 10, 11, 12, 13, 14, 15, 0, 2, 'a', 'b' };
	struct t2_writer w;
	u8 data[23];
	size_t at;

	t2_writer_init(&w, data, sizeof(data));
	at = t2_open_u32(&w);
	t2_put_u8(&w, 0x01);
	t2_put_u16(&w, 0x0203);
	t2_put_u32(&w, 0x04050607);
	t2_put_u64(&w, 0x08090a0b0c0d0e0full);
	t2_put_2b(&w, "ab", 2);
	t2_close_u32(&w, at);
	KUNIT_EXPECT_FALSE(test, w.bad);
	KUNIT_EXPECT_EQ(test, w.len, sizeof(want));
	KUNIT_EXPECT_EQ(test, memcmp(data, want, sizeof(want)), 0);
	t2_put_u8(&w, 0);
	KUNIT_EXPECT_TRUE(test, w.bad);
	KUNIT_EXPECT_EQ(test, w.len, sizeof(want));
}

static void write_error_sticks(struct kunit *test)
{
	u8 data[4] = { 0 };
	struct t2_writer w;

	t2_writer_init(&w, data, 3);
	t2_put_u32(&w, 0xffffffff);
	KUNIT_EXPECT_TRUE(test, w.bad);
	t2_put_u8(&w, 0xff);
	KUNIT_EXPECT_EQ(test, w.len, 0);
	KUNIT_EXPECT_EQ(test, data[0], 0);
	t2_writer_init(&w, data, sizeof(data));
	t2_put_2b(&w, data, 0x10000);
	KUNIT_EXPECT_TRUE(test, w.bad);
	t2_writer_init(&w, data, sizeof(data));
	t2_close_u32(&w, 0);
	KUNIT_EXPECT_TRUE(test, w.bad);
}

static void read_error_sticks(struct kunit *test)
{
	static const u8 data[] = { 0, 3, 'a', 'b', 'c' };
	struct t2_reader r;
	u8 out[3] = { 0 };
	size_t len;

	t2_reader_init(&r, data, sizeof(data));
	KUNIT_EXPECT_EQ(test, t2_copy_2b(&r, out, sizeof(out)), 3);
	KUNIT_EXPECT_EQ(test, memcmp(out, "abc", 3), 0);
	KUNIT_EXPECT_EQ(test, t2_left(&r), 0);
	KUNIT_EXPECT_EQ(test, t2_get_u8(&r), 0);
	KUNIT_EXPECT_TRUE(test, r.bad);
	t2_reader_init(&r, data, 4);
	KUNIT_EXPECT_TRUE(test, !t2_get_2b(&r, &len));
	KUNIT_EXPECT_EQ(test, len, 0);
	KUNIT_EXPECT_EQ(test, t2_get_u16(&r), 0);
	KUNIT_EXPECT_EQ(test, t2_left(&r), 0);
	t2_reader_init(&r, data, sizeof(data));
	KUNIT_EXPECT_EQ(test, t2_copy_2b(&r, out, 2), 0);
	KUNIT_EXPECT_TRUE(test, r.bad);
}

static void name_of_storage_root_key(struct kunit *test)
{
	static const u8 want[] = {
		0x00, 0x0b, 0x94, 0x30, 0xf5, 0xe6, 0x34, 0x90, 0x11,
		0x3d, 0x4e, 0xd8, 0x13, 0xe7, 0xaf, 0xe4, 0xe3, 0x01,
		0x2a, 0xf7, 0x5f, 0xd7, 0x40, 0x76, 0xf3, 0xc6, 0xef,
		0xdd, 0x39, 0x27, 0x01, 0xfa, 0x72, 0x04,
	};
	struct t2_public *pub = kunit_kzalloc(test, sizeof(*pub), GFP_KERNEL);
	struct t2_ecc_template t;
	struct t2_point point;
	struct t2_name name;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pub);
	KUNIT_ASSERT_EQ(test, t2_public_srk_ecc(pub), 0);
	KUNIT_EXPECT_EQ(test, t2_name_of_public(pub, &name), 0);
	KUNIT_EXPECT_EQ(test, name.len, sizeof(want));
	KUNIT_EXPECT_EQ(test, memcmp(name.data, want, sizeof(want)), 0);
	KUNIT_EXPECT_EQ(test, t2_public_parse_ecc(pub, &t, &point), 0);
	KUNIT_EXPECT_EQ(test, t.attributes, 0x00030472);
	KUNIT_EXPECT_TRUE(test, t.storage);
	KUNIT_EXPECT_TRUE(test, !t.policy);
	pub->len--;
	KUNIT_EXPECT_EQ(test, t2_public_parse_ecc(pub, &t, &point), -EINVAL);
	pub->data[3] = T2_ALG_SHA384;
	KUNIT_EXPECT_EQ(test, t2_name_of_public(pub, &name), -EOPNOTSUPP);
}

static void name_of_nv_index(struct kunit *test)
{
	static const u8 want[] = {
		0x00, 0x0b, 0x9b, 0x23, 0xdf, 0x39, 0x27, 0x77, 0x6b,
		0xe3, 0xfb, 0xa4, 0x17, 0x0e, 0x8a, 0x55, 0xa4, 0x4e,
		0x33, 0x14, 0x47, 0xf9, 0xb0, 0xe1, 0xf2, 0xea, 0x65,
		0xbe, 0xba, 0xf3, 0x1b, 0x85, 0x75, 0x46,
	};
	const struct t2_nv_public nv = { .index = 0x01800100,
					 .name_alg = T2_ALG_SHA256,
					 .attributes = 0x20060016,
					 .size = 8 };
	struct t2_name name;

	KUNIT_EXPECT_EQ(test, t2_name_of_nv(&nv, &name), 0);
	KUNIT_EXPECT_EQ(test, memcmp(name.data, want, sizeof(want)), 0);
}

/* PolicySecret(endorsement) is the PolicyA of the endorsement key. */
static void policy_of_endorsement_key(struct kunit *test)
{
	struct t2_public *pub = kunit_kzalloc(test, sizeof(*pub), GFP_KERNEL);
	u8 digest[T2_DIGEST_SIZE] = { 0 };
	struct t2_entity endorsement;
	struct t2_ecc_template t;
	struct t2_point point;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pub);
	t2_hierarchy(&endorsement, T2_RH_ENDORSEMENT);
	KUNIT_ASSERT_EQ(test,
			t2_policy_digest_secret(digest, &endorsement.name), 0);
	KUNIT_ASSERT_EQ(test, t2_public_ek_ecc(pub), 0);
	KUNIT_ASSERT_EQ(test, t2_public_parse_ecc(pub, &t, &point), 0);
	KUNIT_EXPECT_EQ(test, t.attributes, 0x000300b2);
	KUNIT_ASSERT_TRUE(test, t.policy);
	KUNIT_EXPECT_EQ(test, memcmp(t.policy, digest, sizeof(digest)), 0);
}

static void policy_of_module_key(struct kunit *test)
{
	static const u8 want[] = {
		0x0a, 0xee, 0xc6, 0x44, 0x4b, 0x49, 0xec, 0xba,
		0xee, 0xf3, 0x20, 0x94, 0x91, 0xcf, 0x19, 0xc5,
		0x4b, 0x73, 0x22, 0x61, 0x6e, 0xe7, 0x6b, 0x75,
		0x9b, 0xa3, 0x47, 0xf7, 0x5b, 0x27, 0x22, 0x77,
	};
	static const u8 epoch[8] = { 0, 0, 0, 0, 0, 0, 0, 5 };
	const struct t2_name nv = { 4, "NAME" };
	u8 digest[T2_DIGEST_SIZE] = { 0 };

	KUNIT_EXPECT_EQ(test,
			t2_policy_digest_nv(digest, &nv, epoch, 8, 0, T2_EO_EQ),
			0);
	KUNIT_EXPECT_EQ(test, t2_policy_digest_auth_value(digest), 0);
	KUNIT_EXPECT_EQ(test, memcmp(digest, want, sizeof(want)), 0);
}

struct rc_case {
	u32 rc;
	int err;
	const char *text;
};

static void codes(struct kunit *test)
{
	static const struct rc_case cases[] = {
		{ 0, 0, "TPM2_Load: 0x000 TPM_RC_SUCCESS" },
		{ 0x18b, -ENOENT, "TPM2_Load: 0x18b TPM_RC_HANDLE (handle 1)" },
		{ 0x98e, -EACCES,
		  "TPM2_Load: 0x98e TPM_RC_AUTH_FAIL (session 1)" },
		{ 0x2db, -EKEYREJECTED,
		  "TPM2_Load: 0x2db TPM_RC_SIGNATURE (parameter 2)" },
		{ 0x148, -EPERM, "TPM2_Load: 0x148 TPM_RC_NV_LOCKED" },
		{ 0x902, -EBUSY, "TPM2_Load: 0x902 TPM_RC_OBJECT_MEMORY" },
		{ 0x921, -EAGAIN, "TPM2_Load: 0x921 TPM_RC_LOCKOUT" },
		{ 0x1df, -EBADMSG,
		  "TPM2_Load: 0x1df TPM_RC_INTEGRITY (parameter 1)" },
		{ 0x400, -EIO, "TPM2_Load: 0x400 TPM_RC_?" },
	};
	char text[80];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ(test, t2_rc_errno(cases[i].rc), cases[i].err);
		KUNIT_EXPECT_STREQ(test,
				   t2_rc_text(0x157, cases[i].rc, text,
					      sizeof(text)),
				   cases[i].text);
	}
}

/* key 00..1f, U 40..5f, V 80..9f */
static void key_derivation(struct kunit *test)
{
	static const u8 kdfa[] = {
		0xd9, 0xc6, 0x60, 0x0e, 0x3b, 0xa5, 0x66, 0x7b, 0xae, 0xc3,
		0x8a, 0x0c, 0xfb, 0x6c, 0x7c, 0x36, 0x07, 0x96, 0xe6, 0x85,
		0x9f, 0x66, 0x54, 0x19, 0x94, 0x6e, 0x0e, 0xc2, 0x3b, 0x70,
		0x3e, 0x10, 0xbb, 0x63, 0x8e, 0x92, 0x08, 0xc8, 0x18, 0x27,
		0xe3, 0x83, 0xa5, 0x75, 0xb9, 0x8f, 0x22, 0x91, 0x18, 0x37,
	};
	static const u8 kdfe[] = {
		0x8f, 0xd4, 0xa6, 0xb2, 0x21, 0x28, 0xda, 0x55, 0xbc, 0xda,
		0x0a, 0xb3, 0x60, 0xe3, 0x5d, 0xd7, 0x24, 0xa2, 0x85, 0xe2,
		0x15, 0x57, 0xf2, 0xfc, 0xd9, 0x2a, 0x62, 0xd4, 0x18, 0xc0,
		0x21, 0x0c, 0x0a, 0xfb, 0x39, 0x4e, 0x07, 0xe7, 0xb8, 0x48,
	};
	u8 key[32], u[32], v[32], out[50], i;
	const struct t2_vec uu = { u, 32 }, vv = { v, 32 };

	for (i = 0; i < 32; i++) {
		key[i] = i;
		u[i] = 0x40 + i;
		v[i] = 0x80 + i;
	}
	KUNIT_EXPECT_EQ(test, t2_kdfa(key, 32, "CFB", &uu, &vv, out, 50), 0);
	KUNIT_EXPECT_EQ(test, memcmp(out, kdfa, sizeof(kdfa)), 0);
	KUNIT_EXPECT_EQ(test, t2_kdfe(key, "SECRET", u, v, out, 40), 0);
	KUNIT_EXPECT_EQ(test, memcmp(out, kdfe, sizeof(kdfe)), 0);
}

/* NIST SP 800-38A, F.3.13, and a block that is not full */
static void parameter_encryption(struct kunit *test)
{
	static const u8 key[16] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae,
				    0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88,
				    0x09, 0xcf, 0x4f, 0x3c };
	static const u8 iv[16] = { 0, 1, 2,  3,	 4,  5,	 6,  7,
				   8, 9, 10, 11, 12, 13, 14, 15 };
	static const u8 plain[20] = { 0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f,
				      0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93,
				      0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57 };
	static const u8 cipher[20] = { 0x3b, 0x3f, 0xd9, 0x2e, 0xb7, 0x2d, 0xad,
				       0x20, 0x33, 0x34, 0x49, 0xf8, 0xe8, 0x3c,
				       0xfb, 0x4a, 0xc8, 0xa6, 0x45, 0x37 };
	u8 *data = kunit_kzalloc(test, sizeof(plain), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, data);
	memcpy(data, plain, sizeof(plain));
	KUNIT_EXPECT_EQ(test, t2_aes128_cfb(true, key, iv, data, 20), 0);
	KUNIT_EXPECT_EQ(test, memcmp(data, cipher, 20), 0);
	KUNIT_EXPECT_EQ(test, t2_aes128_cfb(false, key, iv, data, 20), 0);
	KUNIT_EXPECT_EQ(test, memcmp(data, plain, 20), 0);
}

/* Every call has a key of its own; a point that is not on the curve is refused. */
static void key_agreement(struct kunit *test)
{
	/* 2 G */
	static const struct t2_point two = {
		{
			0x7c, 0xf2, 0x7b, 0x18, 0x8d, 0x03, 0x4f, 0x7e,
			0x8a, 0x52, 0x38, 0x03, 0x04, 0xb5, 0x1a, 0xc3,
			0xc0, 0x89, 0x69, 0xe2, 0x77, 0xf2, 0x1b, 0x35,
			0xa6, 0x0b, 0x48, 0xfc, 0x47, 0x66, 0x99, 0x78,
		},
		{
			0x07, 0x77, 0x55, 0x10, 0xdb, 0x8e, 0xd0, 0x40,
			0x29, 0x3d, 0x9a, 0xc6, 0x9f, 0x74, 0x30, 0xdb,
			0xba, 0x7d, 0xad, 0xe6, 0x3c, 0xe9, 0x82, 0x29,
			0x9e, 0x04, 0xb7, 0x9d, 0x22, 0x78, 0x73, 0xd1,
		}
	};
	struct t2_point own, peer = two;
	u8 x[32] = { 0 }, again[32] = { 0 };

	KUNIT_EXPECT_EQ(test, t2_ecdh_p256(&two, &own, x), 0);
	KUNIT_EXPECT_EQ(test, t2_ecdh_p256(&two, &peer, again), 0);
	KUNIT_EXPECT_NE(test, memcmp(x, again, 32), 0);
	KUNIT_EXPECT_NE(test, memcmp(&own, &peer, sizeof(own)), 0);
	peer = two;
	peer.y[31] ^= 1;
	KUNIT_EXPECT_LT(test, t2_ecdh_p256(&peer, &own, x), 0);
}

static void constant_time_comparison(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, t2_equal("abcd", "abcd", 4));
	KUNIT_EXPECT_FALSE(test, t2_equal("abcd", "abce", 4));
	KUNIT_EXPECT_FALSE(test, t2_equal("abcd", "bbcd", 4));
	KUNIT_EXPECT_TRUE(test, t2_equal("abcd", "abce", 3));
}

/* A transport that answers with what stands here. */
static const u8 *answer;
static size_t answer_len;

static int say(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	memcpy(buf, answer, answer_len);
	return (int)answer_len;
}

static void bad_responses_are_refused(struct kunit *test)
{
	static const u8 good[] = { 0x80, 1, 0, 0, 0, 16, 0, 0,
				   0,	 0, 0, 4, 1, 2,	 3, 4 };
	static const u8 zeros[16];
	struct t2 *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	u8 bad[sizeof(good)], out[4];
	size_t i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t);
	t->transmit = say;
	answer = good;
	answer_len = sizeof(good);
	KUNIT_EXPECT_EQ(test, t2_get_random(t, out, 4), 0);
	KUNIT_EXPECT_EQ(test, memcmp(out, good + 12, 4), 0);
	KUNIT_EXPECT_EQ(test, memcmp(t->buf, zeros, 16), 0);
	for (answer_len = 0; answer_len < sizeof(good); answer_len++)
		KUNIT_EXPECT_EQ(test, t2_get_random(t, out, 4), -EBADMSG);
	answer = bad;
	for (i = 0; i < 12; i++) {
		memcpy(bad, good, sizeof(bad));
		bad[i] ^= 0x10;
		KUNIT_EXPECT_EQ(test, t2_get_random(t, out, 4), -EBADMSG);
	}
}

/* clang-format off */
static struct kunit_case tpm_cases[] = {
	KUNIT_CASE(writer_is_big_endian),
	KUNIT_CASE(write_error_sticks),
	KUNIT_CASE(read_error_sticks),
	KUNIT_CASE(name_of_storage_root_key),
	KUNIT_CASE(name_of_nv_index),
	KUNIT_CASE(policy_of_endorsement_key),
	KUNIT_CASE(policy_of_module_key),
	KUNIT_CASE(codes),
	KUNIT_CASE(key_derivation),
	KUNIT_CASE(parameter_encryption),
	KUNIT_CASE(key_agreement),
	KUNIT_CASE(constant_time_comparison),
	KUNIT_CASE(bad_responses_are_refused),
	{}
};

/* clang-format on */

static struct kunit_suite tpm_suite = {
	.name = "tpm",
	.test_cases = tpm_cases,
};

kunit_test_suite(tpm_suite);
