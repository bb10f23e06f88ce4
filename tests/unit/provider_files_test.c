// SPDX-License-Identifier: MIT
/* Key reference files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "provider/keyref.h"
#include "provider_world.h"

static EVP_PKEY *read_pem(struct world *w, const char *prefix, const char *uri)
{
	BIO *b = BIO_new(BIO_s_mem());
	EVP_PKEY *key;

	BIO_puts(b, prefix);
	assert_int_equal(keyref_write(b, uri), 0);
	key = PEM_read_bio_PrivateKey_ex(b, NULL, NULL, NULL, w->libctx, NULL);
	BIO_free(b);
	return key;
}

static void reference_is_read_as_a_private_key(void **state)
{
	EVP_PKEY *key = read_pem(*state, "", "fake:plain");

	assert_non_null(key);
	assert_int_equal(EVP_PKEY_eq(key, fake_keys[PLAIN]), 1);
	EVP_PKEY_free(key);
	key = read_pem(*state, "key of terminal 17\n\n", "fake:plain");
	assert_non_null(key);
	EVP_PKEY_free(key);
}

static void reference_to_nothing(void **state)
{
	assert_null(read_pem(*state, "", "fake:nothing"));
	assert_true(queue_mentions("was never made"));
	assert_null(read_pem(*state, "", "other:key"));
}

static void reference_is_no_public_key(void **state)
{
	struct world *w = *state;
	BIO *b = BIO_new(BIO_s_mem());

	keyref_write(b, "fake:plain");
	assert_null(
		PEM_read_bio_PUBKEY_ex(b, NULL, NULL, NULL, w->libctx, NULL));
	BIO_free(b);
}

static void reference_in_a_file_store(void **state)
{
	char path[] = "/tmp/keyref.XXXXXX";
	int fd = mkstemp(path);
	BIO *b = BIO_new_fd(fd, BIO_CLOSE);
	EVP_PKEY *key;

	assert_int_equal(keyref_write(b, "fake:plain"), 0);
	BIO_free(b);
	key = open_uri(*state, path);
	unlink(path);
	assert_non_null(key);
	assert_int_equal(EVP_PKEY_eq(key, fake_keys[PLAIN]), 1);
	EVP_PKEY_free(key);
}

static void reference_of_each_length(void **state)
{
	char uri[KEYREF_URI_MAX + 1], back[KEYREF_URI_MAX + 1], *name, *header;
	unsigned char *der;
	long der_len;

	(void)state;
	for (size_t len = 1; len <= 252; len++) {
		BIO *b = BIO_new(BIO_s_mem());

		memset(uri, 'u', len);
		uri[len] = '\0';
		assert_int_equal(keyref_write(b, uri), 0);
		assert_int_equal(
			PEM_read_bio(b, &name, &header, &der, &der_len), 1);
		assert_string_equal(name, KEYREF_LABEL);
		assert_int_equal(keyref_parse(der, (size_t)der_len, back), 0);
		assert_string_equal(back, uri);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
		BIO_free(b);
	}
	memset(uri, 'u', 253);
	uri[253] = '\0';
	assert_int_equal(keyref_write(NULL, uri), -EINVAL);
	assert_int_equal(keyref_write(NULL, ""), -EINVAL);
}

static void reference_that_is_malformed(void **state)
{
	static const struct {
		const char *what, *der;
		size_t len;
	} cases[] = {
		{ "nothing", "", 0 },
		{ "sequence cut", "\x30", 1 },
		{ "empty sequence", "\x30\x00", 2 },
		{ "empty string", "\x30\x02\x0c\x00", 4 },
		{ "another type", "\x30\x05\x04\x03s:m", 7 },
		{ "no sequence", "\x0c\x03s:m", 5 },
		{ "string longer than sequence", "\x30\x05\x0c\x04s:m", 7 },
		{ "string shorter", "\x30\x05\x0c\x02s:m", 7 },
		{ "sequence longer", "\x30\x06\x0c\x03s:m", 7 },
		{ "bytes behind", "\x30\x05\x0c\x03s:mx", 8 },
		{ "long form for short", "\x30\x81\x05\x0c\x03s:m", 8 },
		{ "indefinite", "\x30\x80\x0c\x03s:m\0\0", 9 },
		{ "two byte length", "\x30\x82\x00\x05\x0c\x03s:m", 9 },
		{ "NUL inside", "\x30\x05\x0c\x03s:\0", 7 },
	};
	char uri[KEYREF_URI_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (keyref_parse((const unsigned char *)cases[i].der,
				 cases[i].len, uri) != -EBADMSG)
			fail_msg("accepted: %s", cases[i].what);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_default_first, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reference_is_read_as_a_private_key),
		T(reference_to_nothing),
		T(reference_is_no_public_key),
		T(reference_in_a_file_store),
		T(reference_of_each_length),
		T(reference_that_is_malformed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("provider files", tests,
					   world_group_begin, world_group_end);
}
