// SPDX-License-Identifier: GPL-2.0-only
/*
 * KDFa and KDFe: known answers (computed with Python's hmac and hashlib), and
 * OpenSSL's KBKDF and SSKDF as oracles. The primitives of the shim: published vectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <cmocka.h>

#include "t2_openssl.h"
#include "tpm/t2.h"

/* key 00..1f, U 40..5f, V 80..9f */
static u8 key[32], u[32], v[32];

static void fill(void)
{
	u8 i;

	for (i = 0; i < 32; i++) {
		key[i] = i;
		u[i] = 0x40 + i;
		v[i] = 0x80 + i;
	}
}

static void kdfa_known_answers(void **state)
{
	static const u8 ath[32] = {
		0x4c, 0xfb, 0xf4, 0x14, 0x4b, 0x94, 0x62, 0x0c,
		0xad, 0xfb, 0x0b, 0x65, 0xf8, 0x6d, 0x97, 0x72,
		0xcd, 0x5c, 0x3f, 0xd3, 0xad, 0xb7, 0x0f, 0x6c,
		0xdf, 0x5a, 0xc4, 0x55, 0xe5, 0x1b, 0x04, 0x85,
	};
	static const u8 cfb[50] = {
		0xd9, 0xc6, 0x60, 0x0e, 0x3b, 0xa5, 0x66, 0x7b, 0xae, 0xc3,
		0x8a, 0x0c, 0xfb, 0x6c, 0x7c, 0x36, 0x07, 0x96, 0xe6, 0x85,
		0x9f, 0x66, 0x54, 0x19, 0x94, 0x6e, 0x0e, 0xc2, 0x3b, 0x70,
		0x3e, 0x10, 0xbb, 0x63, 0x8e, 0x92, 0x08, 0xc8, 0x18, 0x27,
		0xe3, 0x83, 0xa5, 0x75, 0xb9, 0x8f, 0x22, 0x91, 0x18, 0x37,
	};
	static const u8 keyless[20] = {
		0xe3, 0xaa, 0xf5, 0x01, 0xa9, 0x23, 0x22, 0x5c, 0x34, 0xcf,
		0x56, 0x0a, 0x42, 0x13, 0x21, 0xeb, 0xaa, 0x53, 0xb4, 0x35,
	};
	const struct t2_vec uu = { u, 32 }, vv = { v, 32 }, none = { "", 0 };
	u8 out[51];

	(void)state;
	fill();
	assert_int_equal(t2_kdfa(key, 32, "ATH", &uu, &vv, out, 32), 0);
	assert_memory_equal(out, ath, 32);
	out[50] = 0xee;
	assert_int_equal(t2_kdfa(key, 32, "CFB", &uu, &vv, out, 50), 0);
	assert_memory_equal(out, cfb, 50);
	assert_int_equal(out[50], 0xee);
	assert_int_equal(t2_kdfa(NULL, 0, "ATH", &uu, &none, out, 20), 0);
	assert_memory_equal(out, keyless, 20);
}

static void kdfe_known_answer(void **state)
{
	static const u8 secret[40] = {
		0x8f, 0xd4, 0xa6, 0xb2, 0x21, 0x28, 0xda, 0x55, 0xbc, 0xda,
		0x0a, 0xb3, 0x60, 0xe3, 0x5d, 0xd7, 0x24, 0xa2, 0x85, 0xe2,
		0x15, 0x57, 0xf2, 0xfc, 0xd9, 0x2a, 0x62, 0xd4, 0x18, 0xc0,
		0x21, 0x0c, 0x0a, 0xfb, 0x39, 0x4e, 0x07, 0xe7, 0xb8, 0x48,
	};
	u8 out[41] = { [40] = 0xee };

	(void)state;
	fill();
	assert_int_equal(t2_kdfe(key, "SECRET", u, v, out, 40), 0);
	assert_memory_equal(out, secret, 40);
	assert_int_equal(out[40], 0xee);
	assert_int_equal(t2_kdfe(key, "SECRET", u, v, out, 32), 0);
	assert_memory_equal(out, secret, 32);
}

