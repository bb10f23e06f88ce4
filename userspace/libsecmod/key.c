// SPDX-License-Identifier: MIT
/* What the module's keys do, and the certificates they have. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsecmod/handle.h"

int secmod_sign(struct secmod *m, enum secmod_key key, enum secmod_hash hash,
		const void *data, size_t len, uint8_t sig[SECMOD_SIG_SIZE])
{
	struct secmod_sign s = { .size = sizeof(s), .key = key, .hash = hash };
	int rc;

	if (len > SECMOD_MESSAGE_MAX)
		return secmod_fail(m, E2BIG,
				   "the %s key signs at most %d bytes",
				   secmod_key_name(key), SECMOD_MESSAGE_MAX);
	s.data = (__u64)(uintptr_t)data;
	s.len = (__u32)len;
	rc = secmod_call(m, SECMOD_IOC_SIGN, &s);
	if (rc == 0)
		memcpy(sig, s.signature, sizeof(s.signature));
	return rc;
}

int secmod_attest(struct secmod *m, const uint8_t nonce[SECMOD_NONCE_SIZE],
		  struct secmod_attestation *out)
{
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	memcpy(out->nonce, nonce, sizeof(out->nonce));
	return secmod_call(m, SECMOD_IOC_ATTEST, out);
}

int secmod_get_cert(struct secmod *m, enum secmod_cert kind, unsigned int index,
		    uint8_t **der, size_t *len)
{
	struct secmod_get_cert g = { .size = sizeof(g),
				     .kind = kind,
				     .index = index,
				     .len = SECMOD_CERT_MAX };
	int rc;

	*len = 0;
	*der = malloc(SECMOD_CERT_MAX);
	if (!*der)
		return secmod_fail(m, ENOMEM, "out of memory");
	g.data = (__u64)(uintptr_t)*der;
	rc = secmod_call(m, SECMOD_IOC_GET_CERT, &g);
	if (rc == 0 && g.len > SECMOD_CERT_MAX)
		rc = secmod_fail(m, EBADMSG,
				 "the driver gave a certificate of %u bytes",
				 g.len);
	if (rc < 0) {
		free(*der);
		*der = NULL;
		return rc;
	}
	*len = g.len;
	return 0;
}
