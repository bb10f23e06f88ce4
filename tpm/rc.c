// SPDX-License-Identifier: GPL-2.0-only
/*
 * TPM_RC (Part 2, 6.6) to errno, in this one place.
 *
 *	-ENOENT		nothing has this handle
 *	-EACCES		wrong authValue, or a policy that does not hold
 *	-EKEYREJECTED	a signature is wrong
 *	-EPERM		the NV index is locked
 *	-ENODATA	the NV index was not written yet
 *	-EEXIST		the NV index or persistent handle is taken
 *	-EBUSY		no slot left for an object or session: flush one
 *	-ENOSPC		NV is full
 *	-EAGAIN		not now: lockout, self test, NV rate; the command did nothing
 *	-ECANCELED	somebody cancelled the command
 *	-EINVAL		the TPM does not take these parameters
 *	-EBADMSG	integrity: what was loaded was not made by this TPM, or altered
 *	-EOPNOTSUPP	the TPM does not have this command
 *	-EIO		everything else, failure mode among it
 *
 * -EBADMSG comes from this side too, when a response is malformed or not the TPM's;
 * t2.rc is 0 then.
 */
#include "command.h"

#define T2_RC_FORMAT_1 0x080
#define T2_RC_PARAMETER 0x040
#define T2_RC_SESSION 0x800

struct t2_rc_info {
	u16 rc;
	u16 err; /* positive */
	const char *name;
};

/* clang-format off */
static const struct t2_rc_info t2_codes[] = {
	{ 0x01e, EIO, "TPM_RC_BAD_TAG" },
	{ 0x100, EIO, "TPM_RC_INITIALIZE" },
	{ 0x101, EIO, "TPM_RC_FAILURE" },
	{ 0x103, EIO, "TPM_RC_SEQUENCE" },
	{ 0x10b, EIO, "TPM_RC_PRIVATE" },
	{ 0x119, EIO, "TPM_RC_HMAC" },
	{ 0x120, EIO, "TPM_RC_DISABLED" },
	{ 0x121, EIO, "TPM_RC_EXCLUSIVE" },
	{ 0x124, EACCES, "TPM_RC_AUTH_TYPE" },
	{ 0x125, EACCES, "TPM_RC_AUTH_MISSING" },
	{ 0x126, EACCES, "TPM_RC_POLICY" },
	{ 0x127, EACCES, "TPM_RC_PCR" },
	{ 0x128, EACCES, "TPM_RC_PCR_CHANGED" },
	{ 0x12d, EIO, "TPM_RC_UPGRADE" },
	{ 0x12e, EBUSY, "TPM_RC_TOO_MANY_CONTEXTS" },
	{ 0x12f, EACCES, "TPM_RC_AUTH_UNAVAILABLE" },
	{ 0x130, EIO, "TPM_RC_REBOOT" },
	{ 0x131, EINVAL, "TPM_RC_UNBALANCED" },
	{ 0x142, EIO, "TPM_RC_COMMAND_SIZE" },
	{ 0x143, EOPNOTSUPP, "TPM_RC_COMMAND_CODE" },
	{ 0x144, EIO, "TPM_RC_AUTHSIZE" },
	{ 0x145, EIO, "TPM_RC_AUTH_CONTEXT" },
	{ 0x146, EINVAL, "TPM_RC_NV_RANGE" },
	{ 0x147, EINVAL, "TPM_RC_NV_SIZE" },
	{ 0x148, EPERM, "TPM_RC_NV_LOCKED" },
	{ 0x149, EACCES, "TPM_RC_NV_AUTHORIZATION" },
	{ 0x14a, ENODATA, "TPM_RC_NV_UNINITIALIZED" },
	{ 0x14b, ENOSPC, "TPM_RC_NV_SPACE" },
	{ 0x14c, EEXIST, "TPM_RC_NV_DEFINED" },
	{ 0x150, EBADMSG, "TPM_RC_BAD_CONTEXT" },
	{ 0x151, EACCES, "TPM_RC_CPHASH" },
	{ 0x152, EINVAL, "TPM_RC_PARENT" },
	{ 0x153, EAGAIN, "TPM_RC_NEEDS_TEST" },
	{ 0x154, EIO, "TPM_RC_NO_RESULT" },
	{ 0x155, EBADMSG, "TPM_RC_SENSITIVE" },
	{ 0x081, EINVAL, "TPM_RC_ASYMMETRIC" },
	{ 0x082, EINVAL, "TPM_RC_ATTRIBUTES" },
	{ 0x083, EINVAL, "TPM_RC_HASH" },
	{ 0x084, EINVAL, "TPM_RC_VALUE" },
	{ 0x085, EINVAL, "TPM_RC_HIERARCHY" },
	{ 0x087, EINVAL, "TPM_RC_KEY_SIZE" },
	{ 0x088, EINVAL, "TPM_RC_MGF" },
	{ 0x089, EINVAL, "TPM_RC_MODE" },
	{ 0x08a, EINVAL, "TPM_RC_TYPE" },
	{ 0x08b, ENOENT, "TPM_RC_HANDLE" },
	{ 0x08c, EINVAL, "TPM_RC_KDF" },
	{ 0x08d, EINVAL, "TPM_RC_RANGE" },
	{ 0x08e, EACCES, "TPM_RC_AUTH_FAIL" },
	{ 0x08f, EIO, "TPM_RC_NONCE" },
	{ 0x090, EACCES, "TPM_RC_PP" },
	{ 0x092, EINVAL, "TPM_RC_SCHEME" },
	{ 0x095, EINVAL, "TPM_RC_SIZE" },
	{ 0x096, EINVAL, "TPM_RC_SYMMETRIC" },
	{ 0x097, EINVAL, "TPM_RC_TAG" },
	{ 0x098, EINVAL, "TPM_RC_SELECTOR" },
	{ 0x09a, EINVAL, "TPM_RC_INSUFFICIENT" },
	{ 0x09b, EKEYREJECTED, "TPM_RC_SIGNATURE" },
	{ 0x09c, EINVAL, "TPM_RC_KEY" },
	{ 0x09d, EACCES, "TPM_RC_POLICY_FAIL" },
	{ 0x09f, EBADMSG, "TPM_RC_INTEGRITY" },
	{ 0x0a0, EINVAL, "TPM_RC_TICKET" },
	{ 0x0a1, EINVAL, "TPM_RC_RESERVED_BITS" },
	{ 0x0a2, EACCES, "TPM_RC_BAD_AUTH" },
	{ 0x0a3, EACCES, "TPM_RC_EXPIRED" },
	{ 0x0a4, EACCES, "TPM_RC_POLICY_CC" },
	{ 0x0a5, EBADMSG, "TPM_RC_BINDING" },
	{ 0x0a6, EINVAL, "TPM_RC_CURVE" },
	{ 0x0a7, EINVAL, "TPM_RC_ECC_POINT" },
	{ 0x901, EBUSY, "TPM_RC_CONTEXT_GAP" },
	{ 0x902, EBUSY, "TPM_RC_OBJECT_MEMORY" },
	{ 0x903, EBUSY, "TPM_RC_SESSION_MEMORY" },
	{ 0x904, EBUSY, "TPM_RC_MEMORY" },
	{ 0x905, EBUSY, "TPM_RC_SESSION_HANDLES" },
	{ 0x906, EBUSY, "TPM_RC_OBJECT_HANDLES" },
	{ 0x907, EACCES, "TPM_RC_LOCALITY" },
	{ 0x908, EAGAIN, "TPM_RC_YIELDED" },
	{ 0x909, ECANCELED, "TPM_RC_CANCELED" },
	{ 0x90a, EAGAIN, "TPM_RC_TESTING" },
	{ 0x910, ENOENT, "TPM_RC_REFERENCE_H0" },
	{ 0x911, ENOENT, "TPM_RC_REFERENCE_H1" },
	{ 0x912, ENOENT, "TPM_RC_REFERENCE_H2" },
	{ 0x913, ENOENT, "TPM_RC_REFERENCE_H3" },
	{ 0x914, ENOENT, "TPM_RC_REFERENCE_H4" },
	{ 0x915, ENOENT, "TPM_RC_REFERENCE_H5" },
	{ 0x916, ENOENT, "TPM_RC_REFERENCE_H6" },
	{ 0x918, ENOENT, "TPM_RC_REFERENCE_S0" },
	{ 0x919, ENOENT, "TPM_RC_REFERENCE_S1" },
	{ 0x91a, ENOENT, "TPM_RC_REFERENCE_S2" },
	{ 0x91b, ENOENT, "TPM_RC_REFERENCE_S3" },
	{ 0x91c, ENOENT, "TPM_RC_REFERENCE_S4" },
	{ 0x91d, ENOENT, "TPM_RC_REFERENCE_S5" },
	{ 0x91e, ENOENT, "TPM_RC_REFERENCE_S6" },
	{ 0x920, EAGAIN, "TPM_RC_NV_RATE" },
	{ 0x921, EAGAIN, "TPM_RC_LOCKOUT" },
	{ 0x922, EAGAIN, "TPM_RC_RETRY" },
	{ 0x923, EAGAIN, "TPM_RC_NV_UNAVAILABLE" },
};

