// SPDX-License-Identifier: MIT
/* The security executive: APDUs there and back. */
#include <errno.h>

#include "libsecmod/handle.h"

int secmod_transmit(struct secmod *m, const void *command, size_t len,
		    uint8_t response[SECMOD_RESPONSE_MAX], size_t *response_len)
{
	struct secmod_apdu a = {
		.size = sizeof(a),
		.command = (__u64)(uintptr_t)command,
		.response = (__u64)(uintptr_t)response,
		.response_len = SECMOD_RESPONSE_MAX,
	};
	int rc;

	*response_len = 0;
	if (len > SECMOD_APDU_MAX)
		return secmod_fail(m, E2BIG,
				   "a command APDU has at most %d bytes",
				   SECMOD_APDU_MAX);
	a.command_len = (__u32)len;
	rc = secmod_call(m, SECMOD_IOC_APDU, &a);
	if (rc == 0 &&
	    (a.response_len < 2 || a.response_len > SECMOD_RESPONSE_MAX))
		rc = secmod_fail(m, EBADMSG,
				 "the driver gave a response of %u bytes",
				 a.response_len);
	if (rc == 0)
		*response_len = a.response_len;
	return rc;
}
