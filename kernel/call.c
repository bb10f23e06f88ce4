// SPDX-License-Identifier: GPL-2.0-only
/* What each ioctl does, mostly in the module's lock, with everything already in kernel memory. */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/nospec.h>

#include "call.h"
#include "executive/application.h"
#include "executive/executive.h"

static int nonzero(struct secmod *sm, u64 reserved)
{
	return reserved ? refuse(&sm->why, -EOPNOTSUPP, "a reserved field is not zero") : 0;
}

/* Was there anything behind the pointer? */
static int need(struct secmod_call *c, int which, const char *what)
{
	return c->in[which] ? 0 : refuse(&c->f->sm->why, -EINVAL, "%s: missing", what);
}

int call_info(struct secmod_call *c)
{
	struct secmod *sm = c->f->sm;
	struct secmod_info *arg = c->arg;

	*arg = (struct secmod_info){
		.size = arg->size,
		.abi_version = SECMOD_ABI_VERSION,
		.state = sm->state,
		.generation = sm->generation,
		.epoch = sm->epoch,
	};
	memcpy(arg->uid, sm->uid, sizeof(arg->uid));
	memcpy(arg->serial, sm->serial, sizeof(arg->serial));
	if (sm->record)
		arg->personalized_at = sm->record->personalized_at;
	c->f->seen = sm->generation;
	return 0;
}

int call_reason(struct secmod_call *c)
{
	struct secmod_reason *arg = c->arg;

	memset(arg->text, 0, sizeof(arg->text));
	spin_lock(&c->f->why_lock);
	arg->error = c->f->why.error;
	strscpy(arg->text, c->f->why.text, sizeof(arg->text));
	spin_unlock(&c->f->why_lock);
	return 0;
}

