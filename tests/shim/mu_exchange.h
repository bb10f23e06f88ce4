/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One command and its response as tpm2-tss would marshal them, and a transport that
 * plays the TPM: it compares the command byte by byte and answers the response.
 */
#ifndef SHIM_MU_EXCHANGE_H
#define SHIM_MU_EXCHANGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <tss2/tss2_mu.h>

#include <cmocka.h>

#include "tpm/t2.h"

typedef TSS2_RC (*mu_fn)(const void *src, uint8_t *buf, size_t size,
			 size_t *offset);

struct mu_item {
	mu_fn put;
	const void *value;
};

#define MU_ITEMS 8

struct mu_exchange {
	const char *name;
	TPM2_CC cc;
	uint32_t handles[3]; /* in the command, up to the first 0 */
	const TPM2B_AUTH *auths[2]; /* passwords, up to the first NULL */
	struct mu_item command[MU_ITEMS];
	uint32_t handle; /* in the response, if not 0 */
	struct mu_item response[MU_ITEMS];
	/* Calls the function under test, checks what it returns; 0 when right */
	int (*run)(struct t2 *t);
};

/* Prepares @t for this exchange; afterwards tells how often it was asked. */
void mu_exchange_play(struct t2 *t, const struct mu_exchange *x);
/* Runs it: the good case, and every truncation of the response. */
void mu_exchange_test(const struct mu_exchange *x);

#define MU_DECLARE(name)                                              \
	TSS2_RC mu_##name(const void *src, uint8_t *buf, size_t size, \
			  size_t *offset)
MU_DECLARE(UINT8);
MU_DECLARE(UINT16);
MU_DECLARE(UINT32);
MU_DECLARE(TPM2B_DIGEST);
MU_DECLARE(TPM2B_PUBLIC);
MU_DECLARE(TPM2B_PRIVATE);
MU_DECLARE(TPM2B_SENSITIVE_CREATE);
MU_DECLARE(TPM2B_NAME);
MU_DECLARE(TPM2B_MAX_BUFFER);
MU_DECLARE(TPM2B_CREATION_DATA);
MU_DECLARE(TPM2B_ECC_POINT);
MU_DECLARE(TPM2B_ENCRYPTED_SECRET);
MU_DECLARE(TPM2B_ID_OBJECT);
MU_DECLARE(TPM2B_ATTEST);
MU_DECLARE(TPM2B_NV_PUBLIC);
MU_DECLARE(TPML_PCR_SELECTION);
MU_DECLARE(TPML_DIGEST_VALUES);
MU_DECLARE(TPMS_CAPABILITY_DATA);
MU_DECLARE(TPMT_SIGNATURE);
MU_DECLARE(TPMT_SIG_SCHEME);
MU_DECLARE(TPMT_SYM_DEF);
MU_DECLARE(TPMT_TK_CREATION);
MU_DECLARE(TPMT_TK_HASHCHECK);
MU_DECLARE(TPMT_TK_VERIFIED);
MU_DECLARE(TPMT_TK_AUTH);

#endif
