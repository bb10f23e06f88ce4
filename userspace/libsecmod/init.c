// SPDX-License-Identifier: MIT
/* Initialization: the identity key and its certificate. */
#include <errno.h>
#include <string.h>

#include "libsecmod/handle.h"

int secmod_init_begin(struct secmod *m, unsigned int flags,
		      struct secmod_init_begin *out)
{
	memset(out, 0, sizeof(*out));
	out->flags = flags;
	out->size = sizeof(*out);
	return secmod_call(m, SECMOD_IOC_INIT_BEGIN, out);
}

int secmod_init_activate(struct secmod *m, const void *blob, size_t blob_len,
			 const void *secret, size_t secret_len,
			 uint8_t credential[64], size_t *credential_len)
{
	struct secmod_init_activate a = { .size = sizeof(a) };
	int rc;

	if (blob_len > sizeof(a.blob) || secret_len > sizeof(a.secret))
		return secmod_fail(m, E2BIG,
				   "the manufacturer's challenge is too long");
	memcpy(a.blob, blob, blob_len);
	memcpy(a.secret, secret, secret_len);
	a.blob_len = (__u16)blob_len;
	a.secret_len = (__u16)secret_len;
	rc = secmod_call(m, SECMOD_IOC_INIT_ACTIVATE, &a);
	if (rc == 0) {
		memcpy(credential, a.info, sizeof(a.info));
		*credential_len = a.info_len;
	}
	explicit_bzero(&a, sizeof(a));
	return rc;
}

int secmod_init_complete(struct secmod *m, const void *checking_cert,
			 size_t checking_len, const void *identity_cert,
			 size_t identity_len, int vault_fd)
{
	struct secmod_init_complete c = { .size = sizeof(c), .fd = vault_fd };

	if (checking_len > SECMOD_CERT_MAX || identity_len > SECMOD_CERT_MAX)
		return secmod_fail(m, E2BIG, "a certificate exceeds %d bytes",
				   SECMOD_CERT_MAX);
	c.checking_cert = (__u64)(uintptr_t)checking_cert;
	c.identity_cert = (__u64)(uintptr_t)identity_cert;
	c.checking_cert_len = (__u32)checking_len;
	c.identity_cert_len = (__u32)identity_len;
	return secmod_call(m, SECMOD_IOC_INIT_COMPLETE, &c);
}
