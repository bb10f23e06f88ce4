/* SPDX-License-Identifier: MIT */
/*
 * The provider's parts. It offers what a private key needs and nothing else: key
 * management and signing for EC keys that sit in a module, a store for their
 * URIs and a decoder for files that hold such a URI. Digests, random numbers,
 * verification and everyday EC keys stay with the other providers.
 */
#ifndef SECMOD_PROVIDER_PROVIDER_H
#define SECMOD_PROVIDER_PROVIDER_H

#include <stdint.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>

#include "provider/backend.h"

#define PROVIDER_NAME "secmod"
#define PROVIDER_VERSION "0.1"
#define PROVIDER_PROPERTIES "provider=secmod"
#define KEY_DER_SIGNATURE_MAX 72
#define KEYREF_STRUCTURE "SecmodKeyReference"

/* Functions that go into dispatch tables. */
typedef void (*dispatch_fn)(void);

struct core { /* libcrypto's functions for us */
	OSSL_FUNC_core_get_libctx_fn *get_libctx;
	OSSL_FUNC_core_new_error_fn *new_error;
	OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
	OSSL_FUNC_core_vset_error_fn *vset_error;
	OSSL_FUNC_BIO_read_ex_fn *bio_read_ex;
	OSSL_FUNC_BIO_gets_fn *bio_gets;
};

struct provider {
	const OSSL_CORE_HANDLE *handle;
	struct core core;
	OSSL_LIB_CTX *libctx; /* for digests */
	int libctx_is_parents; /* else our own */
	OSSL_ALGORITHM *stores; /* one for each backend */
};

/* provider.c: what libcrypto looks for in the shared object, or gets as built-in */
OSSL_provider_init_fn OSSL_provider_init;

/* error.c */
enum provider_reason {
	REASON_NONE = 0,
	REASON_OPEN, /* a key could not be opened */
	REASON_SIGN, /* a key could not sign */
	REASON_RESTRICTED, /* not with a restricted key */
	REASON_DIGEST, /* digest not supported */
	REASON_KEY, /* no private key */
	REASON_REFERENCE, /* malformed key reference */
	REASON_MEMORY,
};
extern const OSSL_ITEM provider_reasons[];
#define provider_error(prov, reason, ...) \
	provider_raise(prov, __FILE__, __LINE__, __func__, reason, __VA_ARGS__)
/* Returns 0, what most provider functions return on failure. */
int provider_raise(const struct provider *prov, const char *file, int line,
		   const char *func, uint32_t reason, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* backend.c */
const struct key_backend *backend_find(const char *uri);
const struct key_backend *backend_at(size_t i); /* NULL behind the last */

/* backend_secmod.c */
extern const struct key_backend secmod_backend;

/* key.c: a key as keymgmt and signature see it; never changes once made */
struct key;
struct key *key_new(struct provider *prov);
/* NULL with the error raised. */
struct key *key_open(struct provider *prov, const char *uri);
struct key *key_ref(struct key *key);
void key_free(struct key *key);
struct provider *key_provider(const struct key *key);
const unsigned char *key_point(const struct key *key); /* NULL: none */
int key_is_private(const struct key *key);
int key_is_restricted(const struct key *key);
/* For key_new()'s: gives it a public key; 1, or 0 when it has one or @point is none. */
int key_set_point(struct key *key, const unsigned char *point, size_t len);
/* ECDSA-Sig-Value; 1, or 0 with the error raised. */
int key_sign(struct key *key, int hash_nid, const unsigned char *digest,
	     size_t len, unsigned char *sig, size_t *siglen, size_t size);
int key_sign_message(struct key *key, const unsigned char *msg, size_t len,
		     unsigned char *sig, size_t *siglen, size_t size);

/* verify.c: with the public half, by whatever provider libcrypto would take */
int key_verify(struct key *key, const char *propq, const unsigned char *digest,
	       size_t len, const unsigned char *sig, size_t siglen);

/* keymgmt.c, signature.c, store.c, decoder_*.c: the operations */
extern const OSSL_DISPATCH keymgmt_functions[];
extern const OSSL_DISPATCH signature_functions[];
extern const OSSL_DISPATCH store_functions[];
extern const OSSL_DISPATCH decoder_der_functions[];
extern const OSSL_DISPATCH decoder_pem_functions[];

/* object.c: what goes to libcrypto; the key by reference, of which it eats the caller's */
int object_pass_key(struct key *key, OSSL_CALLBACK *cb, void *cbarg);
int object_pass_reference(unsigned char *der, size_t len, OSSL_CALLBACK *cb,
			  void *cbarg);

#endif
