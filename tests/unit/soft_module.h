/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver does with its TPM, done by a test with a software TPM: identity key,
 * epoch counter, module key with its birth certificate, reset. As its own code, so
 * that the checks are held against the specification and not against the driver.
 */
#ifndef TESTS_UNIT_SOFT_MODULE_H
#define TESTS_UNIT_SOFT_MODULE_H

#include "tpm_fixture.h"
/* after it: cmocka's asserts */
#include <linux/secmod.h>
#include <time.h>

#include "pki/pki.h"
#include "pki/tpm.h"

struct soft_module {
	struct tpm_fixture *f;
	struct tpm_key identity, key;
	struct t2_entity epoch_nv;
	uint64_t epoch;
	uint8_t uid[16];
	char serial[33];
	EVP_PKEY *identity_public;
	/* of the last birth or attestation */
	uint8_t module_nonce[32], salt[32];
	uint64_t time;
	time_t clock; /* how far it is ahead */
	struct t2_attest attest;
	uint8_t signature[64];
	uint8_t nv_public[T2_MAX_NV_PUBLIC];
	size_t nv_public_len;
};

void soft_module_init(struct soft_module *m, struct tpm_fixture *f,
		      const char *serial);
void soft_module_end(struct soft_module *m);
/* Makes the module key; @birth is what the PU would see and expect. */
void soft_module_birth(struct soft_module *m, const uint8_t salt[32],
		       const uint8_t pu_nonce[32], struct tpm_birth *birth);
/* Of the last birth, or of the identity: what @issuer certifies. */
X509 *soft_module_certify(const struct soft_module *m, enum pki_role role,
			  EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key);
void soft_module_drop_key(struct soft_module *m);
/* Increments the epoch. */
void soft_module_reset(struct soft_module *m);
/* TPM2_NV_Certify of the epoch with struct secmod_attest_statement. */
void soft_module_attest(struct soft_module *m, const char *magic,
			const uint8_t nonce[32], uint32_t state,
			const uint8_t key_digest[32]);
/* Signs @len bytes with the restricted identity key. */
void soft_module_sign(struct soft_module *m, const void *data, size_t len,
		      uint8_t signature[64]);
/* The endorsement key by template L-1 or L-2; flush it. */
void soft_module_ek(struct soft_module *m, bool rsa, struct t2_entity *ek,
		    struct t2_public *pub);
/* Answers a credential (with its length fields); 0 or what the TPM says. */
int soft_module_activate(struct soft_module *m, struct t2_entity *ek,
			 const uint8_t *blob, size_t blob_len,
			 const uint8_t *secret, size_t secret_len,
			 uint8_t info[64], size_t *info_len);

#endif
