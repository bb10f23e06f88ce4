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

/* Values are SECMOD_ROLE_* of the UAPI; the root itself has no extended key usage. */
enum pki_role {
	PKI_ROLE_MANUFACTURER = 0,
	PKI_ROLE_IDENTITY = 1,
	PKI_ROLE_SIGNER = 2,
	PKI_ROLE_MODULE = 3,
	PKI_ROLE_CENTRAL = 4,
	PKI_ROLE_UNIT_TLS = 5,
	PKI_ROLE_RECOVERY = 6,
};

const char *pki_role_name(enum pki_role role);

enum pki_arc { PKI_ARC_ROLE = 1, PKI_ARC_EXT = 2, PKI_ARC_MSG = 3 };

/* The OID arc.@arc.@number of the project, freed with ASN1_OBJECT_free(); NULL when
 * out of memory. */
ASN1_OBJECT *pki_oid(enum pki_arc arc, int number);

/* What goes into a new certificate beside the key. */
struct pki_request {
	enum pki_role role;
	const char *common_name; /* may be NULL when serial and uid are given */
	const char *serial; /* serial number of the module, or NULL */
	const uint8_t *uid; /* 16 bytes, or NULL */
	/* 32 bytes each: for module certificates, else NULL */
	const uint8_t *nonce, *salt;
	uint64_t epoch; /* with nonce */
	int days; /* validity from now (five minutes back) */
};

/* 1 to 32 letters, digits, and . _ - after the first. */
int pki_serial_valid(const char *serial);

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

/*
 * Do @key and @cert belong together? 0 or -EKEYREJECTED. @what names the key in the
 * text.
 */
int pki_check_key(X509 *cert, EVP_PKEY *key, const char *what, struct error *e);

/* Fields of the project; 0, -ENOENT when the certificate has none, -EBADMSG. */
int pki_get_uid(X509 *cert, uint8_t uid[16]);
/* of the module, the subject's attribute serialNumber */
int pki_get_serial(X509 *cert, char *serial, size_t size);
int pki_get_nonce(X509 *cert, uint8_t nonce[32]);
int pki_get_salt(X509 *cert, uint8_t salt[32]);
int pki_get_epoch(X509 *cert, uint64_t *epoch);
/* SHA-256 of the DER as 64 hex digits: how certificates are named in logs and databases. */
void pki_fingerprint(X509 *cert, char out[65]);
void pki_hex(const uint8_t *data, size_t len, char *out); /* 2 * len + 1 */
/* The way back, exactly @len bytes of lower-case digits; 0 or -EBADMSG. */
int pki_unhex(const char *text, uint8_t *out, size_t len);
/* How a certificate is named in messages: common name, else serial number. */
void pki_describe(X509 *cert, char *out, size_t size);

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

/*
 * Personalization bundles. pki_bundle_sign() fills in the signature over the tbs.
 * pki_bundle_check() is what the module's kernel checks, for those who would rather know
 * beforehand; -EKEYREJECTED, -EKEYEXPIRED or -ESTALE with a text.
 */
struct wire_bundle;
struct pki_bundle_expect {
	const uint8_t *uid, *module_nonce, *salt;
	uint64_t epoch;
	EVP_PKEY *module_key;
	X509 *signer; /* checked already */
	time_t when;
};
int pki_bundle_sign(struct wire_bundle *b, EVP_PKEY *key, struct error *e);
int pki_bundle_check(struct wire_bundle *b, const struct pki_bundle_expect *x,
		     struct error *e);

#endif
