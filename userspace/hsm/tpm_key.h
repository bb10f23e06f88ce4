/* SPDX-License-Identifier: MIT */
/*
 * P-256 keys at a persistent handle of a TPM, used through ESAPI:
 *   tpm:0x81000100[?tcti=CONF][&auth=FILE]
 * CONF as in tpm2-tss (default device:/dev/tpmrm0), FILE holds the key's password.
 */
#ifndef SECMOD_HSM_TPM_KEY_H
#define SECMOD_HSM_TPM_KEY_H

#include <stdint.h>

#include <tss2/tss2_esys.h>

#include "common/error.h"
#include "provider/backend.h"

#define TPM_KEY_TCTI_MAX 256
#define TPM_KEY_PATH_MAX 512

struct tpm_key_uri {
	uint32_t handle;
	char tcti[TPM_KEY_TCTI_MAX];
	char auth[TPM_KEY_PATH_MAX]; /* path of the password's file, or "" */
};

/* tpm_uri.c */
int tpm_key_parse(const char *uri, struct tpm_key_uri *out, struct error *e);
/* The password in @u's file, empty without one; cleanse it. */
int tpm_key_read_auth(const struct tpm_key_uri *u, TPM2B_AUTH *auth,
		      struct error *e);

/* tpm_esys.c: a connection */
int tpm_esys_open(const char *tcti, ESYS_CONTEXT **esys, struct error *e);
void tpm_esys_close(ESYS_CONTEXT **esys);
/* "@doing: what the TPM says"; -ENODEV when the TPM does not answer, -EAGAIN when it is
 * locked out, else -EIO. */
int tpm_esys_error(TSS2_RC rc, const char *doing, struct error *e);
/* Did the TPM itself answer with this code? */
int tpm_esys_answered(TSS2_RC rc);

/* tpm_ek.c: DER of the endorsement key's certificate, of P-256 if there is one, else of
 * RSA; @der stays NULL when the TPM has none. Freed with free(). */
#define TPM_EK_CERT_MAX 4096
int tpm_ek_certificate(ESYS_CONTEXT *esys, uint8_t **der, size_t *len,
		       struct error *e);

/* tpm_create.c: a key at the handle. -EEXIST when something is there already. */
int tpm_key_create(const char *uri, struct error *e);

/* tpm_backend.c: for provider_register_backend() */
extern const struct key_backend tpm_key_backend;

#endif
