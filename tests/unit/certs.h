/* SPDX-License-Identifier: MIT */
/* A small world of certificates, and ways to spoil them. */
#ifndef TESTS_UNIT_CERTS_H
#define TESTS_UNIT_CERTS_H

#include "pki/pki.h"

struct certs {
	EVP_PKEY *root_key, *signer_key, *identity_key, *module_key, *leaf_key;
	X509 *root, *signer, *identity, *module, *central, *unit;
};

extern const uint8_t certs_uid[16], certs_nonce[32], certs_salt[32];
#define CERTS_SERIAL "T-0001"
#define CERTS_EPOCH 7

/* Fails the test when something cannot be made. @name tells several worlds apart. */
void certs_make(struct certs *c, const char *name);
void certs_free(struct certs *c);
EVP_PKEY *certs_key(void);
/* A certificate of @role for @key, names and values as above. */
X509 *certs_issue(enum pki_role role, EVP_PKEY *key, X509 *issuer,
		  EVP_PKEY *issuer_key, int days);
/* Signs @cert again after it was changed. */
void certs_sign(X509 *cert, EVP_PKEY *issuer_key);
/* Puts an extension in place of the one of the same kind (NULL value: removes). */
void certs_set_ext(X509 *cert, const char *oid, const char *value,
		   int critical);
/* Writes it to a new file below $TMPDIR, and gives its path. */
char *certs_file(X509 *first, X509 *second);

#endif
