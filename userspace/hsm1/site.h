/* SPDX-License-Identifier: MIT */
/* HSM 1's directory: hsm1.json (which TPM, whose authority), keys/. */
#ifndef SECMOD_HSM1_SITE_H
#define SECMOD_HSM1_SITE_H

#include "hsm1/internal.h"

#define SITE_PATH_MAX 512

struct site {
	char tcti[256];
	EVP_PKEY *authority; /* the caller's */
	TPM2B_PUBLIC storage, ek;
	TPM2B_NAME storage_name;
};

int site_read(const char *dir, struct site *s, struct error *e);
int site_read_key(const char *dir, const char *name, struct hsm1_key *k,
		  struct error *e);
int site_write_key(const char *dir, const struct hsm1_key *k, struct error *e);

#endif
