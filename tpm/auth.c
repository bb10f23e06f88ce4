// SPDX-License-Identifier: GPL-2.0-only
/*
 * The authorization area: who may (HMAC), unchanged (cpHash, rpHash), unread
 * (parameter encryption). Part 1, 18.6 and 19; 21 for the encryption.
 */
#include "command.h"

#define T2_MAX_KEY (2 * T2_DIGEST_SIZE) /* session key and authValue */
#define T2_SA_EXCLUSIVE 0x02 /* auditExclusive: the TPM's to say */
#define AES_KEY_SIZE 16

/* Trailing zeros of an authValue do not count: Part 1, 17.6.4.3. */
static size_t auth_value_len(const u8 *auth, size_t len)
{
	while (len && !auth[len - 1])
		len--;
	return len;
}

static bool auth_has(const struct t2_command *c, const struct t2_session *s)
{
	unsigned int i;

	for (i = 0; i < c->auth_count; i++)
		if (c->auths[i].session == s)
			return true;
	return false;
}

static struct t2_auth *auth_next(struct t2_command *c, struct t2_session *s)
{
	struct t2_auth *a;

	/* a session without handle was never started, or is used up */
	if (c->auth_count == T2_MAX_SESSIONS ||
	    (s && (!s->handle || auth_has(c, s)))) {
		t2_cmd_fail(c, -EINVAL);
		return NULL;
	}
	a = &c->auths[c->auth_count++];
	a->session = s;
	return a;
}

void t2_auth_add(struct t2_command *c, const struct t2_entity *e)
{
	struct t2_auth *a = auth_next(c, e->session);

	if (!a)
		return;
	a->authorizes = true;
	a->auth = e->auth;
	a->auth_len = auth_value_len(e->auth, e->auth_len);
	if (a->auth_len > T2_DIGEST_SIZE)
		t2_cmd_fail(c, -EINVAL);
}

static void auth_guard(struct t2_command *c)
{
	struct t2_session *guard = c->t->guard;

	if (guard && !c->unguarded && !(c->info->flags & T2_CF_NO_GUARD) &&
	    !auth_has(c, guard))
		auth_next(c, guard);
}

/* Which session encrypts what, and so the attributes it is sent with. */
static void auth_attributes(struct t2_command *c, struct t2_auth *a)
{
	u8 want = a->session->attributes;

	a->attributes = want & T2_SA_CONTINUE;
	if (want & T2_SA_DECRYPT && c->info->flags & T2_CF_DECRYPT &&
	    !c->decrypt) {
		a->attributes |= T2_SA_DECRYPT;
		c->decrypt = a;
	}
	if (want & T2_SA_ENCRYPT && c->info->flags & T2_CF_ENCRYPT &&
	    !c->encrypt) {
		a->attributes |= T2_SA_ENCRYPT;
		c->encrypt = a;
	}
	/* a session that authorizes nothing must do something: Part 1, 18.6.3 */
	if (!a->authorizes &&
	    !(a->attributes & (T2_SA_DECRYPT | T2_SA_ENCRYPT)))
		a->attributes |= T2_SA_AUDIT;
}

/* A policy session's HMAC has the authValue only after PolicyAuthValue. */
static bool auth_in_hmac(const struct t2_auth *a)
{
	return a->authorizes && (!a->session->policy || a->session->auth_value);
}

/* sessionKey || authValue. Returns its length. */
static size_t auth_key(const struct t2_auth *a, bool with_auth,
		       u8 key[T2_MAX_KEY])
{
	size_t len = a->session->key_len;

	memcpy(key, a->session->key, len);
	if (with_auth && a->auth_len) {
		memcpy(key + len, a->auth, a->auth_len);
		len += a->auth_len;
	}
	return len;
}

/* Without any key there is no HMAC: Part 1, 19.6.5. */
static bool auth_has_hmac(const struct t2_auth *a)
{
	return a->session &&
	       (a->session->key_len || (auth_in_hmac(a) && a->auth_len));
}

static void auth_put_password(struct t2_command *c, const struct t2_auth *a)
{
	t2_put_u32(&c->w, T2_RS_PW);
	t2_put_u16(&c->w, 0);
	t2_put_u8(&c->w, 0);
	t2_put_2b(&c->w, a->auth, a->auth_len);
}