/* clang-format on */

/* Format one (Part 2, 6.6.2) counts what is wrong in bits 6 and 8 to 11. */
u32 t2_rc_base(u32 rc)
{
	if (rc < 0x1000 && rc & T2_RC_FORMAT_1)
		return rc & 0x0bf;
	return rc;
}

static const struct t2_rc_info *rc_find(u32 rc)
{
	u32 base = t2_rc_base(rc);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t2_codes); i++)
		if (t2_codes[i].rc == base)
			return &t2_codes[i];
	return NULL;
}

int t2_rc_errno(u32 rc)
{
	const struct t2_rc_info *info = rc_find(rc);

	if (!rc)
		return 0;
	return info ? -(int)info->err : -EIO;
}

const char *t2_cc_name(u32 cc)
{
	const struct t2_cc_info *info = t2_cc_find(cc);

	return info ? info->name : "TPM2_?";
}

bool t2_cc_by_owner(u32 cc)
{
	const struct t2_cc_info *info = t2_cc_find(cc);

	return info && info->flags & T2_CF_OWNER;
}

/* "handle", "session" or "parameter", and in *@n which one; NULL for none */
static const char *rc_subject(u32 rc, unsigned int *n)
{
	*n = rc >> 8 & 0xf;
	if (rc >= 0x1000 || !(rc & T2_RC_FORMAT_1) || !*n)
		return NULL;
	if (rc & T2_RC_PARAMETER)
		return "parameter";
	*n &= 7;
	return rc & T2_RC_SESSION ? "session" : "handle";
}

const char *t2_rc_text(u32 cc, u32 rc, char *out, size_t size)
{
	const struct t2_rc_info *info = rc_find(rc);
	const char *name = info ? info->name : "TPM_RC_?";
	unsigned int n;
	const char *subject = rc_subject(rc, &n);

	if (!rc)
		name = "TPM_RC_SUCCESS";
	if (subject)
		snprintf(out, size, "%s: 0x%03x %s (%s %u)", t2_cc_name(cc),
			 (unsigned int)rc, name, subject, n);
	else
		snprintf(out, size, "%s: 0x%03x %s", t2_cc_name(cc),
			 (unsigned int)rc, name);
	return out;
}
