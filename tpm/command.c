// SPDX-License-Identifier: GPL-2.0-only
/* Begins, sends and checks a command: Part 1, 18 (headers, handles, parameters). */
#include "command.h"

static const struct t2_cc_info t2_commands[] = {
	{ T2_CC_EVICT_CONTROL, T2_CF_OWNER, "TPM2_EvictControl" },
	{ T2_CC_NV_UNDEFINE_SPACE, T2_CF_OWNER, "TPM2_NV_UndefineSpace" },
	{ T2_CC_NV_DEFINE_SPACE, T2_CF_DECRYPT | T2_CF_OWNER,
	  "TPM2_NV_DefineSpace" },
	{ T2_CC_CREATE_PRIMARY,
	  T2_CF_DECRYPT | T2_CF_ENCRYPT | T2_CF_HANDLE | T2_CF_OWNER,
	  "TPM2_CreatePrimary" },
	{ T2_CC_NV_INCREMENT, 0, "TPM2_NV_Increment" },
	{ T2_CC_NV_WRITE, T2_CF_DECRYPT | T2_CF_OWNER, "TPM2_NV_Write" },
	{ T2_CC_STARTUP, T2_CF_NO_GUARD, "TPM2_Startup" },
	{ T2_CC_STIR_RANDOM, T2_CF_DECRYPT, "TPM2_StirRandom" },
	{ T2_CC_ACTIVATE_CREDENTIAL, T2_CF_DECRYPT | T2_CF_ENCRYPT,
	  "TPM2_ActivateCredential" },
	{ T2_CC_POLICY_NV, T2_CF_DECRYPT, "TPM2_PolicyNV" },
	{ T2_CC_CERTIFY_CREATION, T2_CF_DECRYPT | T2_CF_ENCRYPT,
	  "TPM2_CertifyCreation" },
	{ T2_CC_NV_READ, T2_CF_ENCRYPT, "TPM2_NV_Read" },
	{ T2_CC_NV_READ_LOCK, 0, "TPM2_NV_ReadLock" },
	{ T2_CC_NV_WRITE_LOCK, T2_CF_OWNER, "TPM2_NV_WriteLock" },
	{ T2_CC_POLICY_SECRET, T2_CF_DECRYPT | T2_CF_ENCRYPT,
	  "TPM2_PolicySecret" },
	{ T2_CC_CREATE, T2_CF_DECRYPT | T2_CF_ENCRYPT, "TPM2_Create" },
	{ T2_CC_ECDH_ZGEN, T2_CF_DECRYPT | T2_CF_ENCRYPT, "TPM2_ECDH_ZGen" },
	{ T2_CC_LOAD, T2_CF_DECRYPT | T2_CF_ENCRYPT | T2_CF_HANDLE,
	  "TPM2_Load" },
	{ T2_CC_SIGN, T2_CF_DECRYPT, "TPM2_Sign" },
	{ T2_CC_FLUSH_CONTEXT, T2_CF_NO_GUARD, "TPM2_FlushContext" },
	{ T2_CC_LOAD_EXTERNAL, T2_CF_DECRYPT | T2_CF_ENCRYPT | T2_CF_HANDLE,
	  "TPM2_LoadExternal" },
	{ T2_CC_NV_READ_PUBLIC, T2_CF_ENCRYPT, "TPM2_NV_ReadPublic" },
	{ T2_CC_POLICY_AUTH_VALUE, 0, "TPM2_PolicyAuthValue" },
	{ T2_CC_READ_PUBLIC, T2_CF_ENCRYPT, "TPM2_ReadPublic" },
	{ T2_CC_START_AUTH_SESSION,
	  T2_CF_DECRYPT | T2_CF_ENCRYPT | T2_CF_HANDLE | T2_CF_NO_GUARD,
	  "TPM2_StartAuthSession" },
	{ T2_CC_VERIFY_SIGNATURE, T2_CF_DECRYPT, "TPM2_VerifySignature" },
	{ T2_CC_GET_CAPABILITY, 0, "TPM2_GetCapability" },
	{ T2_CC_GET_RANDOM, T2_CF_ENCRYPT, "TPM2_GetRandom" },
	{ T2_CC_HASH, T2_CF_DECRYPT | T2_CF_ENCRYPT, "TPM2_Hash" },
	{ T2_CC_POLICY_PCR, T2_CF_DECRYPT, "TPM2_PolicyPCR" },
	{ T2_CC_PCR_EXTEND, 0, "TPM2_PCR_Extend" },
	{ T2_CC_NV_CERTIFY, T2_CF_DECRYPT | T2_CF_ENCRYPT, "TPM2_NV_Certify" },
	{ T2_CC_POLICY_GET_DIGEST, T2_CF_ENCRYPT, "TPM2_PolicyGetDigest" },
};

const struct t2_cc_info *t2_cc_find(u32 cc)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t2_commands); i++)
		if (t2_commands[i].cc == cc)
			return &t2_commands[i];
	return NULL;
}

const struct t2_cc_info *t2_cc_at(size_t i)
{
	return i < ARRAY_SIZE(t2_commands) ? &t2_commands[i] : NULL;
}

void t2_cmd_fail(struct t2_command *c, int err)
{
	if (!c->err)
		c->err = err;
	c->w.bad = true;
	c->r.bad = true;
}