int call_attach(struct secmod_call *c)
{
	struct secmod_attach *arg = c->arg;
	struct secmod *sm = c->f->sm;
	struct file *file;
	int rc = nonzero(sm, arg->reserved);

	if (rc)
		return rc;
	file = secmod_vault_get(sm, arg->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	rc = secmod_attach(sm, file);
	fput(file);
	return rc;
}

int call_detach(struct secmod_call *c)
{
	struct secmod *sm = c->f->sm;

	if (sm->session)
		return refuse(&sm->why, -EBUSY, "a session is open: end it first");
	secmod_detach(sm);
	secmod_set_state(sm, EVENT_DETACH);
	return 0;
}

int call_init_begin(struct secmod_call *c)
{
	struct secmod_init_begin *arg = c->arg;

	return nonzero(c->f->sm, arg->reserved) ?: secmod_init_begin(c->f, arg);
}

int call_init_activate(struct secmod_call *c)
{
	struct secmod_init_activate *arg = c->arg;

	return nonzero(c->f->sm, arg->reserved) ?: secmod_init_activate(c->f, arg);
}

int call_init_complete(struct secmod_call *c)
{
	struct secmod_init_complete *arg = c->arg;
	struct secmod *sm = c->f->sm;
	struct file *file;
	int rc = nonzero(sm, arg->reserved);

	rc = rc ?: need(c, 0, "checking certificate");
	rc = rc ?: need(c, 1, "identity certificate");
	if (rc)
		return rc;
	file = secmod_vault_get(sm, arg->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	rc = secmod_init_complete(c->f, c->in[0], c->in_len[0], c->in[1], c->in_len[1], file);
	fput(file);
	return rc;
}

int call_perso_begin(struct secmod_call *c)
{
	struct secmod_perso_begin *arg = c->arg;
	int rc = nonzero(c->f->sm, arg->reserved | arg->reserved2);

	rc = rc ?: need(c, 0, "signing certificate");
	return rc ?: secmod_perso_begin(c->f, c->in[0], c->in_len[0], arg);
}

int call_perso_complete(struct secmod_call *c)
{
	struct secmod_perso_complete *arg = c->arg;
	int rc = nonzero(c->f->sm, arg->reserved);

	rc = rc ?: need(c, 0, "bundle");
	return rc ?: secmod_perso_complete(c->f, c->in[0], c->in_len[0]);
}

int call_attest(struct secmod_call *c)
{
	return secmod_attest(c->f->sm, c->arg);
}

int call_reset(struct secmod_call *c)
{
	struct secmod_reset *arg = c->arg;
	struct secmod *sm = c->f->sm;
	struct file *file = NULL;
	int rc = nonzero(sm, arg->reserved | arg->reserved2);

	if (!rc && arg->flags & SECMOD_RESET_FRESH_VAULT) {
		rc = need(c, 0, "checking certificate");
		rc = rc ?: need(c, 1, "identity certificate");
		if (rc)
			return rc;
		file = secmod_vault_get(sm, arg->fd);
		rc = PTR_ERR_OR_ZERO(file);
	}
	if (rc)
		return rc;
	rc = secmod_reset(sm, arg, c->in[0], c->in_len[0], c->in[1], c->in_len[1], file);
	if (file)
		fput(file);
	return rc;
}

static const struct record_cert *find_cert(const struct record *r, u32 kind, u32 index)
{
	if (kind == SECMOD_CERT_CENTRAL && index < SECMOD_CENTRAL_MAX)
		return &r->central[array_index_nospec(index, SECMOD_CENTRAL_MAX)];
	if (index)
		return NULL;
	switch (kind) {
	case SECMOD_CERT_CHECKING:
		return &r->checking;
	case SECMOD_CERT_IDENTITY:
		return &r->identity;
	case SECMOD_CERT_SIGNER:
		return &r->signer;
	case SECMOD_CERT_MODULE:
		return &r->module;
	}
	return NULL;
}

int call_get_cert(struct secmod_call *c)
{
	struct secmod_get_cert *arg = c->arg;
	struct secmod *sm = c->f->sm;
	const struct record_cert *cert = find_cert(sm->record, arg->kind, arg->index);
	u32 room = arg->len;

	if (!cert || !cert->len)
		return refuse(&sm->why, -ENOENT, "certificate %u/%u: there is none", arg->kind,
			      arg->index);
	arg->len = cert->len;
	if (room < cert->len)
		return refuse(&sm->why, -ENOSPC, "certificate %u/%u: needs %u bytes", arg->kind,
			      arg->index, cert->len);
	c->out = kmemdup(cert->der, cert->len, GFP_KERNEL);
	c->out_len = cert->len;
	c->out_to = arg->data;
	return c->out ? 0 : -ENOMEM;
}

int call_sign(struct secmod_call *c)
{
	struct secmod_sign *arg = c->arg;
	struct secmod *sm = c->f->sm;
	int rc;

	if (arg->hash > 0xffff)
		return refuse(&sm->why, -EOPNOTSUPP, "SIGN: hash 0x%x is unknown", arg->hash);
	rc = need(c, 0, "data to sign");
	return rc ?: secmod_sign(sm, arg->key, arg->hash, c->in[0], arg->len, arg->signature);
}

int call_apdu(struct secmod_call *c)
{
	struct secmod_apdu *arg = c->arg;
	struct secmod *sm = c->f->sm;
	struct apdu_response r = {};
	u32 room = arg->response_len;
	int rc = need(c, 0, "command APDU");

	if (rc)
		return rc;
	arg->response_len = APDU_RESPONSE_MAX;
	if (room < APDU_RESPONSE_MAX)
		return refuse(&sm->why, -ENOSPC, "APDU: a response takes %d bytes of room",
			      APDU_RESPONSE_MAX);
	c->out = kzalloc(APDU_RESPONSE_MAX, GFP_KERNEL);
	if (!c->out)
		return -ENOMEM;
	r.data = c->out;
	rc = executive_run(c->f, c->in[0], c->in_len[0], &r);
	c->out_len = r.len;
	c->out_to = arg->response;
	arg->response_len = r.len;
	return rc;
}

int call_keys(struct secmod_call *c)
{
	struct secmod_keys *arg = c->arg;
	struct secmod *sm = c->f->sm;
	struct secmod_txn_key *keys;
	u32 room = arg->count;

	keys = kcalloc(SECMOD_TXN_KEYS_MAX, sizeof(*keys), GFP_KERNEL);
	if (!keys)
		return -ENOMEM;
	c->out = (u8 *)keys;
	arg->count = txn_list(sm, keys);
	arg->max_keys = min_t(u64, sm->record->policy.max_keys, TXN_SLOTS);
	arg->max_lifetime = sm->record->policy.max_lifetime;
	arg->max_messages = sm->record->policy.max_messages;
	if (room < arg->count)
		return refuse(&sm->why, -ENOSPC, "KEYS: there are %u transaction keys", arg->count);
	c->out_len = arg->count * sizeof(*keys);
	c->out_to = arg->keys;
	return 0;
}

/* The key group, whose first byte tells its use, of the application that is named. */
static int find_key(struct secmod *sm, const struct secmod_use_key *arg, const u8 **key,
		    size_t *len)
{
	struct app app;

	*key = NULL;
	if (arg->dgi >= DGI_KEY_FIRST && arg->dgi <= DGI_KEY_LAST &&
	    app_find(&sm->record->apps, arg->aid, arg->aid_len, &app))
		*key = app_group(&app, arg->dgi, len);
	if (!*key)
		return refuse(&sm->why, -ENOENT, "USE_KEY: there is no application with key %04x",
			      arg->dgi);
	if (!is_power_of_2(arg->use) || !(**key & arg->use))
		return refuse(&sm->why, -EACCES, "USE_KEY: key %04x is not for use %u", arg->dgi,
			      arg->use);
	return 0;
}

static int compute(const struct secmod_use_key *arg, const u8 *key, size_t len, u8 *out)
{
	struct t2_vec in = { out, arg->in_len };
	u8 mac[SCP03_BLOCK];
	int rc;

	if (arg->use != SECMOD_USE_MAC)
		return se_cbc(arg->use == SECMOD_USE_ENCRYPT, key, len, arg->iv, out, arg->in_len);
	rc = se_cmac(key, len, &in, 1, mac);
	memcpy(out, mac, sizeof(mac));
	return rc;
}

int call_use_key(struct secmod_call *c)
{
	struct secmod_use_key *arg = c->arg;
	struct secmod *sm = c->f->sm;
	u32 room = arg->out_len;
	const u8 *key;
	size_t len;
	int rc;

	if (arg->aid_len > SECMOD_AID_MAX)
		return refuse(&sm->why, -EINVAL, "USE_KEY: name of %u bytes", arg->aid_len);
	rc = find_key(sm, arg, &key, &len);
	if (rc)
		return rc;
	arg->out_len = arg->use == SECMOD_USE_MAC ? SCP03_BLOCK : arg->in_len;
	if (arg->use != SECMOD_USE_MAC && (!arg->in_len || arg->in_len % SCP03_BLOCK))
		return refuse(&sm->why, -EINVAL, "USE_KEY: %u bytes are no whole blocks",
			      arg->in_len);
	if (room < arg->out_len)
		return refuse(&sm->why, -ENOSPC, "USE_KEY: needs %u bytes", arg->out_len);
	c->out = kzalloc(max_t(u32, arg->in_len, SCP03_BLOCK), GFP_KERNEL);
	if (!c->out)
		return -ENOMEM;
	if (arg->in_len)
		memcpy(c->out, c->in[0], arg->in_len);
	c->out_len = arg->out_len;
	c->out_to = arg->out;
	return compute(arg, key + 1, len - 1, c->out);
}
