// SPDX-License-Identifier: MIT
/* Keys of the provider, and what they sign. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "provider/backend.h"
#include "provider_world.h"

/*
 * Keys
 */

static void key_looks_like_p256(void **state)
{
	EVP_PKEY *key = open_plain(*state);
	char group[32], md[32];

	assert_true(EVP_PKEY_is_a(key, "EC"));
	assert_int_equal(EVP_PKEY_get_id(key), EVP_PKEY_EC);
	assert_int_equal(EVP_PKEY_get_bits(key), 256);
	assert_int_equal(EVP_PKEY_get_security_bits(key), 128);
	assert_int_equal(EVP_PKEY_get_size(key), 72);
	assert_int_equal(
		EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
	assert_string_equal(group, "prime256v1");
	assert_int_equal(EVP_PKEY_get_default_digest_name(key, md, sizeof(md)),
			 1);
	assert_string_equal(md, "SHA256");
	assert_string_equal(
		OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key)), "secmod");
	EVP_PKEY_free(key);
}

static void key_goes_out_as_public_only(void **state)
{
	EVP_PKEY *key = open_plain(*state);
	unsigned char *der = NULL;
	OSSL_PARAM *params = NULL;
	BIO *out = BIO_new(BIO_s_mem());
	BIGNUM *d = NULL;

	assert_int_not_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params),
			     1);
	assert_int_not_equal(
		EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
	assert_true(i2d_PrivateKey(key, &der) <= 0);
	assert_int_not_equal(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0,
						      NULL, NULL),
			     1);
	assert_true(i2d_PUBKEY(key, &der) > 0);
	OPENSSL_free(der);
	assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params), 1);
	OSSL_PARAM_free(params);
	BIO_free(out);
	EVP_PKEY_free(key);
}

static void failed_export_leaves_no_error(void **state)
{
	struct world *w = *state;
	EVP_PKEY *key = open_plain(w);
	unsigned char sig[80];
	size_t len;

	ERR_clear_error();
	assert_true(digest_sign(w, key, "SHA256", "m", 1, sig, &len));
	assert_int_equal(EVP_PKEY_eq(key, fake_keys[PLAIN]), 1);
	assert_int_equal(ERR_peek_error(), 0);
	EVP_PKEY_free(key);
}

