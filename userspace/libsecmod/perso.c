// SPDX-License-Identifier: MIT
/* Personalization, and its opposite, the reset. */
#include <errno.h>
#include <string.h>

#include "libsecmod/handle.h"

int secmod_perso_begin(struct secmod *m, const void *signer_cert,
		       size_t signer_len, const uint8_t salt[SECMOD_SALT_SIZE],
		       const uint8_t pu_nonce[SECMOD_NONCE_SIZE],
		       struct secmod_perso_begin *out)
{
	if (signer_len > SECMOD_CERT_MAX)
		return secmod_fail(m, E2BIG,
				   "the signing certificate exceeds %d bytes",
				   SECMOD_CERT_MAX);
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	out->signer_cert = (__u64)(uintptr_t)signer_cert;
	out->signer_cert_len = (__u32)signer_len;
	memcpy(out->salt, salt, sizeof(out->salt));
	memcpy(out->pu_nonce, pu_nonce, sizeof(out->pu_nonce));
	return secmod_call(m, SECMOD_IOC_PERSO_BEGIN, out);
}

int secmod_perso_complete(struct secmod *m, const void *bundle,
			  size_t bundle_len)
{
	struct secmod_perso_complete c = { .size = sizeof(c) };

	if (bundle_len > SECMOD_BUNDLE_MAX)
		return secmod_fail(m, E2BIG, "the bundle exceeds %d bytes",
				   SECMOD_BUNDLE_MAX);
	c.bundle = (__u64)(uintptr_t)bundle;
	c.bundle_len = (__u32)bundle_len;
	return secmod_call(m, SECMOD_IOC_PERSO_COMPLETE, &c);
}

static void reset_prepare(struct secmod_reset *r, const uint8_t *nonce)
{
	memset(r, 0, sizeof(*r));
	r->size = sizeof(*r);
	r->fd = -1;
	memcpy(r->nonce, nonce, sizeof(r->nonce));
}

int secmod_reset(struct secmod *m, const uint8_t nonce[SECMOD_NONCE_SIZE],
		 struct secmod_reset *out)
{
	reset_prepare(out, nonce);
	return secmod_call(m, SECMOD_IOC_RESET, out);
}

int secmod_reset_fresh_vault(struct secmod *m,
			     const uint8_t nonce[SECMOD_NONCE_SIZE],
			     int vault_fd, const void *checking_cert,
			     size_t checking_len, const void *identity_cert,
			     size_t identity_len, struct secmod_reset *out)
{
	if (checking_len > SECMOD_CERT_MAX || identity_len > SECMOD_CERT_MAX)
		return secmod_fail(m, E2BIG, "a certificate exceeds %d bytes",
				   SECMOD_CERT_MAX);
	reset_prepare(out, nonce);
	out->flags = SECMOD_RESET_FRESH_VAULT;
	out->fd = vault_fd;
	out->checking_cert = (__u64)(uintptr_t)checking_cert;
	out->identity_cert = (__u64)(uintptr_t)identity_cert;
	out->checking_cert_len = (__u32)checking_len;
	out->identity_cert_len = (__u32)identity_len;
	return secmod_call(m, SECMOD_IOC_RESET, out);
}
