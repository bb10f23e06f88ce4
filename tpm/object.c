// SPDX-License-Identifier: GPL-2.0-only
/* Keys: made, loaded, kept, read, flushed. Part 3, 12, 24 and 28. */
#include "command.h"

static void put_public(struct t2_writer *w, const struct t2_public *pub)
{
	t2_put_2b(w, pub->data, pub->len);
}

/* TPM2B_SENSITIVE_CREATE: Part 2, 11.1.16. The key itself comes from the TPM. */
static void put_sensitive(struct t2_writer *w, const u8 *auth, size_t auth_len)
{
	size_t at = t2_open_u16(w);

	t2_put_2b(w, auth, auth_len);
	t2_put_u16(w, 0);
	t2_close_u16(w, at);
}

void t2_get_public(struct t2_command *c, struct t2_public *pub)
{
	pub->len = (u16)t2_copy_2b(&c->r, pub->data, sizeof(pub->data));
}

/* The next TPM2B has to be @name; @err tells how that was computed. */
void t2_get_name(struct t2_command *c, int err, const struct t2_name *name)
{
	size_t len;
	const u8 *at = t2_get_2b(&c->r, &len);

	if (!at || err == -EOPNOTSUPP)
		return;
	if (err && err != -EINVAL) {
		t2_cmd_fail(c, err); /* of here, not of the answer */
		return;
	}
	t2_cmd_check(c, !err && len == name->len);
	if (!c->err)
		t2_cmd_check(c, !memcmp(at, name->data, len));
}

/* The same for the name of @pub, which has to be one this layer can compute. */
static void get_name_of(struct t2_command *c, const struct t2_public *pub)
{
	struct t2_name name;
	int err = t2_name_of_public(pub, &name);

	t2_get_name(c, err == -EOPNOTSUPP ? -EINVAL : err, &name);
}

/* A handle of a transient object, or 0. */
static u32 get_object(struct t2_command *c)
{
	if (c->err)
		return 0;
	t2_cmd_check(c, c->handle >> 24 == T2_HT_TRANSIENT);
	return c->handle;
}

/* What CreatePrimary and Create end with, besides the sensitive and public area. */
static void put_creation(struct t2_writer *w, const u8 *outside_info,
			 size_t outside_len)
{
	t2_put_2b(w, outside_info, outside_len);
	t2_put_u32(w, 0); /* no creationPCR */
}

/* Part 3, 24.1 */
int t2_create_primary(struct t2 *t, struct t2_entity *hierarchy,
		      const struct t2_public *template, u32 *handle,
		      struct t2_public *pub)
{
	struct t2_ticket ticket;
	struct t2_command c;
	size_t len;

	t2_cmd_begin(&c, t, T2_CC_CREATE_PRIMARY);
	t2_cmd_auth(&c, hierarchy);
	t2_cmd_params(&c);
	put_sensitive(&c.w, NULL, 0);
	put_public(&c.w, template);
	put_creation(&c.w, NULL, 0);
	t2_cmd_run(&c);
	*handle = get_object(&c);
	t2_get_public(&c, pub);
	t2_get_2b(&c.r, &len); /* creationData */
	t2_get_2b(&c.r, &len); /* creationHash */
	t2_get_ticket(&c, T2_ST_CREATION, &ticket);
	get_name_of(&c, pub);
	return t2_cmd_end(&c);
}

static void get_creation(struct t2_command *c, struct t2_created *out)
{
	struct t2_vec in = { out->creation, 0 };
	u8 hash[T2_DIGEST_SIZE];
	int err;

	out->creation_len =
		(u16)t2_copy_2b(&c->r, out->creation, sizeof(out->creation));
	t2_cmd_check(c, t2_copy_2b(&c->r, out->creation_hash,
				   sizeof(out->creation_hash)) == sizeof(hash));
	t2_get_ticket(c, T2_ST_CREATION, &out->ticket);
	if (c->err)
		return;
	in.len = out->creation_len;
	err = t2_sha256(&in, 1, hash);
	if (err)
		t2_cmd_fail(c, err);
	t2_cmd_check(c, !memcmp(hash, out->creation_hash, sizeof(hash)));
}

/* Part 3, 12.1 */
int t2_create(struct t2 *t, struct t2_entity *parent, const u8 *auth,
	      size_t auth_len, const struct t2_public *template,
	      const u8 *outside_info, size_t outside_len,
	      struct t2_created *out)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_CREATE);
	t2_cmd_auth(&c, parent);
	t2_cmd_params(&c);
	put_sensitive(&c.w, auth, auth_len);
	put_public(&c.w, template);
	put_creation(&c.w, outside_info, outside_len);
	t2_cmd_run(&c);
	out->priv.len =
		(u16)t2_copy_2b(&c.r, out->priv.data, sizeof(out->priv.data));
	t2_get_public(&c, &out->pub);
	get_creation(&c, out);
	return t2_cmd_end(&c);
}

/* Part 3, 12.2 */
int t2_load(struct t2 *t, struct t2_entity *parent,
	    const struct t2_private *priv, const struct t2_public *pub,
	    u32 *handle)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_LOAD);
	t2_cmd_auth(&c, parent);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, priv->data, priv->len);
	put_public(&c.w, pub);
	t2_cmd_run(&c);
	*handle = get_object(&c);
	get_name_of(&c, pub);
	return t2_cmd_end(&c);
}

/* Part 3, 12.3, the public part alone */
int t2_load_external(struct t2 *t, const struct t2_public *pub, u32 *handle)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_LOAD_EXTERNAL);
	t2_cmd_params(&c);
	t2_put_u16(&c.w, 0); /* inPrivate */
	put_public(&c.w, pub);
	t2_put_u32(&c.w, T2_RH_NULL);
	t2_cmd_run(&c);
	*handle = get_object(&c);
	get_name_of(&c, pub);
	return t2_cmd_end(&c);
}

/* Part 3, 28.5 */
int t2_evict_control(struct t2 *t, struct t2_entity *owner,
		     const struct t2_entity *object, u32 persistent)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_EVICT_CONTROL);
	t2_cmd_auth(&c, owner);
	t2_cmd_entity(&c, object);
	t2_cmd_params(&c);
	t2_put_u32(&c.w, persistent);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

/* Part 3, 28.4 */
int t2_flush_context(struct t2 *t, u32 handle)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_FLUSH_CONTEXT);
	t2_cmd_params(&c);
	t2_put_u32(&c.w, handle); /* a parameter, though a handle */
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

void t2_drop(struct t2 *t, u32 handle)
{
	u32 rc = t->rc, cc = t->cc;

	t2_flush_context(t, handle);
	t->rc = rc;
	t->cc = cc;
}

/* Part 3, 12.4 */
int t2_read_public(struct t2 *t, u32 handle, struct t2_public *pub,
		   struct t2_name *name)
{
	struct t2_command c;
	size_t len;
	int err;

	t2_cmd_begin(&c, t, T2_CC_READ_PUBLIC);
	t2_cmd_handle(&c, handle);
	t2_cmd_params(&c);
	t2_cmd_run(&c);
	t2_get_public(&c, pub);
	err = t2_name_of_public(pub, name);
	t2_get_name(&c, err, name);
	t2_get_2b(&c.r, &len); /* qualifiedName */
	return t2_cmd_end(&c);
}