static void key_equals_its_public_key(void **state)
{
	EVP_PKEY *key = open_plain(*state), *other = open_restricted(*state);

	assert_int_equal(EVP_PKEY_eq(key, fake_keys[PLAIN]), 1);
	assert_int_equal(EVP_PKEY_eq(fake_keys[PLAIN], key), 1);
	assert_int_not_equal(EVP_PKEY_eq(key, fake_keys[RESTRICTED]), 1);
	assert_int_not_equal(EVP_PKEY_eq(key, other), 1);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

static void key_that_does_not_exist(void **state)
{
	assert_null(open_uri(*state, "fake:nothing"));
	assert_true(queue_mentions("was never made"));
}

static void key_of_a_missing_device(void **state)
{
	assert_null(
		open_uri(*state, "secmod:module?device=/nonexistent/secmod0"));
	assert_true(queue_mentions("/nonexistent/secmod0"));
}

static void key_with_an_unknown_option(void **state)
{
	assert_null(open_uri(*state, "secmod:module?pin=1234"));
	assert_true(queue_mentions("unknown option"));
	assert_null(open_uri(*state, "secmod:master"));
	assert_true(queue_mentions("secmod:identity and secmod:module"));
}

static void key_outlives_its_copy(void **state)
{
	EVP_PKEY *key = open_plain(*state), *copy = EVP_PKEY_dup(key);
	unsigned char sig[80];
	size_t len;

	assert_non_null(copy);
	EVP_PKEY_free(key);
	assert_int_equal(fake_open_count(), 1);
	assert_true(digest_sign(*state, copy, "SHA256", "m", 1, sig, &len));
	EVP_PKEY_free(copy);
	assert_int_equal(fake_open_count(), 0);
}

/*
 * Signatures
 */

static void sign_with_each_digest(void **state)
{
	static const char *const names[] = { "SHA256", "SHA384", "SHA512",
					     "SHA2-256" };
	EVP_PKEY *key = open_plain(*state);
	unsigned char sig[80];
	size_t len;

	for (size_t i = 0; i < 4; i++) {
		assert_true(digest_sign(*state, key, names[i], "message", 7,
					sig, &len));
		assert_true(digest_verify(*state, fake_keys[PLAIN], names[i],
					  "message", 7, sig, len));
		assert_false(digest_verify(*state, fake_keys[PLAIN], names[i],
					   "Message", 7, sig, len));
	}
	EVP_PKEY_free(key);
}

static void sign_with_a_weak_digest(void **state)
{
	EVP_PKEY *key = open_plain(*state);
	unsigned char sig[80];
	size_t len;

	assert_false(digest_sign(*state, key, "SHA1", "m", 1, sig, &len));
	assert_true(queue_mentions("SHA256, SHA384 and SHA512"));
	assert_false(digest_sign(*state, key, "MD5", "m", 1, sig, &len));
	EVP_PKEY_free(key);
}

static void sign_a_digest_directly(void **state)
{
	struct world *w = *state;
	EVP_PKEY *key = open_plain(w);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(w->libctx, key, NULL);
	unsigned char digest[32], sig[80];
	size_t len = 0;

	EVP_Digest("message", 7, digest, NULL, EVP_sha256(), NULL);
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, NULL, &len, digest, 32), 1);
	assert_int_equal(len, 72);
	len = 40; /* too small */
	assert_int_not_equal(EVP_PKEY_sign(ctx, sig, &len, digest, 32), 1);
	len = sizeof(sig);
	assert_int_equal(EVP_PKEY_sign(ctx, sig, &len, digest, 32), 1);
	assert_true(digest_verify(w, fake_keys[PLAIN], "SHA256", "message", 7,
				  sig, len));
	len = sizeof(sig);
	assert_int_not_equal(EVP_PKEY_sign(ctx, sig, &len, digest, 31), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha384()), 1);
	assert_int_not_equal(EVP_PKEY_sign(ctx, sig, &len, digest, 32), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static void sign_in_pieces_and_copies(void **state)
{
	struct world *w = *state;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
	EVP_PKEY *keys[2] = { open_plain(w), open_restricted(w) };
	unsigned char sig[80];
	size_t len;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256",
						       w->libctx, NULL, keys[i],
						       NULL),
				 1);
		assert_int_equal(EVP_DigestSignUpdate(ctx, "mess", 4), 1);
		assert_int_equal(EVP_MD_CTX_copy_ex(copy, ctx), 1);
		assert_int_equal(EVP_DigestSignUpdate(copy, "age", 3), 1);
		len = sizeof(sig);
		assert_int_equal(EVP_DigestSignFinal(copy, sig, &len), 1);
		assert_true(digest_verify(w, fake_keys[i], "SHA256", "message",
					  7, sig, len));
		len = sizeof(sig);
		assert_int_equal(EVP_DigestSignFinal(ctx, sig, &len), 1);
		assert_true(digest_verify(w, fake_keys[i], "SHA256", "mess", 4,
					  sig, len));
		EVP_MD_CTX_reset(ctx);
		EVP_MD_CTX_reset(copy);
		EVP_PKEY_free(keys[i]);
	}
	EVP_MD_CTX_free(ctx);
	EVP_MD_CTX_free(copy);
}

