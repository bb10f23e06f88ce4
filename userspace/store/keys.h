/* SPDX-License-Identifier: MIT */
/*
 * What the central system keeps about the keys in modules: cryptograms, key versions and
 * check values, transaction keys issued, resets ordered. Never a key.
 */
#ifndef SECMOD_STORE_KEYS_H
#define SECMOD_STORE_KEYS_H

#include "store/store.h"

#define STORE_KCV_MAX 9
#define STORE_NONCE_SIZE 32

/* The cryptogram of a module's replacement key: the last one counts, all are kept. */
int store_cryptogram_add(struct store *s, const uint8_t uid[STORE_UID_SIZE],
			 const uint8_t *cms, size_t len, struct error *e);
/* Written with malloc()ed memory. */
int store_cryptogram(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		     uint8_t **cms, size_t *len, struct error *e);

/* The identity certificate of a module, DER. */
int store_identity_set(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		       const uint8_t *der, size_t len, struct error *e);
/* Written with malloc()ed memory. */
int store_identity(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		   uint8_t **der, size_t *len, struct error *e);

struct store_keyset {
	int kvn;
	uint8_t kcv[STORE_KCV_MAX];
	int64_t asked; /* when the module said so */
};
/* All it has, in place of what was known. */
int store_keysets_seen(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		       const struct store_keyset *keysets, size_t n,
		       struct error *e);
typedef int (*store_keyset_fn)(void *arg, const struct store_keyset *keyset);
int store_keysets(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		  store_keyset_fn fn, void *arg, struct error *e);

struct store_tkey { /* a transaction key */
	uint32_t id; /* unique for ever: no two keys of one id */
	uint8_t uid[STORE_UID_SIZE];
	char serial[33];
	int kvn;
	int64_t lifetime, messages;
	char state[16]; /* ordered, issued, replaced, revoked, failed */
	char cause[STORE_TEXT_MAX];
	int64_t issued, changed;
};
/* Records the order to issue one; @k gets its id. */
int store_tkey_add(struct store *s, struct store_tkey *k, struct error *e);
/* "issued" makes the one before of the same version "replaced". */
int store_tkey_set(struct store *s, const struct store_tkey *k,
		   const char *state, const char *cause, struct error *e);
typedef int (*store_tkey_fn)(void *arg, const struct store_tkey *k);
/* @uid NULL: of all modules. */
int store_tkeys(struct store *s, const uint8_t *uid, store_tkey_fn fn,
		void *arg, struct error *e);

struct store_reset {
	int64_t entry;
	uint8_t uid[STORE_UID_SIZE];
	char serial[33];
	int64_t epoch; /* the one that ends */
	uint8_t nonce[STORE_NONCE_SIZE]; /* for the proof */
	char reason[STORE_TEXT_MAX];
	int64_t ordered;
	char state[16]; /* ordered, sent, proved, failed */
	char cause[STORE_TEXT_MAX];
	const uint8_t *proof; /* DER of ErasureProof */
	size_t proof_len;
	int64_t changed;
};
/* Records the order; @r gets its entry. */
int store_reset_add(struct store *s, struct store_reset *r, struct error *e);
int store_reset_set(struct store *s, const struct store_reset *r,
		    const char *state, const char *cause, struct error *e);
typedef int (*store_reset_fn)(void *arg, const struct store_reset *r);
int store_resets(struct store *s, const uint8_t *uid, store_reset_fn fn,
		 void *arg, struct error *e);

#endif
