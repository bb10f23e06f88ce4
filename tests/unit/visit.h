/* SPDX-License-Identifier: GPL-2.0-only */
/* One personalization of a soft module by a unit; good unless changed. */
#ifndef TESTS_UNIT_VISIT_H
#define TESTS_UNIT_VISIT_H

#include "soft_module.h"

struct visit {
	struct soft_module *module;
	X509 *cert; /* for TLS */
	EVP_PKEY *key;
	uint8_t uid[16];
	uint64_t epoch, claimed_epoch;
	X509 *claimed;
	uint8_t salt[32], nonce[32];
	struct tpm_birth birth;
	int wrong_salt, vanish, refuse;
	time_t clock; /* added to the module's */
	X509 *signer, *module_cert; /* what came of it */
	struct error e;
};

/* The identity key of @m as one that signs in its TPM; once a program. */
EVP_PKEY *visit_identity_key(struct soft_module *m);
/* 0, or -errno with the text in @v->e. */
int visit_run(struct visit *v, const char *endpoint, X509 *root);
void visit_end(struct visit *v);

#endif
