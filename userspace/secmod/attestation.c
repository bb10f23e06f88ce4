// SPDX-License-Identifier: MIT
/* Fields of an attestation by name. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "pki/pki.h"
#include "secmod/attestation.h"

#define FIELD(field, len_offset)                                    \
	{                                                           \
#field, offsetof(struct secmod_attestation, field), \
			sizeof_field(field), len_offset             \
	}
#define sizeof_field(field) sizeof(((struct secmod_attestation *)0)->field)
#define LENGTH(field) offsetof(struct secmod_attestation, field)

const struct attestation_field attestation_fields[] = {
	FIELD(nonce, 0),
	FIELD(key_digest, 0),
	FIELD(nv_public, LENGTH(nv_public_len)),
	FIELD(attest, LENGTH(attest_len)),
	FIELD(signature, 0),
	{ NULL, 0, 0, 0 },
};

const uint8_t *attestation_data(const struct secmod_attestation *a,
				const struct attestation_field *f)
{
	return (const uint8_t *)a + f->offset;
}

size_t attestation_len(const struct secmod_attestation *a,
		       const struct attestation_field *f)
{
	__u16 len;

	if (!f->len_offset)
		return f->max;
	memcpy(&len, (const uint8_t *)a + f->len_offset, sizeof(len));
	return len < f->max ? len : f->max;
}

int attestation_set(struct secmod_attestation *a,
		    const struct attestation_field *f, const char *hex)
{
	size_t len = strlen(hex) / 2;
	__u16 n = (__u16)len;

	if (len > f->max || (!f->len_offset && len != f->max) ||
	    pki_unhex(hex, (uint8_t *)a + f->offset, len) < 0)
		return -EBADMSG;
	if (f->len_offset)
		memcpy((uint8_t *)a + f->len_offset, &n, sizeof(n));
	return 0;
}
