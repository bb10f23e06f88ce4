// SPDX-License-Identifier: MIT
/* A key: a public point and, for a private one, the backend that signs. */
#include <stdatomic.h>
#include <string.h>

#include <openssl/ecdsa.h>

#include "provider/provider.h"

struct key {
	atomic_int refs;
	struct provider *prov;
	const struct key_backend *backend; /* NULL: public only */
	void *priv;
	int has_point;
	unsigned char point[KEY_POINT_SIZE];
};

struct key *key_new(struct provider *prov)
{
	struct key *key = OPENSSL_zalloc(sizeof(*key));

	if (!key) {
		provider_error(prov, REASON_MEMORY, "key");
		return NULL;
	}
	atomic_init(&key->refs, 1);
	key->prov = prov;
	return key;
}

struct key *key_open(struct provider *prov, const char *uri)
{
	const struct key_backend *backend = backend_find(uri);
	struct error e = { "" };
	struct key *key;

	if (!backend) {
		provider_error(prov, REASON_OPEN,
			       "key '%s': this program has no such keys", uri);
		return NULL;
	}
	key = key_new(prov);
	if (!key)
		return NULL;
	if (backend->open(uri, &key->priv, key->point, &e) < 0) {
		provider_error(prov, REASON_OPEN, "%s", e.text);
		key_free(key);
		return NULL;
	}
	key->backend = backend;
	key->has_point = 1;
	return key;
}

struct key *key_ref(struct key *key)
{
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

void key_free(struct key *key)
{
	if (!key || atomic_fetch_sub(&key->refs, 1) > 1)
		return;
	if (key->backend)
		key->backend->close(key->priv);
	OPENSSL_free(key);
}

struct provider *key_provider(const struct key *key)
{
	return key->prov;
}

const unsigned char *key_point(const struct key *key)
{
	return key->has_point ? key->point : NULL;
}

int key_is_private(const struct key *key)
{
	return key->backend != NULL;
}

int key_is_restricted(const struct key *key)
{
	return key->backend && key->backend->restricted &&
	       key->backend->restricted(key->priv);
}

int key_set_point(struct key *key, const unsigned char *point, size_t len)
{
	if (key->has_point || len != KEY_POINT_SIZE || point[0] != 0x04)
		return 0;
	memcpy(key->point, point, len);
	key->has_point = 1;
	return 1;
}

/* r || s -> ECDSA-Sig-Value (RFC 3279, 2.2.3) */
static int encode_signature(const unsigned char raw[KEY_SIGNATURE_SIZE],
			    unsigned char *sig, size_t *siglen, size_t size)
{
	const int half = KEY_SIGNATURE_SIZE / 2;
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, half, NULL);
	BIGNUM *v = BN_bin2bn(raw + half, half, NULL);
	int len = -1;

	if (s && r && v && ECDSA_SIG_set0(s, r, v)) {
		r = v = NULL;
		len = i2d_ECDSA_SIG(s, NULL);
		if (len > 0 && (size_t)len <= size)
			i2d_ECDSA_SIG(s, &sig);
		else
			len = -1;
	}
	BN_free(r);
	BN_free(v);
	ECDSA_SIG_free(s);
	if (len < 0)
		return 0;
	*siglen = (size_t)len;
	return 1;
}

static int sign_result(struct key *key, int rc, const struct error *e,
		       const unsigned char *raw, unsigned char *sig,
		       size_t *siglen, size_t size)
{
	if (rc < 0)
		return provider_error(key->prov, REASON_SIGN, "%s", e->text);
	if (!encode_signature(raw, sig, siglen, size))
		return provider_error(key->prov, REASON_SIGN,
				      "no room for the signature");
	return 1;
}

int key_sign(struct key *key, int hash_nid, const unsigned char *digest,
	     size_t len, unsigned char *sig, size_t *siglen, size_t size)
{
	unsigned char raw[KEY_SIGNATURE_SIZE];
	struct error e = { "" };
	int rc;

	if (!key->backend->sign)
		return provider_error(key->prov, REASON_RESTRICTED,
				      "the key signs no digests");
	rc = key->backend->sign(key->priv, hash_nid, digest, len, raw, &e);
	return sign_result(key, rc, &e, raw, sig, siglen, size);
}

int key_sign_message(struct key *key, const unsigned char *msg, size_t len,
		     unsigned char *sig, size_t *siglen, size_t size)
{
	unsigned char raw[KEY_SIGNATURE_SIZE];
	struct error e = { "" };
	int rc = key->backend->sign_message(key->priv, msg, len, raw, &e);

	return sign_result(key, rc, &e, raw, sig, siglen, size);
}
