// SPDX-License-Identifier: GPL-2.0-only
/* What belongs to the start of a TPM: Part 3, 9 and 22. */
#include "command.h"

#define SU_CLEAR 0

/* Part 3, 9.3. TPM_RC_INITIALIZE: it is started already. */
int t2_startup(struct t2 *t)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_STARTUP);
	t2_cmd_params(&c);
	t2_put_u16(&c.w, SU_CLEAR);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

/* Part 3, 22.2, of the SHA-256 bank */
int t2_pcr_extend(struct t2 *t, u32 pcr, const u8 digest[T2_DIGEST_SIZE])
{
	struct t2_entity e;
	struct t2_command c;

	t2_hierarchy(&e, pcr);
	t2_cmd_begin(&c, t, T2_CC_PCR_EXTEND);
	t2_cmd_auth(&c, &e);
	t2_cmd_params(&c);
	t2_put_u32(&c.w, 1);
	t2_put_u16(&c.w, T2_ALG_SHA256);
	t2_put_bytes(&c.w, digest, T2_DIGEST_SIZE);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}
