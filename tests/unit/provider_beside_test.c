// SPDX-License-Identifier: MIT
/*
 * Ordinary keys while the provider is loaded, in each order of loading: they
 * must stay with the default provider and work as ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "provider_world.h"

static EVP_PKEY *generate(struct world *w, const char *type, const char *group)
{
	EVP_PKEY *key;

	if (strcmp(type, "EC") == 0)
		key = EVP_PKEY_Q_keygen(w->libctx, NULL, type, group);
	else if (strcmp(type, "RSA") == 0)
		key = EVP_PKEY_Q_keygen(w->libctx, NULL, type, (size_t)2048);
	else
		key = EVP_PKEY_Q_keygen(w->libctx, NULL, type);
	assert_non_null(key);
	return key;
}

static void check_key(struct world *w, EVP_PKEY *key, EVP_PKEY *public)
{
	unsigned char sig[600];
	size_t len = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_string_equal(
		OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(key)),
		"default");
	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", w->libctx,
					       NULL, key, NULL),
			 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len,
					(const unsigned char *)"m", 1),
			 1);
	EVP_MD_CTX_free(ctx);
	assert_true(digest_verify(w, public, "SHA256", "m", 1, sig, len));
	assert_int_equal(ERR_peek_error(), 0);
	assert_false(digest_verify(w, public, "SHA256", "n", 1, sig, len));
	ERR_clear_error();
}

static EVP_PKEY *write_and_read(struct world *w, EVP_PKEY *key, int private)
{
	BIO *b = BIO_new(BIO_s_mem());
	EVP_PKEY *back;

	if (private) {
		assert_int_equal(PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0,
							  NULL, NULL),
				 1);
		back = PEM_read_bio_PrivateKey_ex(b, NULL, NULL, NULL,
						  w->libctx, NULL);
	} else {
		assert_int_equal(PEM_write_bio_PUBKEY(b, key), 1);
		back = PEM_read_bio_PUBKEY_ex(b, NULL, NULL, NULL, w->libctx,
					      NULL);
	}
	BIO_free(b);
	assert_non_null(back);
	return back;
}

static void check_type(struct world *w, const char *type, const char *group)
{
	EVP_PKEY *key = generate(w, type, group), *private, *public;

	private = write_and_read(w, key, 1);
	public = write_and_read(w, key, 0);
	assert_int_equal(EVP_PKEY_eq(key, private), 1);
	assert_int_equal(EVP_PKEY_eq(private, public), 1);
	check_key(w, key, public);
	check_key(w, private, key);
	EVP_PKEY_free(private);
	EVP_PKEY_free(public);
	EVP_PKEY_free(key);
}

/* A key of ours in the process, before and after the others come to be. */
static void ordinary_keys(void **state)
{
	struct world *w = *state;
	EVP_PKEY *ours;

	check_type(w, "EC", "P-256");
	ours = open_plain(w);
	check_type(w, "EC", "P-256");
	check_type(w, "EC", "P-384");
	check_type(w, "EC", "secp256k1");
	check_type(w, "RSA", NULL);
	EVP_PKEY_free(ours);
	check_type(w, "EC", "P-256");
	assert_int_equal(ERR_peek_error(), 0);
}

static void ordinary_ecdh(void **state)
{
	struct world *w = *state;
	EVP_PKEY *ours = open_plain(w);
	EVP_PKEY *key = generate(w, "EC", "P-256");
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(w->libctx, key, NULL);
	unsigned char secret[32];
	size_t len = sizeof(secret);

	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, fake_keys[PLAIN]), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, secret, &len), 1);
	EVP_PKEY_CTX_free(ctx);

	ctx = EVP_PKEY_CTX_new_from_pkey(w->libctx, ours, NULL);
	assert_int_not_equal(EVP_PKEY_derive_init(ctx), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ours);
}

static void ordinary_key_from_numbers(void **state)
{
	struct world *w = *state;
	EVP_PKEY *ours = open_plain(w), *key = NULL;
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx;

	assert_int_equal(EVP_PKEY_todata(fake_keys[PLAIN], EVP_PKEY_KEYPAIR,
					 &params),
			 1);
	ctx = EVP_PKEY_CTX_new_from_name(w->libctx, "EC", NULL);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params),
			 1);
	check_key(w, key, fake_keys[PLAIN]);
	assert_int_equal(EVP_PKEY_eq(key, ours), 1);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ours);
}

/* With a query that asks for it: what the provider takes in. */
static EVP_PKEY *import(struct world *w, EVP_PKEY *from, int selection)
{
	EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(w->libctx, "EC", "provider=secmod");
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_todata(from, selection, &params), 1);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	if (EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

static int checks_as_pair(struct world *w, EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(w->libctx, key, NULL);
	int ok = EVP_PKEY_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static void only_public_keys_of_p256_come_in(void **state)
{
	struct world *w = *state;
	EVP_PKEY *other = generate(w, "EC", "secp256k1");
	EVP_PKEY *ours = open_plain(w), *public;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_null(import(w, fake_keys[PLAIN], EVP_PKEY_KEYPAIR));
	assert_null(import(w, other, EVP_PKEY_PUBLIC_KEY));
	public = import(w, fake_keys[PLAIN], EVP_PKEY_PUBLIC_KEY);
	assert_non_null(public);
	assert_int_equal(EVP_PKEY_eq(public, ours), 1);
	assert_true(checks_as_pair(w, ours));
	assert_false(checks_as_pair(w, public));
	assert_int_not_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256",
						   w->libctx, "provider=secmod",
						   public, NULL),
			     1);
	assert_true(queue_mentions("a public key cannot sign"));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(public);
	EVP_PKEY_free(other);
	EVP_PKEY_free(ours);
}

/* Our keys work in the same process all the same. */
static void our_keys(void **state)
{
	struct world *w = *state;
	EVP_PKEY *key = open_plain(w);
	unsigned char sig[80];
	size_t len;

	assert_true(digest_sign(w, key, "SHA256", "m", 1, sig, &len));
	assert_true(
		digest_verify(w, fake_keys[PLAIN], "SHA256", "m", 1, sig, len));
	assert_int_equal(EVP_PKEY_eq(key, fake_keys[PLAIN]), 1);
	EVP_PKEY_free(key);
}

static void nothing_but_keys_is_offered(void **state)
{
	struct world *w = *state;

	assert_null(EVP_MD_fetch(w->libctx, "SHA256", "provider=secmod"));
	assert_null(EVP_RAND_fetch(w->libctx, "CTR-DRBG", "provider=secmod"));
	assert_null(EVP_KEYEXCH_fetch(w->libctx, "ECDH", "provider=secmod"));
	assert_null(
		EVP_CIPHER_fetch(w->libctx, "AES-128-GCM", "provider=secmod"));
	ERR_clear_error();
}

#define IN_ORDER(f, order)                                       \
	{                                                        \
#f " " #order, f, world_##order, world_end, NULL \
	}
#define T(f)                                                   \
	IN_ORDER(f, default_first), IN_ORDER(f, secmod_first), \
		IN_ORDER(f, secmod_alone_for_a_while)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(ordinary_keys),
		T(ordinary_ecdh),
		T(ordinary_key_from_numbers),
		T(only_public_keys_of_p256_come_in),
		T(our_keys),
		T(nothing_but_keys_is_offered),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("provider beside others", tests,
					   world_group_begin, world_group_end);
}
