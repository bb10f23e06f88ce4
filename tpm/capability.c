// SPDX-License-Identifier: GPL-2.0-only
/* What the TPM is and what it holds: Part 3, 30.2. */
#include "command.h"

#define T2_CC_MASK 0x2000ffff /* TPMA_CC: commandIndex and V */

/*
 * Sends GetCapability; the reader then stands at the count of the list. True when
 * there is more than the response has.
 */
static bool capability_ask(struct t2_command *c, struct t2 *t, u32 capability,
			   u32 property, u32 count)
{
	bool more;

	t2_cmd_begin(c, t, T2_CC_GET_CAPABILITY);
	t2_cmd_params(c);
	t2_put_u32(&c->w, capability);
	t2_put_u32(&c->w, property);
	t2_put_u32(&c->w, count);
	t2_cmd_run(c);
	more = t2_get_u8(&c->r);
	t2_cmd_check(c, t2_get_u32(&c->r) == capability);
	return more;
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

/* One element of a list, as the number that tells it: Part 2, 10.8.1 */
static u32 list_element(struct t2_command *c, u32 capability)
{
	u32 value;

	switch (capability) {
	case T2_CAP_ALGS:
		value = t2_get_u16(&c->r);
		t2_get_u32(&c->r); /* TPMA_ALGORITHM */
		return value;
	case T2_CAP_COMMANDS:
		return t2_get_u32(&c->r) & T2_CC_MASK;
	case T2_CAP_ECC_CURVES:
		return t2_get_u16(&c->r);
	default:
		return t2_get_u32(&c->r);
	}
}

/* As much as fits into one response. */
static int list_part(struct t2 *t, u32 capability, u32 first, u32 *out,
		     size_t *count, bool *more)
{
	struct t2_command c;
	u32 i, n;

	*more = capability_ask(&c, t, capability, first, (u32)*count);
	n = t2_get_u32(&c.r);
	t2_cmd_check(&c, n <= *count);
	for (i = 0; i < n && !c.r.bad; i++)
		out[i] = list_element(&c, capability);
	*count = c.r.bad ? 0 : n;
	return t2_cmd_end(&c);
}

int t2_get_list(struct t2 *t, u32 capability, u32 first, u32 *out,
		size_t *count)
{
	size_t max = *count, n;
	bool more = true;
	int err = 0;

	*count = 0;
	while (!err && more && *count < max) {
		n = max - *count;
		err = list_part(t, capability, first, out + *count, &n, &more);
		*count += n;
		if (!n)
			break;
		first = out[*count - 1] + 1;
	}
	if (err)
		*count = 0;
	return err;
}

int t2_get_handles(struct t2 *t, u32 first, u32 *handles, size_t *count)
{
	return t2_get_list(t, T2_CAP_HANDLES, first, handles, count);
}

bool t2_listed(const u32 *list, size_t count, u32 value)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (list[i] == value)
			return true;
	return false;
}

u32 t2_missing_command(const u32 *list, size_t count)
{
	const struct t2_cc_info *info;
	size_t i;

	for (i = 0; (info = t2_cc_at(i)); i++)
		if (!t2_listed(list, count, info->cc))
			return info->cc;
	return 0;
}

int t2_get_pcr_bank(struct t2 *t, u16 alg, u8 select[3])
{
	struct t2_command c;
	const u8 *bitmap;
	u32 i, n;
	u16 bank;
	u8 size;

	memset(select, 0, 3);
	capability_ask(&c, t, T2_CAP_PCRS, 0, 1);
	n = t2_get_u32(&c.r);
	for (i = 0; i < n && !c.r.bad; i++) {
		bank = t2_get_u16(&c.r);
		size = t2_get_u8(&c.r);
		bitmap = t2_get_bytes(&c.r, size);
		if (bitmap && bank == alg)
			memcpy(select, bitmap, size < 3 ? size : 3);
	}
	return t2_cmd_end(&c);
}
