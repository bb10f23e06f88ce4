/* SPDX-License-Identifier: MIT */
/*
 * TPM structures as a verifier without a TPM sees them: public areas, names,
 * attestation, credentials. Parsed by tpm2-tss' Tss2_MU, hashed by OpenSSL.
 */
#ifndef SECMOD_PKI_TPM_H
#define SECMOD_PKI_TPM_H

#include "pki/pki.h"

/* TPMT_PUBLIC (P-256) -> public key. @attributes: TPMA_OBJECT, may be NULL. */
int tpm_public_key(const uint8_t *pub, size_t len, EVP_PKEY **key,
		   uint32_t *attributes, struct error *e);
/* SHA-256 of the TPMT_PUBLIC; the UID is its first 16 bytes. */
void tpm_name_digest(const uint8_t *pub, size_t len, uint8_t digest[32]);

/* Is this the public area of an identity key as the driver makes it: restricted,
 * fixedTPM, fixedParent, sensitiveDataOrigin, sign, P-256? */
int tpm_check_identity(const uint8_t *pub, size_t len, struct error *e);

/* An endorsement key by template L-1 (RSA 2048) or L-2 (P-256), as public key. */
int tpm_endorsement_key(const uint8_t *pub, size_t len, EVP_PKEY **key,
			struct error *e);

/*
 * TPM2_MakeCredential in software (Part 1, 24): for an EK with the template L-1 or L-2,
 * over the name of @identity_pub. Outputs have their TPM2B length fields.
 */
int tpm_make_credential(const uint8_t *ek_pub, size_t ek_len,
			const uint8_t *identity_pub, size_t identity_len,
			const uint8_t *secret, size_t secret_len,
			uint8_t blob[256], size_t *blob_len, uint8_t enc[512],
			size_t *enc_len, struct error *e);

struct tpm_birth { /* what ModuleKey carries, and what the PU expects */
	const uint8_t *public_area, *creation, *attest;
	size_t public_len, creation_len, attest_len;
	const uint8_t *signature; /* 64 */
	const uint8_t *uid; /* 16 */
	const char *serial;
	uint64_t epoch, time;
	const uint8_t *salt, *pu_nonce, *module_nonce; /* 32 each */
};
/* A8, A9, A10: was this key made in this module's TPM, now, with this salt? */
int tpm_check_birth(const struct tpm_birth *b, EVP_PKEY *identity,
		    EVP_PKEY **module_key, struct error *e);

struct wire_erasure_proof;
/*
 * Checks a proof of erasure with nothing but the manufacturer's certificate: chain of the
 * identity certificate, signature, magic and type, nonce, that the index is a
 * counter whose name the dead key's policy PolicyNV(index == moduleEpoch) and
 * PolicyAuthValue holds, and that its certified value is above moduleEpoch.
 */
int tpm_check_erasure(struct wire_erasure_proof *p, X509 *root,
		      struct error *e);

struct tpm_attestation {
	const uint8_t *attest, *nv_public;
	size_t attest_len, nv_public_len;
	const uint8_t *signature, *uid, *nonce, *key_digest;
	uint64_t epoch;
	uint32_t state;
	const char *magic; /* SECMOD_ATTEST_MAGIC or SECMOD_RESET_MAGIC */
};
int tpm_check_attestation(const struct tpm_attestation *a, EVP_PKEY *identity,
			  struct error *e);

#endif
