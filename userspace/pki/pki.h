/* SPDX-License-Identifier: MIT */
/*
 * The project's certificates: five roles, one chain, walked explicitly.
 *
 *   checking key (manufacturer) -> identity certificate
 *                               -> signing certificate (CA, pathlen 0)
 *                                    -> module, central, unit TLS certificates
 *
 * Each has exactly one role among its extended key usages. X.509 v3, P-256, SHA-256.
 */
#ifndef SECMOD_PKI_PKI_H
#define SECMOD_PKI_PKI_H

#include <stdint.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/error.h"

enum pki_role { /* SECMOD_ROLE_* of the UAPI */
	PKI_ROLE_MANUFACTURER = 0, /* no extended key usage: the root itself */
	PKI_ROLE_IDENTITY = 1,
	PKI_ROLE_SIGNER = 2,
	PKI_ROLE_MODULE = 3,
	PKI_ROLE_CENTRAL = 4,
	PKI_ROLE_UNIT_TLS = 5,
	PKI_ROLE_RECOVERY = 6,
};

const char *pki_role_name(enum pki_role role);

/* What goes into a new certificate beside the key. */
struct pki_request {
	enum pki_role role;
	const char *common_name; /* may be NULL when serial and uid are given */
	const char *serial; /* serial number of the module, or NULL */
	const uint8_t *uid; /* 16 bytes, or NULL */
	const uint8_t *nonce, *salt; /* 32 bytes each: module certificates, else NULL */
	uint64_t epoch; /* with nonce */
	int days; /* validity from now (five minutes back) */
};

/*
 * Issues a certificate for @key. @issuer NULL makes a self-signed one (role
 * manufacturer, @issuer_key == the key itself). @key needs only its public half;
 * @issuer_key may be a TPM key. Random 128-bit serial number, SKI, AKI, key usage, EKU:
 * the role and for TLS clientAuth/serverAuth (the signer has both: stock
 * verifiers take a CA's EKU as a limit on what it certifies).
 */
int pki_issue(const struct pki_request *req, EVP_PKEY *key, X509 *issuer,
	      EVP_PKEY *issuer_key, X509 **out, struct error *e);

/*
 * Is @cert a certificate of @role issued by @issuer: signature, names, role, CA flag and path
 * length, key usage, algorithm, validity at @when, no unknown critical extension?
 * -EKEYREJECTED or -EKEYEXPIRED with a text that says which check.
 */
int pki_check(X509 *cert, enum pki_role role, X509 *issuer, time_t when,
	      struct error *e);
/* The chain root -> signer -> leaf, or root -> identity when @signer is NULL. */
int pki_check_chain(X509 *leaf, enum pki_role role, X509 *signer, X509 *root,
		    time_t when, struct error *e);

/* Fields of the project; 0, or -ENOENT when the certificate has none. */
int pki_get_uid(X509 *cert, uint8_t uid[16]);
int pki_get_serial(X509 *cert, char *serial, size_t size); /* subject serialNumber */
int pki_get_nonce(X509 *cert, uint8_t nonce[32]);
int pki_get_salt(X509 *cert, uint8_t salt[32]);
int pki_get_epoch(X509 *cert, uint64_t *epoch);
/* SHA-256 of the DER as 64 hex digits: how certificates are named in logs and databases. */
void pki_fingerprint(X509 *cert, char out[65]);
void pki_hex(const uint8_t *data, size_t len, char *out); /* 2 * len + 1 */

/* Files: PEM, certificate files may hold a chain. Keys: URI, see hsm/hsm.h. */
int pki_read_cert(const char *path, X509 **out, struct error *e);
int pki_read_chain(const char *path, STACK_OF(X509) **out, struct error *e);
/* Written to a temporary file, fsynced, renamed. */
int pki_write_cert(const char *path, X509 *cert, struct error *e);
int pki_write_chain(const char *path, STACK_OF(X509) *certs, struct error *e);

/* r and s of 32 bytes each <-> ECDSA-Sig-Value */
int pki_sign_raw(EVP_PKEY *key, const void *data, size_t len, uint8_t sig[64],
		 struct error *e);
int pki_verify_raw(EVP_PKEY *key, const void *data, size_t len,
		   const uint8_t sig[64], struct error *e);

#endif