static void derive(const char *name, OSSL_PARAM *params, u8 *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

	assert_int_equal(EVP_KDF_derive(ctx, out, len, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* SP 800-108 counter mode is KDFa. */
static void kdfa_is_kbkdf(void **state)
{
	const struct t2_vec uu = { u, 32 }, vv = { v, 32 };
	u8 got[100], want[100], context[64];
	char label[] = "STORAGE";
	size_t len;

	(void)state;
	fill();
	memcpy(context, u, 32);
	memcpy(context + 32, v, 32);
	for (len = 1; len <= sizeof(got); len++) {
		OSSL_PARAM params[] = {
			OSSL_PARAM_utf8_string("mac", (char *)"HMAC", 0),
			OSSL_PARAM_utf8_string("digest", (char *)"SHA256", 0),
			OSSL_PARAM_utf8_string("mode", (char *)"COUNTER", 0),
			OSSL_PARAM_octet_string("key", key, sizeof(key)),
			OSSL_PARAM_octet_string("salt", label, 7),
			OSSL_PARAM_octet_string("info", context, 64),
			OSSL_PARAM_END,
		};

		derive("KBKDF", params, want, len);
		assert_int_equal(t2_kdfa(key, 32, label, &uu, &vv, got, len),
				 0);
		assert_memory_equal(got, want, len);
	}
}

/* SP 800-56C with a hash is KDFe, the label with its zero before the parties. */
static void kdfe_is_sskdf(void **state)
{
	u8 got[100], want[100], info[6 + 1 + 64] = "SECRET";
	size_t len;

	(void)state;
	fill();
	memcpy(info + 7, u, 32);
	memcpy(info + 39, v, 32);
	for (len = 1; len <= sizeof(got); len++) {
		OSSL_PARAM params[] = {
			OSSL_PARAM_utf8_string("digest", (char *)"SHA256", 0),
			OSSL_PARAM_octet_string("key", key, sizeof(key)),
			OSSL_PARAM_octet_string("info", info, sizeof(info)),
			OSSL_PARAM_END,
		};

		derive("SSKDF", params, want, len);
		assert_int_equal(t2_kdfe(key, "SECRET", u, v, got, len), 0);
		assert_memory_equal(got, want, len);
	}
}

static void primitive_failure_is_passed_on(void **state)
{
	const struct t2_vec uu = { u, 32 }, vv = { v, 32 };
	u8 out[64];

	(void)state;
	t2_openssl_fail(1, -ENOMEM);
	assert_int_equal(t2_kdfa(key, 32, "ATH", &uu, &vv, out, 64), -ENOMEM);
	t2_openssl_fail(1, -EIO);
	assert_int_equal(t2_kdfe(key, "SECRET", u, v, out, 64), -EIO);
	t2_openssl_fail(0, 0);
}

/* RFC 4231, test case 2 */
static void hmac_known_answer(void **state)
{
	static const u8 want[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60,
				   0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26,
				   0x08, 0x95, 0x75, 0xc7 };
	const struct t2_vec in[] = { { "what do ya want ", 16 },
				     { "for nothing?", 12 } };
	u8 out[32];

	(void)state;
	assert_int_equal(t2_hmac_sha256((const u8 *)"Jefe", 4, in, 2, out), 0);
	assert_memory_equal(out, want, sizeof(want));
}

/* NIST SP 800-38A, F.3.13 */
static void cfb_known_answer(void **state)
{
	static const u8 k[16] = { 0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae,
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
	u8 data[20];

	(void)state;
	memcpy(data, plain, sizeof(data));
	assert_int_equal(t2_aes128_cfb(true, k, iv, data, sizeof(data)), 0);
	assert_memory_equal(data, cipher, sizeof(data));
	assert_int_equal(t2_aes128_cfb(false, k, iv, data, sizeof(data)), 0);
	assert_memory_equal(data, plain, sizeof(data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kdfa_known_answers),
		cmocka_unit_test(kdfe_known_answer),
		cmocka_unit_test(kdfa_is_kbkdf),
		cmocka_unit_test(kdfe_is_sskdf),
		cmocka_unit_test(primitive_failure_is_passed_on),
		cmocka_unit_test(hmac_known_answer),
		cmocka_unit_test(cfb_known_answer),
	};

	return cmocka_run_group_tests_name("tpm kdf", tests, NULL, NULL);
}
