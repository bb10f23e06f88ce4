// SPDX-License-Identifier: MIT
/*
 * Signature "ECDSA". Digests are computed in software; a restricted key gets the
 * message itself, since the TPM signs only what it has hashed.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>

#include "provider/provider.h"

static OSSL_FUNC_signature_newctx_fn signature_newctx;
static OSSL_FUNC_signature_freectx_fn signature_freectx;
static OSSL_FUNC_signature_dupctx_fn signature_dupctx;
static OSSL_FUNC_signature_sign_init_fn signature_sign_init;
static OSSL_FUNC_signature_sign_fn signature_sign;
static OSSL_FUNC_signature_digest_sign_init_fn signature_digest_sign_init;
static OSSL_FUNC_signature_digest_sign_update_fn signature_digest_sign_update;
static OSSL_FUNC_signature_digest_sign_final_fn signature_digest_sign_final;
static OSSL_FUNC_signature_verify_init_fn signature_verify_init;
static OSSL_FUNC_signature_verify_fn signature_verify;
static OSSL_FUNC_signature_digest_verify_init_fn signature_digest_verify_init;
static OSSL_FUNC_signature_digest_verify_update_fn
	signature_digest_verify_update;
static OSSL_FUNC_signature_digest_verify_final_fn signature_digest_verify_final;
static OSSL_FUNC_signature_get_ctx_params_fn signature_get_ctx_params;
static OSSL_FUNC_signature_gettable_ctx_params_fn signature_gettable_ctx_params;
static OSSL_FUNC_signature_set_ctx_params_fn signature_set_ctx_params;
static OSSL_FUNC_signature_settable_ctx_params_fn signature_settable_ctx_params;

struct signature {
	struct provider *prov;
	char *propq;
	struct key *key;
	const struct digest *digest; /* NULL: told by the length */
	EVP_MD_CTX *md; /* digest-sign with an ordinary key */
	unsigned char *message; /* digest-sign with a restricted key */
	size_t message_len;
};

/* AlgorithmIdentifier ecdsa-with-SHA2 (RFC 5758, 3.2), the last byte tells which */
#define ALGORITHM_ID(n)                                                     \
	{                                                                   \
		0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, \
			0x03, n                                             \
	}

static const struct digest {
	int nid;
	const char *name;
	size_t size;
	unsigned char algorithm[12];
} digests[] = {
	{ NID_sha256, "SHA256", 32, ALGORITHM_ID(2) },
	{ NID_sha384, "SHA384", 48, ALGORITHM_ID(3) },
	{ NID_sha512, "SHA512", 64, ALGORITHM_ID(4) },
};

#define DIGESTS (sizeof(digests) / sizeof(digests[0]))

static void *signature_newctx(void *provctx, const char *propq)
{
	struct signature *s = OPENSSL_zalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->prov = provctx;
	if (propq) {
		s->propq = OPENSSL_strdup(propq);
		if (!s->propq) {
			OPENSSL_free(s);
			return NULL;
		}
	}
	return s;
}

static void drop_message(struct signature *s)
{
	OPENSSL_clear_free(s->message, KEY_MESSAGE_MAX);
	s->message = NULL;
	s->message_len = 0;
}

static void signature_freectx(void *ctx)
{
	struct signature *s = ctx;

	if (!s)
		return;
	key_free(s->key);
	EVP_MD_CTX_free(s->md);
	drop_message(s);
	OPENSSL_free(s->propq);
	OPENSSL_free(s);
}

static int copy_progress(struct signature *to, const struct signature *from)
{
	if (from->md) {
		to->md = EVP_MD_CTX_new();
		if (!to->md || !EVP_MD_CTX_copy_ex(to->md, from->md))
			return 0;
	}
	if (from->message) {
		to->message = OPENSSL_memdup(from->message, KEY_MESSAGE_MAX);
		if (!to->message)
			return 0;
		to->message_len = from->message_len;
	}
	return 1;
}

static void *signature_dupctx(void *ctx)
{
	const struct signature *from = ctx;
	struct signature *to = signature_newctx(from->prov, from->propq);

	if (!to)
		return NULL;
	if (from->key)
		to->key = key_ref(from->key);
	to->digest = from->digest;
	if (!copy_progress(to, from)) {
		signature_freectx(to);
		return NULL;
	}
	return to;
}

/* The table's entry for what any provider calls "SHA256", "SHA2-256", "SHA-256" ... */
static const struct digest *find_digest(struct signature *s, const char *name,
					const char *propq, EVP_MD **out)
{
	EVP_MD *md =
		EVP_MD_fetch(s->prov->libctx, name, propq ? propq : s->propq);

	for (size_t i = 0; md && i < DIGESTS; i++)
		if (EVP_MD_is_a(md, digests[i].name)) {
			*out = md;
			return &digests[i];
		}
	EVP_MD_free(md);
	provider_error(s->prov, REASON_DIGEST,
		       "'%s': keys of a module sign SHA256, SHA384 and SHA512",
		       name);
	return NULL;
}

