// SPDX-License-Identifier: GPL-2.0-only
/* tpm/platform.h over OpenSSL. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>

#include "t2_openssl.h"

#define POINT_SIZE (1 + 2 * T2_COORD_SIZE)

static const char *random_seed;
static u32 random_count;
static unsigned int fail_skip;
static int fail_err;

void t2_openssl_seed(const char *seed)
{
	random_seed = seed;
	random_count = 0;
}

void t2_openssl_fail(unsigned int skip, int err)
{
	fail_skip = skip;
	fail_err = err;
}

static void (*listener)(char kind, const void *data, size_t len);

void t2_openssl_listen(void (*heard)(char kind, const void *data, size_t len))
{
	listener = heard;
}

static void tell(char kind, const void *data, size_t len)
{
	if (listener)
		listener(kind, data, len);
}

static void tell_agreement(const struct t2_point *peer,
			   const struct t2_point *own, const u8 *x)
{
	struct {
		struct t2_point peer, own;
		u8 x[T2_COORD_SIZE];
	} all = { *peer, *own, { 0 } };

	memcpy(all.x, x, T2_COORD_SIZE);
	tell('E', &all, sizeof(all));
}

static int fail_now(void)
{
	if (!fail_err)
		return 0;
	if (fail_skip) {
		fail_skip--;
		return 0;
	}
	return fail_err;
}

#define MAX_WATCHED 64

static struct t2_kept watched[MAX_WATCHED];
static size_t watched_count;
static bool watching;

static bool inside(const struct t2_kept *outer, const struct t2_kept *inner)
{
	const u8 *o = outer->at, *i = inner->at;

	return i >= o && i + inner->len <= o + outer->len;
}

static void watch(const void *key, size_t len)
{
	if (watching && len && watched_count < MAX_WATCHED)
		watched[watched_count++] = (struct t2_kept){ key, len };
}

static void unwatch(const struct t2_kept *range)
{
	size_t i;

	for (i = 0; i < watched_count; i++)
		if (inside(range, &watched[i]))
			watched[i--] = watched[--watched_count];
}

size_t t2_openssl_unwiped(const struct t2_kept *kept, size_t count)
{
	size_t i, left;

	for (i = 0; i < count; i++)
		unwatch(&kept[i]);
	left = watched_count;
	watched_count = 0;
	watching = kept;
	return left;
}

void memzero_explicit(void *s, size_t count)
{
	unwatch(&(struct t2_kept){ s, count });
	OPENSSL_cleanse(s, count);
	memset(s, 0, count); /* OPENSSL_cleanse() promises no value */
	__asm__ volatile("" : : "r"(s) : "memory");
}

/* The first is what was computed here, and what a forger would like to know. */
bool t2_equal(const void *a, const void *b, size_t len)
{
	watch(a, len);
	return !CRYPTO_memcmp(a, b, len);
}

int t2_sha256(const struct t2_vec *in, size_t count, u8 out[T2_DIGEST_SIZE])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int err = fail_now(), ok;
	size_t i;

	ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	for (i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(md, in[i].data, in[i].len);
	ok = ok && EVP_DigestFinal_ex(md, out, NULL);
	EVP_MD_CTX_free(md);
	if (err)
		return err;
	return ok ? 0 : -EIO;
}

int t2_hmac_sha256(const u8 *key, size_t key_len, const struct t2_vec *in,
		   size_t count, u8 out[T2_DIGEST_SIZE])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
		OSSL_PARAM_END,
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	int err = fail_now(), ok;
	size_t i, len;

	watch(key, key_len);

	/* without a key pointer OpenSSL takes it for a restart */
	ok = ctx &&
	     EVP_MAC_init(ctx, key_len ? key : (const u8 *)"", key_len, params);
	for (i = 0; ok && i < count; i++)
		ok = EVP_MAC_update(ctx, in[i].data, in[i].len);
	ok = ok && EVP_MAC_final(ctx, out, &len, T2_DIGEST_SIZE);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	if (err)
		return err;
	return ok ? 0 : -EIO;
}

int t2_aes128_cfb(bool encrypt, const u8 key[16], const u8 iv[16], u8 *data,
		  size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int err = fail_now(), ok, n;

	watch(key, 16);
	watch(iv, 16);

	ok = ctx && EVP_CipherInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, iv,
				      encrypt);
	ok = ok && EVP_CipherUpdate(ctx, data, &n, data, (int)len);
	EVP_CIPHER_CTX_free(ctx);
	if (err)
		return err;
	return ok ? 0 : -EIO;
}

static EVP_PKEY *public_key(const struct t2_point *point)
{
	u8 raw[POINT_SIZE] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, raw,
					sizeof(raw)),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(raw + 1, point->x, T2_COORD_SIZE);
	memcpy(raw + 1 + T2_COORD_SIZE, point->y, T2_COORD_SIZE);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool get_point(EVP_PKEY *key, struct t2_point *point)
{
	u8 raw[POINT_SIZE];
	size_t len;

	if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, raw,
					     sizeof(raw), &len) ||
	    len != sizeof(raw))
		return false;
	memcpy(point->x, raw + 1, T2_COORD_SIZE);
	memcpy(point->y, raw + 1 + T2_COORD_SIZE, T2_COORD_SIZE);
	return true;
}

int t2_ecdh_p256(const struct t2_point *peer, struct t2_point *own,
		 u8 shared_x[T2_COORD_SIZE])
{
	EVP_PKEY *other = public_key(peer);
	EVP_PKEY *mine = EVP_EC_gen("P-256");
	EVP_PKEY_CTX *ctx = mine ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
	size_t len = T2_COORD_SIZE;
	int err = fail_now(), ok;

	watch(shared_x, T2_COORD_SIZE);

	ok = other && ctx && EVP_PKEY_derive_init(ctx) > 0 &&
	     EVP_PKEY_derive_set_peer(ctx, other) > 0 &&
	     EVP_PKEY_derive(ctx, shared_x, &len) > 0 && get_point(mine, own);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(other);
	if (err)
		return err;
	if (!ok || len != T2_COORD_SIZE)
		return -EIO;
	tell_agreement(peer, own, shared_x);
	return 0;
}

static int seeded(u8 *out, size_t len)
{
	u8 block[T2_DIGEST_SIZE];
	size_t n;

	for (; len; out += n, len -= n) {
		const struct t2_vec in[] = {
			{ random_seed, strlen(random_seed) },
			{ &random_count, sizeof(random_count) },
		};

		if (t2_sha256(in, 2, block))
			return -EIO;
		random_count++;
		n = len < sizeof(block) ? len : sizeof(block);
		memcpy(out, block, n);
	}
	return 0;
}

int t2_random(u8 *out, size_t len)
{
	int err = fail_now();

	if (err)
		return err;
	if (random_seed)
		return seeded(out, len);
	if (RAND_bytes(out, (int)len) != 1)
		return -EIO;
	tell('N', out, len);
	return 0;
}
