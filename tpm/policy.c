// SPDX-License-Identifier: GPL-2.0-only
/* Policies: Part 3, 23. */
#include "command.h"

/* Part 3, 23.9. Checked when called, not when the session is used. */
int t2_policy_nv(struct t2 *t, struct t2_session *policy,
		 struct t2_entity *auth, const struct t2_entity *nv,
		 const u8 *operand, size_t len, u16 offset, u16 op)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_POLICY_NV);
	t2_cmd_auth(&c, auth);
	t2_cmd_entity(&c, nv);
	t2_cmd_handle(&c, policy->handle);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, operand, len);
	t2_put_u16(&c.w, offset);
	t2_put_u16(&c.w, op);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

/* Part 3, 23.17 */
int t2_policy_auth_value(struct t2 *t, struct t2_session *policy)
{
	struct t2_command c;
	int err;

	t2_cmd_begin(&c, t, T2_CC_POLICY_AUTH_VALUE);
	t2_cmd_handle(&c, policy->handle);
	t2_cmd_params(&c);
	t2_cmd_run(&c);
	err = t2_cmd_end(&c);
	if (!err)
		policy->auth_value = true;
	return err;
}

/* Part 3, 23.4, for this session alone: no expiration, so no ticket */
int t2_policy_secret(struct t2 *t, struct t2_session *policy,
		     struct t2_entity *auth)
{
	struct t2_ticket ticket;
	struct t2_command c;
	size_t timeout;

	t2_cmd_begin(&c, t, T2_CC_POLICY_SECRET);
	t2_cmd_auth(&c, auth);
	t2_cmd_handle(&c, policy->handle);
	t2_cmd_params(&c);
	t2_put_u16(&c.w, 0); /* nonceTPM */
	t2_put_u16(&c.w, 0); /* cpHashA */
	t2_put_u16(&c.w, 0); /* policyRef */
	t2_put_u32(&c.w, 0); /* expiration */
	t2_cmd_run(&c);
	t2_get_2b(&c.r, &timeout);
	t2_get_ticket(&c, T2_ST_AUTH_SECRET, &ticket);
	return t2_cmd_end(&c);
}

/* Part 3, 23.7, with the values the PCRs have now */
int t2_policy_pcr(struct t2 *t, struct t2_session *policy, const u8 select[3])
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_POLICY_PCR);
	t2_cmd_handle(&c, policy->handle);
	t2_cmd_params(&c);
	t2_put_u16(&c.w, 0); /* pcrDigest */
	t2_put_u32(&c.w, 1);
	t2_put_u16(&c.w, T2_ALG_SHA256);
	t2_put_u8(&c.w, 3);
	t2_put_bytes(&c.w, select, 3);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

/* Part 3, 23.19 */
int t2_policy_get_digest(struct t2 *t, struct t2_session *policy,
			 u8 digest[T2_DIGEST_SIZE])
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_POLICY_GET_DIGEST);
	t2_cmd_handle(&c, policy->handle);
	t2_cmd_params(&c);
	t2_cmd_run(&c);
	t2_cmd_check(&c, t2_copy_2b(&c.r, digest, T2_DIGEST_SIZE) ==
				 T2_DIGEST_SIZE);
	return t2_cmd_end(&c);
}