static int set_digest(struct signature *s, const char *name, const char *propq)
{
	EVP_MD *md;

	s->digest = find_digest(s, name, propq, &md);
	if (!s->digest)
		return 0;
	EVP_MD_free(md);
	return 1;
}

/* @key NULL: keep the one of the last time. */
static int set_key(struct signature *s, struct key *key)
{
	if (key) {
		key_ref(key);
		key_free(s->key);
		s->key = key;
	}
	if (!s->key || !key_point(s->key))
		return provider_error(s->prov, REASON_KEY, "no key is set");
	return 1;
}

static int set_private_key(struct signature *s, struct key *key)
{
	if (!set_key(s, key))
		return 0;
	if (!key_is_private(s->key))
		return provider_error(s->prov, REASON_KEY,
				      "a public key cannot sign");
	return 1;
}

static int signature_sign_init(void *ctx, void *provkey,
			       const OSSL_PARAM params[])
{
	struct signature *s = ctx;

	if (!set_private_key(s, provkey))
		return 0;
	if (key_is_restricted(s->key))
		return provider_error(
			s->prov, REASON_RESTRICTED,
			"it signs messages, not digests: use EVP_DigestSign, or the module key");
	s->digest = NULL;
	return signature_set_ctx_params(s, params);
}

static const struct digest *digest_of_length(size_t len)
{
	for (size_t i = 0; i < DIGESTS; i++)
		if (digests[i].size == len)
			return &digests[i];
	return NULL;
}

static int signature_sign(void *ctx, unsigned char *sig, size_t *siglen,
			  size_t sigsize, const unsigned char *tbs,
			  size_t tbslen)
{
	struct signature *s = ctx;
	const struct digest *digest = s->digest;

	if (!sig) {
		*siglen = KEY_DER_SIGNATURE_MAX;
		return 1;
	}
	if (!digest)
		digest = digest_of_length(tbslen);
	if (!digest || digest->size != tbslen)
		return provider_error(s->prov, REASON_DIGEST,
				      "no digest has %zu bytes", tbslen);
	return key_sign(s->key, digest->nid, tbs, tbslen, sig, siglen, sigsize);
}

static int start_message(struct signature *s)
{
	if (s->digest->nid != NID_sha256)
		return provider_error(s->prov, REASON_RESTRICTED,
				      "it signs with SHA256 only");
	drop_message(s);
	s->message = OPENSSL_malloc(KEY_MESSAGE_MAX);
	return s->message != NULL;
}

static int start_digest(struct signature *s, const EVP_MD *md)
{
	if (!s->md)
		s->md = EVP_MD_CTX_new();
	return s->md && EVP_DigestInit_ex2(s->md, md, NULL);
}

static int signature_digest_sign_init(void *ctx, const char *mdname,
				      void *provkey, const OSSL_PARAM params[])
{
	struct signature *s = ctx;
	EVP_MD *md;
	int ok;

	if (!set_private_key(s, provkey))
		return 0;
	s->digest = find_digest(s, mdname ? mdname : "SHA256", NULL, &md);
	if (!s->digest)
		return 0;
	ok = key_is_restricted(s->key) ? start_message(s) : start_digest(s, md);
	EVP_MD_free(md);
	/* the digest is settled: all a parameter could do is to name it again */
	(void)params;
	return ok;
}

static int append_message(struct signature *s, const unsigned char *data,
			  size_t len)
{
	if (len > KEY_MESSAGE_MAX - s->message_len)
		return provider_error(
			s->prov, REASON_RESTRICTED,
			"it signs at most %d bytes: use TLS 1.3, or the module key",
			KEY_MESSAGE_MAX);
	memcpy(s->message + s->message_len, data, len);
	s->message_len += len;
	return 1;
}

static int signature_digest_sign_update(void *ctx, const unsigned char *data,
					size_t datalen)
{
	struct signature *s = ctx;

	if (s->message)
		return append_message(s, data, datalen);
	return s->md && EVP_DigestUpdate(s->md, data, datalen);
}

static int signature_digest_sign_final(void *ctx, unsigned char *sig,
				       size_t *siglen, size_t sigsize)
{
	struct signature *s = ctx;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!sig) {
		*siglen = KEY_DER_SIGNATURE_MAX;
		return 1;
	}
	if (s->message)
		return key_sign_message(s->key, s->message, s->message_len, sig,
					siglen, sigsize);
	if (!s->md || !EVP_DigestFinal_ex(s->md, digest, &len))
		return 0;
	return key_sign(s->key, s->digest->nid, digest, len, sig, siglen,
			sigsize);
}

