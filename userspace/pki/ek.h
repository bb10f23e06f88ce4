/* SPDX-License-Identifier: MIT */
/*
 * Which endorsement keys are genuine. A key passes with a certificate that
 * verifies with one of the CAs, or when its SHA-256 is in the list.
 */
#ifndef SECMOD_PKI_EK_H
#define SECMOD_PKI_EK_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct ek_policy;

/* @ca_files: ends with NULL; @allow_file may be NULL. */
int ek_policy_new(const char *const *ca_files, const char *allow_file,
		  struct ek_policy **out, struct error *e);
void ek_policy_free(struct ek_policy *p);
/* Its name among people: 64 hex digits of SHA-256 over the key's SubjectPublicKeyInfo. */
int ek_digest(const uint8_t *ek_public, size_t ek_public_len, char digest[65],
	      struct error *e);
/* @digest: as of ek_digest(). */
int ek_check(const struct ek_policy *p, const uint8_t *ek_public,
	     size_t ek_public_len, const uint8_t *cert, size_t cert_len,
	     const char *serial, char digest[65], struct error *e);

#endif
