/* SPDX-License-Identifier: MIT */
/*
 * A personalization unit that attacks: a world of real keys, and a table of cases
 * that each spoil one thing of a bundle that would else be good.
 */
#ifndef TESTS_EVIL_PU_H
#define TESTS_EVIL_PU_H

#include "common/wire.h"
#include "pki/pki.h"

struct evil {
	const char *replay; /* file with a recorded bundle */
	/* the true world */
	X509 *root, *true_signer;
	EVP_PKEY *root_key, *unit_key;
	/* what this session claims: certificate and key that sign the bundle */
	X509 *signer;
	EVP_PKEY *key;
	/* of the module, as the protocol told */
	uint8_t uid[16], salt[32], nonce[32], module_nonce[32];
	char serial[33];
	uint64_t epoch;
	EVP_PKEY *module_key;
	/* the bundle in the making */
	struct wire_bundle *bundle;
	unsigned char *der;
	size_t len;
};

/*
 * What a case may change, in the order it is called: the signer (before the offer), the
 * request for the module certificate, that certificate (signed again after), the
 * central certificate likewise, the signed content, the finished DER.
 */
struct evil_case {
	const char *name, *what;
	void (*signer)(struct evil *e);
	void (*request)(struct evil *e, struct pki_request *req);
	void (*module)(struct evil *e, X509 *cert);
	void (*central)(struct evil *e, X509 *cert);
	void (*tbs)(struct evil *e, struct wire_tbs_bundle *tbs);
	EVP_PKEY *(*sign_with)(struct evil *e);
	void (*der)(struct evil *e);
};

/* signer.c, certs.c, bundle.c; the last of each has no name */
extern const struct evil_case evil_signer_cases[], evil_certs_cases[],
	evil_bundle_cases[];

/* evil_pu.c: each ends the program with a text when it fails. */
X509 *evil_issue(enum pki_role role, const char *name, EVP_PKEY *key,
		 X509 *issuer, EVP_PKEY *issuer_key);
EVP_PKEY *evil_key(void);
void evil_sign(X509 *cert, EVP_PKEY *key);

/* spoil.c: sign the certificate again after */
#define ROLE(n) SECMOD_OID_ARC_TEXT ".1." #n
/* Replaces an extension; @value NULL removes it. */
void evil_set_ext(X509 *cert, const char *oid, const char *value);
void evil_set_role(X509 *cert, const char *roles);
void evil_expire(X509 *cert);
void evil_delay(X509 *cert);
/* @in with its last bit changed */
void evil_wrong(uint8_t *out, const uint8_t *in, size_t len);

#endif