static void auth_put_session(struct t2_command *c, struct t2_auth *a)
{
	static const u8 later[T2_DIGEST_SIZE];
	struct t2_session *s = a->session;
	int err;

	err = t2_random(s->nonce_caller, sizeof(s->nonce_caller));
	if (err) {
		t2_cmd_fail(c, err);
		return;
	}
	auth_attributes(c, a);
	t2_put_u32(&c->w, s->handle);
	t2_put_2b(&c->w, s->nonce_caller, sizeof(s->nonce_caller));
	t2_put_u8(&c->w, a->attributes);
	if (auth_has_hmac(a)) {
		a->hmac = c->w.len + 2;
		t2_put_2b(&c->w, later, sizeof(later));
	} else {
		t2_put_u16(&c->w, 0);
	}
}

void t2_auth_write(struct t2_command *c)
{
	unsigned int i;
	size_t area;

	if (c->err)
		return;
	auth_guard(c);
	if (!c->auth_count)
		return;
	area = t2_open_u32(&c->w);
	for (i = 0; i < c->auth_count; i++) {
		if (c->auths[i].session)
			auth_put_session(c, &c->auths[i]);
		else
			auth_put_password(c, &c->auths[i]);
	}
	t2_close_u32(&c->w, area);
}

/* Encrypts or decrypts the TPM2B at the head of @params: Part 1, 21.3. */
static int auth_crypt(const struct t2_auth *a, bool encrypt, const u8 *newer,
		      const u8 *older, u8 *params, size_t len)
{
	const struct t2_vec u = { newer, T2_DIGEST_SIZE };
	const struct t2_vec v = { older, T2_DIGEST_SIZE };
	u8 key[T2_MAX_KEY], out[2 * AES_KEY_SIZE];
	struct t2_reader r;
	size_t size;
	int err;

	t2_reader_init(&r, params, len);
	t2_get_2b(&r, &size);
	if (r.bad)
		return -EBADMSG;
	err = t2_kdfa(key, auth_key(a, a->authorizes, key), "CFB", &u, &v, out,
		      sizeof(out));
	if (!err && size)
		err = t2_aes128_cfb(encrypt, out, out + AES_KEY_SIZE,
				    params + 2, size);
	memzero_explicit(key, sizeof(key));
	memzero_explicit(out, sizeof(out));
	return err;
}

/**
 * auth_hmac() - the HMAC of a command or response (Part 1, 19.6.5)
 * @a: the session
 * @hash: cpHash or rpHash
 * @newer: nonce of who sends
 * @older: nonce of who receives
 * @others: nonceTPM of the decrypt and the encrypt session, NULL when not there
 * @attributes: TPMA_SESSION
 * @out: the HMAC
 */
static int auth_hmac(const struct t2_auth *a, const u8 *hash, const u8 *newer,
		     const u8 *older, const u8 *const others[2], u8 attributes,
		     u8 out[T2_DIGEST_SIZE])
{
	struct t2_vec in[6] = {
		{ hash, T2_DIGEST_SIZE },
		{ newer, T2_DIGEST_SIZE },
		{ older, T2_DIGEST_SIZE },
	};
	u8 key[T2_MAX_KEY];
	size_t n = 3, i;
	int err;

	for (i = 0; i < 2; i++)
		if (others[i])
			in[n++] = (struct t2_vec){ others[i], T2_DIGEST_SIZE };
	in[n++] = (struct t2_vec){ &attributes, 1 };
	err = t2_hmac_sha256(key, auth_key(a, auth_in_hmac(a), key), in, n,
			     out);
	memzero_explicit(key, sizeof(key));
	return err;
}

static int auth_seal_one(struct t2_command *c, const struct t2_auth *a,
			 const u8 *cp_hash)
{
	const struct t2_session *s = a->session;
	const u8 *others[2] = { NULL, NULL };

	/* the first session answers for the nonces of those that encrypt */
	if (a == c->auths && a->authorizes) {
		if (c->decrypt && c->decrypt != a)
			others[0] = c->decrypt->session->nonce_tpm;
		if (c->encrypt && c->encrypt != a && c->encrypt != c->decrypt)
			others[1] = c->encrypt->session->nonce_tpm;
	}
	return auth_hmac(a, cp_hash, s->nonce_caller, s->nonce_tpm, others,
			 a->attributes, c->t->buf + a->hmac);
}

/* cpHash: Part 1, 18.7 */
static int auth_cp_hash(struct t2_command *c, u8 cp_hash[T2_DIGEST_SIZE])
{
	struct t2_vec in[T2_MAX_HANDLES + 2];
	size_t n = 0, i;

	in[n++] = (struct t2_vec){ c->t->buf + 6, 4 }; /* the command code */
	for (i = 0; i < c->name_count; i++)
		in[n++] = c->names[i];
	in[n++] =
		(struct t2_vec){ c->t->buf + c->params, c->w.len - c->params };
	return t2_sha256(in, n, cp_hash);
}

