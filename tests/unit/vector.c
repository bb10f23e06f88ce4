// SPDX-License-Identifier: MIT
/* Memory that ends at a guard page, ECDSA of OpenSSL, tests from tables. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "vector.h"

static size_t mapping_size(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page - 1) / page * page + page;
}

struct vector vector_new(const void *data, size_t len)
{
	size_t size = mapping_size(len), page = (size_t)sysconf(_SC_PAGESIZE);
	struct vector v = { .len = len };
	u8 *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(mprotect(at + size - page, page, PROT_NONE), 0);
	v.data = at + size - page - len;
	if (len)
		memcpy(v.data, data, len);
	return v;
}

void vector_free(struct vector *v)
{
	size_t size = mapping_size(v->len),
	       page = (size_t)sysconf(_SC_PAGESIZE);

	assert_int_equal(munmap(v->data + v->len + page - size, size), 0);
}

void vector_read(const char *hex, u8 *out, size_t len)
{
	size_t i;
	unsigned int octet;

	assert_int_equal(strlen(hex), 2 * len);
	for (i = 0; i < len; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &octet), 1);
		out[i] = octet;
	}
}

struct vector vector_from_hex(const char *hex)
{
	size_t len = strlen(hex) / 2;
	struct vector v = vector_new(hex, len);

	vector_read(hex, v.data, len);
	return v;
}

static EVP_PKEY *public_key(const u8 point[CERT_POINT_SIZE])
{
	u8 encoded[1 + CERT_POINT_SIZE] = { 4 };
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
				       (char *)"P-256", 5),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded,
					sizeof(encoded)),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(encoded + 1, point, CERT_POINT_SIZE);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static int encode_signature(const u8 raw[SECMOD_SIG_SIZE], u8 **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int len;

	assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL),
					BN_bin2bn(raw + 32, 32, NULL)),
			 1);
	len = i2d_ECDSA_SIG(sig, der);
	ECDSA_SIG_free(sig);
	return len;
}

int vector_verify(void *ctx, const u8 point[CERT_POINT_SIZE], const void *data,
		  size_t len, const u8 sig[SECMOD_SIG_SIZE])
{
	EVP_PKEY *key = public_key(point);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	u8 *der = NULL;
	int der_len, good;

	(void)ctx;
	der_len = encode_signature(sig, &der);
	good = key &&
	       EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(md, der, der_len, data, len) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return good ? 0 : -EKEYREJECTED;
}

int vector_run(const char *group, const void *rows, size_t size, size_t count,
	       CMUnitTestFunction test)
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	size_t i;
	int failed;

	assert_non_null(tests);
	for (i = 0; i < count; i++) {
		const void *row = (const u8 *)rows + i * size;

		/* every row begins with its name */
		tests[i].name = *(const char *const *)row;
		tests[i].test_func = test;
		tests[i].initial_state = (void *)row;
	}
	failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	free(tests);
	return failed;
}
