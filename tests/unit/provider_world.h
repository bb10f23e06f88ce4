/* SPDX-License-Identifier: MIT */
/*
 * What the provider's tests share: a backend in memory with the keys fake:plain
 * and fake:restricted, and library contexts that have both providers.
 */
#ifndef TESTS_UNIT_PROVIDER_WORLD_H
#define TESTS_UNIT_PROVIDER_WORLD_H

#include <openssl/evp.h>
#include <openssl/provider.h>

enum { PLAIN, RESTRICTED };

extern EVP_PKEY *fake_keys[2]; /* behind the URIs, with their private halves */
int fake_open_count(void);

struct world {
	OSSL_LIB_CTX *libctx;
	OSSL_PROVIDER *first, *second;
};

/* cmocka fixtures: the group's, then one for each order of loading */
int world_group_begin(void **state);
int world_group_end(void **state);
int world_default_first(void **state);
int world_secmod_first(void **state);
int world_secmod_alone_for_a_while(void **state);
int world_end(void **state);

EVP_PKEY *open_uri(struct world *w, const char *uri);
EVP_PKEY *open_plain(struct world *w);
EVP_PKEY *open_restricted(struct world *w);
/* Empties the error queue: was @text in a reason or its data? */
int queue_mentions(const char *text);
int digest_sign(struct world *w, EVP_PKEY *key, const char *md,
		const void *data, size_t len, unsigned char sig[80],
		size_t *siglen);
int digest_verify(struct world *w, EVP_PKEY *key, const char *md,
		  const void *data, size_t len, const unsigned char *sig,
		  size_t siglen);

#endif