static int signature_verify_init(void *ctx, void *provkey,
				 const OSSL_PARAM params[])
{
	struct signature *s = ctx;

	if (!set_key(s, provkey))
		return 0;
	s->digest = NULL;
	return signature_set_ctx_params(s, params);
}

static int signature_verify(void *ctx, const unsigned char *sig, size_t siglen,
			    const unsigned char *tbs, size_t tbslen)
{
	const struct signature *s = ctx;

	if (s->digest && s->digest->size != tbslen)
		return 0;
	return key_verify(s->key, s->propq, tbs, tbslen, sig, siglen);
}

static int signature_digest_verify_init(void *ctx, const char *mdname,
					void *provkey,
					const OSSL_PARAM params[])
{
	struct signature *s = ctx;
	EVP_MD *md;
	int ok;

	(void)params;
	if (!set_key(s, provkey))
		return 0;
	s->digest = find_digest(s, mdname ? mdname : "SHA256", NULL, &md);
	if (!s->digest)
		return 0;
	ok = start_digest(s, md);
	EVP_MD_free(md);
	return ok;
}

static int signature_digest_verify_update(void *ctx, const unsigned char *data,
					  size_t datalen)
{
	const struct signature *s = ctx;

	return s->md && EVP_DigestUpdate(s->md, data, datalen);
}

static int signature_digest_verify_final(void *ctx, const unsigned char *sig,
					 size_t siglen)
{
	const struct signature *s = ctx;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!s->md || !EVP_DigestFinal_ex(s->md, digest, &len))
		return 0;
	return key_verify(s->key, s->propq, digest, len, sig, siglen);
}

static int signature_get_ctx_params(void *ctx, OSSL_PARAM params[])
{
	const struct signature *s = ctx;
	const struct digest *d = s->digest;
	OSSL_PARAM *p;

	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
	if (p && (!d || !OSSL_PARAM_set_octet_string(p, d->algorithm,
						     sizeof(d->algorithm))))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST_SIZE);
	if (p && (!d || !OSSL_PARAM_set_size_t(p, d->size)))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
	return !p || OSSL_PARAM_set_utf8_string(p, d ? d->name : "");
}

static const OSSL_PARAM *signature_gettable_ctx_params(void *ctx, void *provctx)
{
	static const OSSL_PARAM gettable[] = {
		OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL,
					0),
		OSSL_PARAM_size_t(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return gettable;
}

static int signature_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	struct signature *s = ctx;
	const OSSL_PARAM *p, *q;
	const char *name, *propq = NULL;

	if (!params)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_DIGEST);
	if (!p)
		return 1;
	q = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PROPERTIES);
	if (s->md || s->message || !OSSL_PARAM_get_utf8_string_ptr(p, &name) ||
	    (q && !OSSL_PARAM_get_utf8_string_ptr(q, &propq)))
		return 0;
	return set_digest(s, name, propq);
}

static const OSSL_PARAM *signature_settable_ctx_params(void *ctx, void *provctx)
{
	static const OSSL_PARAM settable[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL,
				       0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return settable;
}

const OSSL_DISPATCH signature_functions[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (dispatch_fn)signature_newctx },
	{ OSSL_FUNC_SIGNATURE_FREECTX, (dispatch_fn)signature_freectx },
	{ OSSL_FUNC_SIGNATURE_DUPCTX, (dispatch_fn)signature_dupctx },
	{ OSSL_FUNC_SIGNATURE_SIGN_INIT, (dispatch_fn)signature_sign_init },
	{ OSSL_FUNC_SIGNATURE_SIGN, (dispatch_fn)signature_sign },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT,
	  (dispatch_fn)signature_digest_sign_init },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE,
	  (dispatch_fn)signature_digest_sign_update },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL,
	  (dispatch_fn)signature_digest_sign_final },
	{ OSSL_FUNC_SIGNATURE_VERIFY_INIT, (dispatch_fn)signature_verify_init },
	{ OSSL_FUNC_SIGNATURE_VERIFY, (dispatch_fn)signature_verify },
	{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT,
	  (dispatch_fn)signature_digest_verify_init },
	{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE,
	  (dispatch_fn)signature_digest_verify_update },
	{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL,
	  (dispatch_fn)signature_digest_verify_final },
	{ OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS,
	  (dispatch_fn)signature_get_ctx_params },
	{ OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS,
	  (dispatch_fn)signature_gettable_ctx_params },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS,
	  (dispatch_fn)signature_set_ctx_params },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS,
	  (dispatch_fn)signature_settable_ctx_params },
	{ 0, NULL },
};
