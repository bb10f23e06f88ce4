// SPDX-License-Identifier: MIT
/* A backend in memory and library contexts, for the provider's tests. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/store.h>

#include "provider/backend.h"
#include "provider/provider.h"
#include "provider_world.h"

/*
 * The backend: fake:plain and fake:restricted, each one software key
 */

static atomic_int fake_open_keys;
EVP_PKEY *fake_keys[2];
static const char *const fake_uris[] = { "fake:plain", "fake:restricted" };

static int fake_open(const char *uri, void **priv,
		     unsigned char point[KEY_POINT_SIZE], struct error *e)
{
	size_t len;

	for (size_t i = 0; i < 2; i++)
		if (strcmp(uri, fake_uris[i]) == 0) {
			*priv = &fake_keys[i];
			EVP_PKEY_get_octet_string_param(fake_keys[i],
							OSSL_PKEY_PARAM_PUB_KEY,
							point, KEY_POINT_SIZE,
							&len);
			fake_open_keys++;
			return 0;
		}
	return error_set(e, ENOENT, "'%s' was never made", uri);
}

static void fake_close(void *priv)
{
	(void)priv;
	fake_open_keys--;
}

static int raw_signature(const unsigned char *der, size_t len,
			 unsigned char sig[KEY_SIGNATURE_SIZE])
{
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)len);

	assert_non_null(s);
	BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32);
	ECDSA_SIG_free(s);
	return 0;
}

static int fake_sign(void *priv, int nid, const unsigned char *digest,
		     size_t len, unsigned char sig[KEY_SIGNATURE_SIZE],
		     struct error *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(*(EVP_PKEY **)priv, NULL);
	unsigned char der[80];
	size_t n = sizeof(der);

	(void)e;
	assert_int_equal(len, EVP_MD_get_size(EVP_get_digestbynid(nid)));
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, der, &n, digest, len), 1);
	EVP_PKEY_CTX_free(ctx);
	return raw_signature(der, n, sig);
}

static int fake_sign_message(void *priv, const unsigned char *msg, size_t len,
			     unsigned char sig[KEY_SIGNATURE_SIZE],
			     struct error *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[80];
	size_t n = sizeof(der);

	if (len > 4 && memcmp(msg, "\xffTCG", 4) == 0) {
		EVP_MD_CTX_free(ctx);
		return error_set(e, EACCES, "looks like a TPM structure");
	}
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
					    *(EVP_PKEY **)priv),
			 1);
	assert_int_equal(EVP_DigestSign(ctx, der, &n, msg, len), 1);
	EVP_MD_CTX_free(ctx);
	return raw_signature(der, n, sig);
}

static int fake_restricted(void *priv)
{
	return priv == &fake_keys[1];
}

static const struct key_backend fake_backend = {
	.scheme = "fake",
	.open = fake_open,
	.sign = fake_sign,
	.sign_message = fake_sign_message,
	.restricted = fake_restricted,
	.close = fake_close,
};

int fake_open_count(void)
{
	return fake_open_keys;
}

/*
 * Library contexts with both providers, loaded one way or the other
 */

static OSSL_PROVIDER *load(struct world *w, const char *name)
{
	OSSL_PROVIDER *prov = OSSL_PROVIDER_load(w->libctx, name);

	assert_non_null(prov);
	return prov;
}

static struct world *world_begin(void)
{
	struct world *w = OPENSSL_zalloc(sizeof(*w));

	w->libctx = OSSL_LIB_CTX_new();
	assert_int_equal(OSSL_PROVIDER_add_builtin(w->libctx, "secmod",
						   OSSL_provider_init),
			 1);
	return w;
}

int world_default_first(void **state)
{
	struct world *w = world_begin();

	w->first = load(w, "default");
	w->second = load(w, "secmod");
	*state = w;
	return 0;
}

int world_secmod_first(void **state)
{
	struct world *w = world_begin();

	w->first = load(w, "secmod");
	w->second = load(w, "default");
	*state = w;
	return 0;
}

/* Something is looked for before the default provider comes. */
int world_secmod_alone_for_a_while(void **state)
{
	struct world *w = world_begin();

	w->first = load(w, "secmod");
	assert_null(EVP_KEYMGMT_fetch(w->libctx, "EC", NULL));
	assert_null(EVP_SIGNATURE_fetch(w->libctx, "ECDSA", NULL));
	ERR_clear_error();
	w->second = load(w, "default");
	*state = w;
	return 0;
}

int world_end(void **state)
{
	struct world *w = *state;

	OSSL_PROVIDER_unload(w->second);
	OSSL_PROVIDER_unload(w->first);
	OSSL_LIB_CTX_free(w->libctx);
	OPENSSL_free(w);
	ERR_clear_error();
	assert_int_equal(atomic_exchange(&fake_open_keys, 0), 0);
	return 0;
}

EVP_PKEY *open_uri(struct world *w, const char *uri)
{
	OSSL_STORE_CTX *store;
	OSSL_STORE_INFO *info;
	EVP_PKEY *key = NULL;

	store = OSSL_STORE_open_ex(uri, w->libctx, NULL, NULL, NULL, NULL, NULL,
				   NULL);
	if (!store)
		return NULL;
	while (!key && !OSSL_STORE_eof(store)) {
		info = OSSL_STORE_load(store);
		if (info)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return key;
}

EVP_PKEY *open_plain(struct world *w)
{
	EVP_PKEY *key = open_uri(w, "fake:plain");

	assert_non_null(key);
	return key;
}

EVP_PKEY *open_restricted(struct world *w)
{
	EVP_PKEY *key = open_uri(w, "fake:restricted");

	assert_non_null(key);
	return key;
}

int queue_mentions(const char *text)
{
	const char *data;
	int flags, found = 0;
	unsigned long code;

	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
		const char *reason = ERR_reason_error_string(code);

		found |= (flags & ERR_TXT_STRING && strstr(data, text)) ||
			 (reason && strstr(reason, text));
	}
	return found;
}

int digest_sign(struct world *w, EVP_PKEY *key, const char *md,
		const void *data, size_t len, unsigned char sig[80],
		size_t *siglen)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	*siglen = 80;
	ok = EVP_DigestSignInit_ex(ctx, NULL, md, w->libctx, NULL, key, NULL) ==
		     1 &&
	     EVP_DigestSign(ctx, sig, siglen, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

int digest_verify(struct world *w, EVP_PKEY *key, const char *md,
		  const void *data, size_t len, const unsigned char *sig,
		  size_t siglen)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	ok = EVP_DigestVerifyInit_ex(ctx, NULL, md, w->libctx, NULL, key,
				     NULL) == 1 &&
	     EVP_DigestVerify(ctx, sig, siglen, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

int world_group_begin(void **state)
{
	(void)state;
	fake_keys[PLAIN] = EVP_EC_gen("P-256");
	fake_keys[RESTRICTED] = EVP_EC_gen("P-256");
	assert_non_null(fake_keys[RESTRICTED]);
	return provider_register_backend(&fake_backend);
}

int world_group_end(void **state)
{
	(void)state;
	EVP_PKEY_free(fake_keys[PLAIN]);
	EVP_PKEY_free(fake_keys[RESTRICTED]);
	return 0;
}
