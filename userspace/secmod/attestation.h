/* SPDX-License-Identifier: MIT */
/* The file form of an attestation: JSON, written by attest, read by verify-attest. */
#ifndef SECMOD_SECMOD_ATTESTATION_H
#define SECMOD_SECMOD_ATTESTATION_H

#include "libsecmod/libsecmod.h"

#define ATTESTATION_VERSION 1

/* What of struct secmod_attestation is hex in the file. */
struct attestation_field {
	const char *name;
	size_t offset, max;
	size_t len_offset; /* of a __u16; 0: always @max bytes */
};
extern const struct attestation_field attestation_fields[]; /* ends nameless */

const uint8_t *attestation_data(const struct secmod_attestation *a,
				const struct attestation_field *f);
size_t attestation_len(const struct secmod_attestation *a,
		       const struct attestation_field *f);
/* Reads hex into the field; 0 or -EBADMSG. */
int attestation_set(struct secmod_attestation *a,
		    const struct attestation_field *f, const char *hex);

#endif