void t2_cmd_check(struct t2_command *c, bool ok)
{
	if (!ok)
		t2_cmd_fail(c, -EBADMSG);
}

void t2_cmd_begin(struct t2_command *c, struct t2 *t, enum t2_cc cc)
{
	memset(c, 0, sizeof(*c));
	c->t = t;
	c->info = t2_cc_find(cc);
	t->rc = 0;
	t->cc = cc;
	t2_writer_init(&c->w, t->buf, sizeof(t->buf));
	t2_put_u16(&c->w, 0); /* tag and size are known in t2_cmd_run() */
	t2_put_u32(&c->w, 0);
	t2_put_u32(&c->w, cc);
}

static void cmd_name(struct t2_command *c, const u8 *name, size_t len)
{
	if (c->name_count == T2_MAX_HANDLES) {
		t2_cmd_fail(c, -EINVAL);
		return;
	}
	c->names[c->name_count].data = name;
	c->names[c->name_count].len = len;
	c->name_count++;
}

void t2_cmd_handle(struct t2_command *c, u32 handle)
{
	const u8 *at = c->w.data + c->w.len;
	u8 type = handle >> 24;

	if (type == T2_HT_NV_INDEX || type == T2_HT_TRANSIENT ||
	    type == T2_HT_PERSISTENT)
		c->unguarded = true;
	t2_put_u32(&c->w, handle);
	cmd_name(c, at, 4);
}

void t2_cmd_entity(struct t2_command *c, const struct t2_entity *e)
{
	t2_put_u32(&c->w, e->handle);
	cmd_name(c, e->name.data, e->name.len);
}

void t2_cmd_auth(struct t2_command *c, const struct t2_entity *e)
{
	t2_cmd_entity(c, e);
	t2_auth_add(c, e);
}

void t2_cmd_params(struct t2_command *c)
{
	t2_auth_write(c);
	c->params = c->w.len;
}

/* The header of the command, now that its size is known. */
static void cmd_header(struct t2_command *c)
{
	struct t2_writer w;

	t2_writer_init(&w, c->t->buf, T2_HEADER_SIZE);
	t2_put_u16(&w, c->auth_count ? T2_ST_SESSIONS : T2_ST_NO_SESSIONS);
	t2_put_u32(&w, (u32)c->w.len);
}

/* A response that is nothing but a TPM_RC. */
static int cmd_refused(struct t2_command *c, u16 tag, size_t len, u32 rc)
{
	/* TPM_RC_BAD_TAG comes in the manner of TPM 1.2 */
	if (len != T2_HEADER_SIZE ||
	    (tag != T2_ST_NO_SESSIONS && tag != T2_ST_RSP_COMMAND))
		return -EBADMSG;
	c->t->rc = rc;
	return t2_rc_errno(rc);
}

static int cmd_accepted(struct t2_command *c, struct t2_reader *r, u16 tag)
{
	size_t len, at;
	int err = 0;

	if (tag != (c->auth_count ? T2_ST_SESSIONS : T2_ST_NO_SESSIONS))
		return -EBADMSG;
	if (c->info->flags & T2_CF_HANDLE)
		c->handle = t2_get_u32(r);
	len = c->auth_count ? t2_get_u32(r) : t2_left(r);
	at = r->pos;
	if (!t2_get_bytes(r, len))
		return -EBADMSG;
	if (c->auth_count)
		err = t2_auth_check(c, r, c->t->buf + at, len);
	t2_reader_init(&c->r, c->t->buf + at, len);
	return err;
}

static int cmd_receive(struct t2_command *c, size_t len)
{
	struct t2_reader r;
	u32 size, rc;
	u16 tag;

	if (len > sizeof(c->t->buf))
		return -EBADMSG;
	t2_reader_init(&r, c->t->buf, len);
	tag = t2_get_u16(&r);
	size = t2_get_u32(&r);
	rc = t2_get_u32(&r);
	if (r.bad || size != len)
		return -EBADMSG;
	if (rc)
		return cmd_refused(c, tag, len, rc);
	return cmd_accepted(c, &r, tag);
}

void t2_cmd_run(struct t2_command *c)
{
	int len, err;

	if (!c->err && c->w.bad)
		c->err = -EMSGSIZE;
	t2_auth_seal(c);
	c->r.bad = true;
	if (c->err)
		return;
	cmd_header(c);
	c->t->commands++;
	len = c->t->transmit(c->t, c->t->buf, c->w.len, sizeof(c->t->buf));
	err = len < 0 ? len : cmd_receive(c, len);
	if (err)
		t2_cmd_fail(c, err);
}

/*
 * What a refused response left behind in the TPM would never be flushed by the
 * caller, who does not learn the handle.
 */
static void cmd_drop(struct t2_command *c)
{
	u8 type = c->handle >> 24;

	if (type != T2_HT_TRANSIENT && type != T2_HT_HMAC_SESSION &&
	    type != T2_HT_POLICY_SESSION)
		return;
	t2_drop(c->t, c->handle);
}

int t2_cmd_end(struct t2_command *c)
{
	if (!c->err && (c->r.bad || t2_left(&c->r)))
		c->err = -EBADMSG;
	memzero_explicit(c->t->buf, sizeof(c->t->buf));
	if (c->err)
		cmd_drop(c);
	return c->err;
}
