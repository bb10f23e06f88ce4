// SPDX-License-Identifier: MIT
/* The words for the numbers of the driver's interface. */
#include <errno.h>
#include <stddef.h>

#include "libsecmod/libsecmod.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const states[] = {
	[SECMOD_STATE_VIRGIN] = "virgin",
	[SECMOD_STATE_DETACHED] = "detached",
	[SECMOD_STATE_PERSONALIZATION] = "personalization",
	[SECMOD_STATE_OPERATING] = "operating",
	[SECMOD_STATE_FAILED] = "failed",
};

static const char *const keys[] = {
	[SECMOD_KEY_IDENTITY] = "identity",
	[SECMOD_KEY_MODULE] = "module",
};

static const char *const certs[] = {
	[SECMOD_CERT_CHECKING] = "checking",
	[SECMOD_CERT_IDENTITY] = "identity",
	[SECMOD_CERT_SIGNER] = "signer",
	[SECMOD_CERT_MODULE] = "module",
	[SECMOD_CERT_CENTRAL] = "central",
};

static const char *const roles[] = {
	[0] = "manufacturer",
	[SECMOD_ROLE_IDENTITY] = "identity",
	[SECMOD_ROLE_SIGNER] = "signer",
	[SECMOD_ROLE_MODULE] = "module",
	[SECMOD_ROLE_CENTRAL] = "central",
	[SECMOD_ROLE_UNIT_TLS] = "unit-tls",
	[SECMOD_ROLE_RECOVERY] = "recovery",
};

static const struct {
	int errnum;
	const char *text;
} errors[] = {
	{ ENOTTY, "the driver does not know this command" },
	{ EINVAL, "a value is never right" },
	{ E2BIG, "the data exceed a limit" },
	{ EOPNOTSUPP, "the driver does not support this value" },
	{ EFAULT, "a pointer cannot be read or written" },
	{ EPERM, "CAP_SYS_ADMIN is missing" },
	{ EACCES, "not allowed" },
	{ EBADFD, "the state of the module does not allow this" },
	{ EBUSY, "another open file holds the session" },
	{ EAGAIN, "the TPM is locked out or wants the command again" },
	{ EINTR, "interrupted, nothing was done" },
	{ ENOSPC, "the output does not fit" },
	{ ENOENT, "there is no such object" },
	{ EBADMSG, "malformed data" },
	{ EKEYREJECTED, "a signature or a rule of certificates does not hold" },
	{ EKEYEXPIRED, "a certificate is outside its validity period" },
	{ ESTALE, "an older copy" },
	{ EEXIST, "a foreign object is on a handle of the module" },
	{ EIO, "the TPM or the vault's file system failed" },
	{ ENODEV, "the TPM is gone" },
	{ ENOMEM, "out of memory" },
};

static const char *name_of(const char *const *table, size_t n, unsigned int i)
{
	return i < n && table[i] ? table[i] : "unknown";
}

const char *secmod_state_name(unsigned int state)
{
	return name_of(states, ARRAY_SIZE(states), state);
}

const char *secmod_key_name(unsigned int key)
{
	return name_of(keys, ARRAY_SIZE(keys), key);
}

const char *secmod_cert_name(unsigned int kind)
{
	return name_of(certs, ARRAY_SIZE(certs), kind);
}

const char *secmod_role_name(unsigned int role)
{
	return name_of(roles, ARRAY_SIZE(roles), role);
}

const char *secmod_error_text(int errnum)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].errnum == errnum)
			return errors[i].text;
	return "unknown error";
}
