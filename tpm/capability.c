// SPDX-License-Identifier: GPL-2.0-only
/* What the TPM is and what it holds: Part 3, 30.2. */
#include "command.h"

/* Sends GetCapability; the reader then stands at the count of the list. */
static void capability_ask(struct t2_command *c, struct t2 *t, u32 capability,
			   u32 property, u32 count)
{
	t2_cmd_begin(c, t, T2_CC_GET_CAPABILITY);
	t2_cmd_params(c);
	t2_put_u32(&c->w, capability);
	t2_put_u32(&c->w, property);
	t2_put_u32(&c->w, count);
	t2_cmd_run(c);
	t2_get_u8(&c->r); /* moreData */
	t2_cmd_check(c, t2_get_u32(&c->r) == capability);
}

int t2_get_property(struct t2 *t, u32 property, u32 *value)
{
	struct t2_command c;
	u32 count, found;
	int err;

	capability_ask(&c, t, T2_CAP_TPM_PROPERTIES, property, 1);
	count = t2_get_u32(&c.r);
	found = count ? t2_get_u32(&c.r) : 0;
	*value = count ? t2_get_u32(&c.r) : 0;
	err = t2_cmd_end(&c);
	/* the TPM goes on with the next property when it lacks this one */
	return !err && found != property ? -ENOENT : err;
}

int t2_get_handles(struct t2 *t, u32 first, u32 *handles, size_t *count)
{
	struct t2_command c;
	size_t max = *count;
	u32 i, n;

	capability_ask(&c, t, T2_CAP_HANDLES, first, (u32)max);
	n = t2_get_u32(&c.r);
	t2_cmd_check(&c, n <= max);
	for (i = 0; i < n && !c.r.bad; i++)
		handles[i] = t2_get_u32(&c.r);
	*count = c.r.bad ? 0 : n;
	return t2_cmd_end(&c);
}