static int auth_seal(struct t2_command *c)
{
	u8 cp_hash[T2_DIGEST_SIZE];
	unsigned int i;
	int err = 0;

	if (c->decrypt)
		err = auth_crypt(c->decrypt, true,
				 c->decrypt->session->nonce_caller,
				 c->decrypt->session->nonce_tpm,
				 c->t->buf + c->params, c->w.len - c->params);
	if (!err)
		err = auth_cp_hash(c, cp_hash);
	for (i = 0; !err && i < c->auth_count; i++)
		if (c->auths[i].hmac)
			err = auth_seal_one(c, &c->auths[i], cp_hash);
	return err;
}

void t2_auth_seal(struct t2_command *c)
{
	int err;

	if (c->err || !c->auth_count)
		return;
	err = auth_seal(c);
	if (err)
		t2_cmd_fail(c, err);
}

/* A password's answer is empty. */
static bool auth_check_password(struct t2_reader *r)
{
	u16 nonce = t2_get_u16(r);
	u8 attributes = t2_get_u8(r);
	u16 hmac = t2_get_u16(r);

	return !r->bad && !nonce && !(attributes & ~T2_SA_CONTINUE) && !hmac;
}

static int auth_check_session(struct t2_auth *a, struct t2_reader *r,
			      const u8 *rp_hash)
{
	static const u8 *const none[2];
	size_t nonce_len, hmac_len;
	const u8 *nonce = t2_get_2b(r, &nonce_len);
	u8 attributes = t2_get_u8(r);
	const u8 *hmac = t2_get_2b(r, &hmac_len);
	u8 expected[T2_DIGEST_SIZE];
	bool same;
	int err;

	if (r->bad || nonce_len != T2_DIGEST_SIZE ||
	    hmac_len != (a->hmac ? T2_DIGEST_SIZE : 0))
		return -EBADMSG;
	if (attributes != a->attributes &&
	    (!(a->attributes & T2_SA_AUDIT) ||
	     attributes != (a->attributes | T2_SA_EXCLUSIVE)))
		return -EBADMSG;
	a->nonce_tpm = nonce;
	if (!a->hmac)
		return 0;
	err = auth_hmac(a, rp_hash, nonce, a->session->nonce_caller, none,
			attributes, expected);
	if (err)
		return err;
	same = t2_equal(expected, hmac, sizeof(expected));
	memzero_explicit(expected, sizeof(expected));
	return same ? 0 : -EBADMSG;
}

/* rpHash: Part 1, 18.8. The response code is 0, others carry no sessions. */
static int auth_rp_hash(struct t2_command *c, const u8 *params, size_t len,
			u8 rp_hash[T2_DIGEST_SIZE])
{
	struct t2_vec in[2];
	struct t2_writer w;
	u8 head[8];

	t2_writer_init(&w, head, sizeof(head));
	t2_put_u32(&w, 0);
	t2_put_u32(&w, c->info->cc);
	in[0] = (struct t2_vec){ head, sizeof(head) };
	in[1] = (struct t2_vec){ params, len };
	return t2_sha256(in, 2, rp_hash);
}

/* The session after a command that succeeded. */
static void auth_roll(struct t2_auth *a)
{
	struct t2_session *s = a->session;

	if (!(a->attributes & T2_SA_CONTINUE)) {
		memzero_explicit(s, sizeof(*s));
		return;
	}
	memcpy(s->nonce_tpm, a->nonce_tpm, sizeof(s->nonce_tpm));
	/* a policy starts anew after it was used: Part 1, 19.7.6 */
	if (a->authorizes && s->policy)
		s->auth_value = false;
}

int t2_auth_check(struct t2_command *c, struct t2_reader *r, u8 *params,
		  size_t len)
{
	u8 rp_hash[T2_DIGEST_SIZE];
	unsigned int i;
	int err;

	err = auth_rp_hash(c, params, len, rp_hash);
	for (i = 0; !err && i < c->auth_count; i++) {
		if (c->auths[i].session)
			err = auth_check_session(&c->auths[i], r, rp_hash);
		else if (!auth_check_password(r))
			err = -EBADMSG;
	}
	if (!err && t2_left(r))
		err = -EBADMSG;
	if (!err && c->encrypt)
		err = auth_crypt(c->encrypt, false, c->encrypt->nonce_tpm,
				 c->encrypt->session->nonce_caller, params,
				 len);
	if (err)
		return err;
	for (i = 0; i < c->auth_count; i++)
		if (c->auths[i].session)
			auth_roll(&c->auths[i]);
	return 0;
}
