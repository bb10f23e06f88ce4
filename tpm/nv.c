// SPDX-License-Identifier: GPL-2.0-only
/* NV indices: Part 3, 31. */
#include "command.h"

/* Part 3, 31.3 */
int t2_nv_define_space(struct t2 *t, struct t2_entity *owner, const u8 *auth,
		       size_t auth_len, const struct t2_nv_public *nv)
{
	struct t2_command c;
	size_t at;

	t2_cmd_begin(&c, t, T2_CC_NV_DEFINE_SPACE);
	t2_cmd_auth(&c, owner);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, auth, auth_len);
	at = t2_open_u16(&c.w);
	t2_put_nv_public(&c.w, nv);
	t2_close_u16(&c.w, at);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

/* Part 3, 31.4 */
int t2_nv_undefine_space(struct t2 *t, struct t2_entity *owner,
			 const struct t2_entity *nv)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_NV_UNDEFINE_SPACE);
	t2_cmd_auth(&c, owner);
	t2_cmd_entity(&c, nv);
	t2_cmd_params(&c);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

/* TPM2B_NV_PUBLIC: Part 2, 13.6 */
static void get_nv_public(struct t2_command *c, struct t2_nv_public *nv)
{
	struct t2_reader r;
	size_t len;
	const u8 *at = t2_get_2b(&c->r, &len);

	memset(nv, 0, sizeof(*nv));
	if (!at)
		return;
	t2_reader_init(&r, at, len);
	nv->index = t2_get_u32(&r);
	nv->name_alg = t2_get_u16(&r);
	nv->attributes = t2_get_u32(&r);
	nv->policy_len = (u16)t2_copy_2b(&r, nv->policy, sizeof(nv->policy));
	nv->size = t2_get_u16(&r);
	t2_cmd_check(c, !r.bad && !t2_left(&r));
}

/* Part 3, 31.6 */
int t2_nv_read_public(struct t2 *t, u32 index, struct t2_nv_public *nv,
		      struct t2_name *name)
{
	struct t2_command c;
	int err;

	t2_cmd_begin(&c, t, T2_CC_NV_READ_PUBLIC);
	t2_cmd_handle(&c, index);
	t2_cmd_params(&c);
	t2_cmd_run(&c);
	get_nv_public(&c, nv);
	t2_cmd_check(&c, nv->index == index);
	err = t2_name_of_nv(nv, name);
	t2_get_name(&c, err, name);
	return t2_cmd_end(&c);
}

/* Part 3, 31.7 */
int t2_nv_write(struct t2 *t, struct t2_entity *auth,
		const struct t2_entity *nv, const u8 *data, size_t len,
		u16 offset)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_NV_WRITE);
	t2_cmd_auth(&c, auth);
	t2_cmd_entity(&c, nv);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, data, len);
	t2_put_u16(&c.w, offset);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

/* Part 3, 31.13 */
int t2_nv_read(struct t2 *t, struct t2_entity *auth, const struct t2_entity *nv,
	       u8 *data, size_t len, u16 offset)
{
	struct t2_command c;

	if (len > 0xffff)
		return -EINVAL;
	t2_cmd_begin(&c, t, T2_CC_NV_READ);
	t2_cmd_auth(&c, auth);
	t2_cmd_entity(&c, nv);
	t2_cmd_params(&c);
	t2_put_u16(&c.w, (u16)len);
	t2_put_u16(&c.w, offset);
	t2_cmd_run(&c);
	t2_cmd_check(&c, t2_copy_2b(&c.r, data, len) == len);
	return t2_cmd_end(&c);
}

int t2_nv_read_counter(struct t2 *t, struct t2_entity *auth,
		       const struct t2_entity *nv, u64 *value)
{
	struct t2_reader r;
	u8 data[8];
	int err;

	err = t2_nv_read(t, auth, nv, data, sizeof(data), 0);
	if (err)
		return err;
	t2_reader_init(&r, data, sizeof(data));
	*value = t2_get_u64(&r);
	return 0;
}

/* Commands that have the authorization and the index, and nothing else. */
static int nv_plain(struct t2 *t, enum t2_cc cc, const struct t2_entity *auth,
		    const struct t2_entity *nv)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, cc);
	t2_cmd_auth(&c, auth);
	t2_cmd_entity(&c, nv);
	t2_cmd_params(&c);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

/* Part 3, 31.14 */
int t2_nv_read_lock(struct t2 *t, struct t2_entity *auth,
		    const struct t2_entity *nv)
{
	return nv_plain(t, T2_CC_NV_READ_LOCK, auth, nv);
}

/* Part 3, 31.11 */
int t2_nv_write_lock(struct t2 *t, struct t2_entity *auth,
		     const struct t2_entity *nv)
{
	return nv_plain(t, T2_CC_NV_WRITE_LOCK, auth, nv);
}

/* Part 3, 31.8 */
int t2_nv_increment(struct t2 *t, struct t2_entity *auth,
		    const struct t2_entity *nv)
{
	return nv_plain(t, T2_CC_NV_INCREMENT, auth, nv);
}

/* Part 3, 31.16 */
int t2_nv_certify(struct t2 *t, struct t2_entity *signer,
		  struct t2_entity *auth, const struct t2_entity *nv,
		  const u8 *qualifying, size_t qualifying_len, u16 size,
		  u16 offset, struct t2_attest *attest,
		  struct t2_signature *sig)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_NV_CERTIFY);
	t2_cmd_auth(&c, signer);
	t2_cmd_auth(&c, auth);
	t2_cmd_entity(&c, nv);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, qualifying, qualifying_len);
	t2_put_u16(&c.w, T2_ALG_ECDSA);
	t2_put_u16(&c.w, T2_ALG_SHA256);
	t2_put_u16(&c.w, size);
	t2_put_u16(&c.w, offset);
	t2_cmd_run(&c);
	t2_get_attest(&c, T2_ST_ATTEST_NV, attest);
	t2_get_signature(&c, T2_ALG_SHA256, sig);
	return t2_cmd_end(&c);
}
