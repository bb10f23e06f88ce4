// SPDX-License-Identifier: MIT
/* Keys of applications: used by name, never seen. */
#include <errno.h>
#include <string.h>

#include "libsecmod/handle.h"

int secmod_use_key(struct secmod *m, const struct secmod_app_key *name,
		   enum secmod_use use, const uint8_t iv[16],
		   const struct secmod_bytes *in, void *out, size_t *out_len)
{
	struct secmod_use_key a = {
		.size = sizeof(a),
		.dgi = name->dgi,
		.use = use,
		.in = (__u64)(uintptr_t)in->data,
		.out = (__u64)(uintptr_t)out,
		.out_len = *out_len < UINT32_MAX ? (__u32)*out_len : UINT32_MAX,
	};
	int rc;

	*out_len = 0;
	if (name->aid_len > sizeof(a.aid))
		return secmod_fail(
			m, EINVAL,
			"an application's name has at most %zu bytes",
			sizeof(a.aid));
	if (in->len > SECMOD_USE_MAX)
		return secmod_fail(m, E2BIG, "at most %d bytes at a time",
				   SECMOD_USE_MAX);
	memcpy(a.aid, name->aid, name->aid_len);
	a.aid_len = (__u16)name->aid_len;
	a.in_len = (__u32)in->len;
	if (iv)
		memcpy(a.iv, iv, sizeof(a.iv));
	rc = secmod_call(m, SECMOD_IOC_USE_KEY, &a);
	if (rc == 0)
		*out_len = a.out_len;
	return rc;
}