/* Programs verify what they have signed with the key they have at hand. */
static void verify_with_our_own_key(void **state)
{
	struct world *w = *state;
	EVP_PKEY *keys[2] = { open_plain(w), open_restricted(w) };
	unsigned char sig[80];
	size_t len;

	for (size_t i = 0; i < 2; i++) {
		assert_true(
			digest_sign(w, keys[i], "SHA256", "m", 1, sig, &len));
		assert_true(
			digest_verify(w, keys[i], "SHA256", "m", 1, sig, len));
		assert_false(
			digest_verify(w, keys[i], "SHA256", "n", 1, sig, len));
		assert_false(digest_verify(w, keys[1 - i], "SHA256", "m", 1,
					   sig, len));
	}
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
}

static void restricted_key_signs_messages(void **state)
{
	struct world *w = *state;
	EVP_PKEY *key = open_restricted(w);
	static unsigned char message[KEY_MESSAGE_MAX + 1];
	unsigned char sig[80];
	size_t len;

	assert_true(digest_sign(w, key, "SHA256", message, KEY_MESSAGE_MAX, sig,
				&len));
	assert_true(digest_verify(w, fake_keys[RESTRICTED], "SHA256", message,
				  KEY_MESSAGE_MAX, sig, len));
	assert_false(digest_sign(w, key, "SHA256", message, KEY_MESSAGE_MAX + 1,
				 sig, &len));
	assert_true(queue_mentions("at most 1024 bytes"));
	assert_false(digest_sign(w, key, "SHA384", "m", 1, sig, &len));
	assert_true(queue_mentions("SHA256 only"));
	assert_false(digest_sign(w, key, "SHA256", "\xffTCG structure", 14, sig,
				 &len));
	assert_true(queue_mentions("looks like a TPM structure"));
	EVP_PKEY_free(key);
}

static void restricted_key_signs_no_digest(void **state)
{
	struct world *w = *state;
	EVP_PKEY *key = open_restricted(w);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(w->libctx, key, NULL);

	assert_int_not_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_true(queue_mentions("messages, not digests"));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static void *sign_often(void *arg)
{
	struct {
		struct world *w;
		EVP_PKEY *key;
	} *job = arg;
	unsigned char sig[80];
	size_t len;

	for (int i = 0; i < 50; i++)
		if (!digest_sign(job->w, job->key, "SHA256", &i, sizeof(i), sig,
				 &len) ||
		    !digest_verify(job->w, fake_keys[PLAIN], "SHA256", &i,
				   sizeof(i), sig, len))
			return arg;
	return NULL;
}

static void sign_in_many_threads(void **state)
{
	struct {
		struct world *w;
		EVP_PKEY *key;
	} job = { *state, open_plain(*state) };
	pthread_t threads[8];
	void *failed;

	for (size_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, sign_often, &job);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	EVP_PKEY_free(job.key);
}

static void sign_in_child_processes(void **state)
{
	EVP_PKEY *key = open_plain(*state);
	unsigned char sig[80];
	size_t len;
	int status;

	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			int ok = digest_sign(*state, key, "SHA256", "m", 1, sig,
					     &len) &&
				 digest_verify(*state, fake_keys[PLAIN],
					       "SHA256", "m", 1, sig, len);
			EVP_PKEY_free(key);
			_exit(ok ? 0 : 1);
		}
	for (int i = 0; i < 3; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_true(digest_sign(*state, key, "SHA256", "m", 1, sig, &len));
	EVP_PKEY_free(key);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_default_first, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(key_looks_like_p256),
		T(key_goes_out_as_public_only),
		T(failed_export_leaves_no_error),
		T(key_equals_its_public_key),
		T(key_that_does_not_exist),
		T(key_of_a_missing_device),
		T(key_with_an_unknown_option),
		T(key_outlives_its_copy),
		T(sign_with_each_digest),
		T(sign_with_a_weak_digest),
		T(sign_a_digest_directly),
		T(sign_in_pieces_and_copies),
		T(verify_with_our_own_key),
		T(restricted_key_signs_messages),
		T(restricted_key_signs_no_digest),
		T(sign_in_many_threads),
		T(sign_in_child_processes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("provider", tests, world_group_begin,
					   world_group_end);
}
