/* SPDX-License-Identifier: MIT */
/*
 * HSM 1 with keys the test knows: a key management server and its authority, blocks
 * read back from HSM 1's own files, recovery keys in TPMs and one in a file.
 */
#ifndef TESTS_UNIT_HSM1_WORLD_H
#define TESTS_UNIT_HSM1_WORLD_H

#include <sys/types.h>

#include "custody/custody.h"
#include "hsm1/hsm1.h"
#include "program.h"
#include "soft_tpm.h"

struct hsm1_world {
	char dir[256], site[300];
	struct soft_tpm kms_tpm, tpm;
	EVP_PKEY *authority;
	uint8_t master[3][32],
		replacement[32]; /* by version; [0] is not used */
	EVP_PKEY *recovery; /* version 3: HSM 1 has the public half only */
	TPM2B_PUBLIC storage, ek;
	int blocks; /* what hsm1_world_learn() reads */
};

/*
 * Recovery key 1 is in HSM 1 as well, 2 at the key management server only: it serves
 * the owner of @cert, and may use 2 when @approved.
 */
void hsm1_world_serve(struct hsm1_world *w, struct program *kms, X509 *cert,
		      int approved, struct hsm1_kms *out);
void hsm1_world_make(struct hsm1_world *w);
/* Fills in the blocks: after HSM 1 was started, whose memory is searched for them. */
void hsm1_world_learn(struct hsm1_world *w);
void hsm1_world_end(struct hsm1_world *w);

/* SP 800-108, counter mode, CMAC with AES-256: written here once more. */
void hsm1_reference(const uint8_t key[32], const uint8_t *fixed, size_t len,
		    uint8_t *out, size_t out_len);
/* A keyset as the documentation says: @name is "MK" or "KRK". */
void hsm1_expected(const uint8_t block[32], const char *name, uint8_t kvn,
		   const uint8_t *context, size_t len, struct gp_keyset *out);
/* What is in a cryptogram, by OpenSSL's CMS: 48 bytes. */
void hsm1_decrypt(struct hsm1_world *w, const uint8_t *cryptogram, size_t len,
		  uint8_t out[48]);

#endif
