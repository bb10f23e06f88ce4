/* SPDX-License-Identifier: MIT */
/* Between the files on TPM structures: strict parsing, names, digests. */
#ifndef SECMOD_PKI_TPM_PARSE_H
#define SECMOD_PKI_TPM_PARSE_H

#include <tss2/tss2_mu.h>
#include <tss2/tss2_tpm2_types.h>

#include "pki/tpm.h"

#define TPM_DIGEST_SIZE 32 /* SHA-256, the only nameAlg accepted */
#define TPM_SEED_SIZE 32

struct tpm_bytes {
	const void *data;
	size_t len;
};

/* SHA-256 over @count stretches; 0 or -EIO. */
int tpm_sha256(const struct tpm_bytes *in, size_t count,
	       uint8_t out[TPM_DIGEST_SIZE]);

/* Each: exactly one structure, nothing behind it; 0 or -EBADMSG. */
int tpm_parse_public(const uint8_t *data, size_t len, TPMT_PUBLIC *out,
		     struct error *e);
int tpm_parse_attest(const uint8_t *data, size_t len, TPMS_ATTEST *out,
		     struct error *e);
int tpm_parse_creation(const uint8_t *data, size_t len, TPMS_CREATION_DATA *out,
		       struct error *e);
int tpm_parse_nv_public(const uint8_t *data, size_t len, TPMS_NV_PUBLIC *out,
			struct error *e);

/* A P-256 key with nameAlg SHA-256? @what names it in the text. -EKEYREJECTED */
int tpm_require_p256(const TPMT_PUBLIC *pub, const char *what, struct error *e);
/* Point of a parsed P-256 area -> key; -EBADMSG when it is not on the curve. */
int tpm_point_key(const TPMT_PUBLIC *pub, EVP_PKEY **key, struct error *e);
/* @name == nameAlg SHA-256 and @digest? */
int tpm_name_is(const TPM2B_NAME *name, const uint8_t digest[TPM_DIGEST_SIZE]);

/* attest.c: signature, magic, type and qualifying data of an attestation. */
int tpm_check_attest(const TPMS_ATTEST *a, TPMI_ST_ATTEST type,
		     const uint8_t qualifying[TPM_DIGEST_SIZE],
		     struct error *e);
/* attest.c: TPM2_NV_Certify over a whole counter: its name and value. */
int tpm_check_counter(const TPMS_ATTEST *a, const uint8_t *nv_public,
		      size_t nv_public_len, uint64_t value, struct error *e);

/* credential.c: one EVP_KDF; true when it worked. */
int tpm_derive(const char *kdf_name, OSSL_PARAM *params, uint8_t *out,
	       size_t len);
/* TPM2B: 16-bit length, then the bytes. Returns where the next one goes. */
uint8_t *tpm_put_2b(uint8_t *p, const void *data, size_t len);
/* seed.c: a seed and its encryption to @ek as TPM2B_ENCRYPTED_SECRET. */
int tpm_make_seed(EVP_PKEY *ek, uint8_t seed[TPM_SEED_SIZE], uint8_t enc[512],
		  size_t *enc_len);

#endif
