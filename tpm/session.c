// SPDX-License-Identifier: GPL-2.0-only
/* Starting and ending sessions: Part 1, 19; Part 3, 11.1. Their keys: Part 1, 11.4.10. */
#include "command.h"

static void put_be32(u8 out[4], u32 v)
{
	out[0] = v >> 24;
	out[1] = v >> 16;
	out[2] = v >> 8;
	out[3] = v;
}

/**
 * t2_kdfa() - KDFa with HMAC-SHA-256: Part 1, 11.4.10.2
 * @key: the key
 * @key_len: its length
 * @label: says what for; its final zero is part of the input
 * @context_u: party U
 * @context_v: party V
 * @out: the derived bytes
 * @len: how many
 */
int t2_kdfa(const u8 *key, size_t key_len, const char *label,
	    const struct t2_vec *context_u, const struct t2_vec *context_v,
	    u8 *out, size_t len)
{
	u8 counter[4], bits[4], block[T2_DIGEST_SIZE];
	const struct t2_vec in[] = {
		{ counter, sizeof(counter) },
		{ label, strlen(label) + 1 },
		*context_u,
		*context_v,
		{ bits, sizeof(bits) },
	};
	size_t n;
	u32 i;
	int err = 0;

	put_be32(bits, (u32)len * 8);
	for (i = 1; !err && len; i++) {
		n = len < sizeof(block) ? len : sizeof(block);
		put_be32(counter, i);
		err = t2_hmac_sha256(key, key_len, in, 5, block);
		if (!err)
			memcpy(out, block, n);
		out += n;
		len -= n;
	}
	memzero_explicit(block, sizeof(block));
	return err;
}

/**
 * t2_kdfe() - KDFe with SHA-256: Part 1, 11.4.10.3
 * @z: x of the shared point
 * @label: says what for; its final zero is part of the input
 * @party_u: x of the ephemeral key
 * @party_v: x of the static key
 * @out: the derived bytes
 * @len: how many
 */
int t2_kdfe(const u8 z[T2_COORD_SIZE], const char *label,
	    const u8 party_u[T2_COORD_SIZE], const u8 party_v[T2_COORD_SIZE],
	    u8 *out, size_t len)
{
	u8 counter[4], block[T2_DIGEST_SIZE];
	const struct t2_vec in[] = {
		{ counter, sizeof(counter) }, { z, T2_COORD_SIZE },
		{ label, strlen(label) + 1 }, { party_u, T2_COORD_SIZE },
		{ party_v, T2_COORD_SIZE },
	};
	size_t n;
	u32 i;
	int err = 0;

	for (i = 1; !err && len; i++) {
		n = len < sizeof(block) ? len : sizeof(block);
		put_be32(counter, i);
		err = t2_sha256(in, 5, block);
		if (!err)
			memcpy(out, block, n);
		out += n;
		len -= n;
	}
	memzero_explicit(block, sizeof(block));
	return err;
}

/* A salt and the point from which the TPM gets the same: Part 1, C.6.1. */
static int session_salt(const struct t2_public *pub, struct t2_point *own,
			u8 salt[T2_DIGEST_SIZE])
{
	struct t2_ecc_template template;
	struct t2_point peer;
	u8 z[T2_COORD_SIZE];
	int err;

	err = t2_public_parse_ecc(pub, &template, &peer);
	if (!err)
		err = t2_ecdh_p256(&peer, own, z);
	if (!err)
		err = t2_kdfe(z, "SECRET", own->x, peer.x, salt,
			      T2_DIGEST_SIZE);
	memzero_explicit(z, sizeof(z));
	return err;
}

/* sessionKey: Part 1, 19.6.8 */
static int session_key(struct t2_session *s, const u8 salt[T2_DIGEST_SIZE])
{
	const struct t2_vec u = { s->nonce_tpm, sizeof(s->nonce_tpm) };
	const struct t2_vec v = { s->nonce_caller, sizeof(s->nonce_caller) };

	s->key_len = sizeof(s->key);
	return t2_kdfa(salt, T2_DIGEST_SIZE, "ATH", &u, &v, s->key,
		       sizeof(s->key));
}

static void put_salt(struct t2_writer *w, const struct t2_point *own)
{
	size_t at = t2_open_u16(w);

	if (own) {
		t2_put_2b(w, own->x, sizeof(own->x));
		t2_put_2b(w, own->y, sizeof(own->y));
	}
	t2_close_u16(w, at);
}

/* TPM2_StartAuthSession: Part 3, 11.1. @own: NULL for no salt */
static int session_start(struct t2 *t, struct t2_session *s,
			 enum t2_session_type type, u32 salt_handle,
			 const struct t2_point *own)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_START_AUTH_SESSION);
	t2_cmd_handle(&c, salt_handle);
	t2_cmd_handle(&c, T2_RH_NULL); /* not bound */
	t2_cmd_params(&c);
	t2_put_2b(&c.w, s->nonce_caller, sizeof(s->nonce_caller));
	put_salt(&c.w, own);
	t2_put_u8(&c.w, type);
	t2_put_u16(&c.w, T2_ALG_AES);
	t2_put_u16(&c.w, 128);
	t2_put_u16(&c.w, T2_ALG_CFB);
	t2_put_u16(&c.w, T2_ALG_SHA256);
	t2_cmd_run(&c);
	t2_cmd_check(&c, c.err || t2_copy_2b(&c.r, s->nonce_tpm,
					     sizeof(s->nonce_tpm)) ==
					  sizeof(s->nonce_tpm));
	t2_cmd_check(&c,
		     c.err || c.handle >> 24 == (type == T2_SE_POLICY ?
							 T2_HT_POLICY_SESSION :
							 T2_HT_HMAC_SESSION));
	s->handle = c.handle;
	return t2_cmd_end(&c);
}

int t2_start_auth_session(struct t2 *t, struct t2_session *s,
			  enum t2_session_type type, u32 salt_handle,
			  const struct t2_public *salt_public)
{
	bool salted = salt_handle != T2_RH_NULL;
	u8 salt[T2_DIGEST_SIZE];
	struct t2_point own;
	int err;

	memset(s, 0, sizeof(*s));
	s->attributes = T2_SA_CONTINUE;
	s->policy = type == T2_SE_POLICY;
	err = t2_random(s->nonce_caller, sizeof(s->nonce_caller));
	if (!err && salted)
		err = session_salt(salt_public, &own, salt);
	if (!err)
		err = session_start(t, s, type, salt_handle,
				    salted ? &own : NULL);
	if (err)
		goto out_wipe;
	if (salted)
		err = session_key(s, salt);
	if (err)
		t2_end_session(t, s);
out_wipe:
	if (err)
		memzero_explicit(s, sizeof(*s));
	memzero_explicit(salt, sizeof(salt));
	return err;
}

/* The cause of what went wrong before stays on the connection. */
void t2_end_session(struct t2 *t, struct t2_session *s)
{
	if (s->handle)
		t2_drop(t, s->handle);
	memzero_explicit(s, sizeof(*s));
}
