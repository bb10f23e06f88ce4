// SPDX-License-Identifier: GPL-2.0-only
/* Signing, hashing, random numbers, attestation. Part 3, 12.5, 14 to 16, 18, 20. */
#include "command.h"

void t2_put_ticket(struct t2_writer *w, const struct t2_ticket *ticket)
{
	if (ticket->len > sizeof(ticket->digest)) {
		w->bad = true;
		return;
	}
	t2_put_u16(w, ticket->tag);
	t2_put_u32(w, ticket->hierarchy);
	t2_put_2b(w, ticket->digest, ticket->len);
}

void t2_get_ticket(struct t2_command *c, u16 tag, struct t2_ticket *ticket)
{
	memset(ticket, 0, sizeof(*ticket));
	ticket->tag = t2_get_u16(&c->r);
	ticket->hierarchy = t2_get_u32(&c->r);
	ticket->len =
		(u16)t2_copy_2b(&c->r, ticket->digest, sizeof(ticket->digest));
	t2_cmd_check(c, ticket->tag == tag);
}

/* TPM2B_ATTEST: Part 2, 10.12.12. Only the TPM signs what begins like this. */
void t2_get_attest(struct t2_command *c, u16 type, struct t2_attest *attest)
{
	struct t2_reader r;
	bool generated;

	attest->len =
		(u16)t2_copy_2b(&c->r, attest->data, sizeof(attest->data));
	t2_reader_init(&r, attest->data, attest->len);
	generated = t2_get_u32(&r) == T2_GENERATED_VALUE;
	t2_cmd_check(c, generated && t2_get_u16(&r) == type);
}

/* r or s, which may come without leading zeros */
static void get_integer(struct t2_command *c, u8 out[T2_COORD_SIZE])
{
	size_t len;
	const u8 *at = t2_get_2b(&c->r, &len);

	memset(out, 0, T2_COORD_SIZE);
	t2_cmd_check(c, at && len && len <= T2_COORD_SIZE);
	if (!c->err)
		memcpy(out + T2_COORD_SIZE - len, at, len);
}

/* TPMT_SIGNATURE: Part 2, 11.3.4 */
static void put_signature(struct t2_writer *w, const struct t2_signature *sig)
{
	t2_put_u16(w, T2_ALG_ECDSA);
	t2_put_u16(w, sig->hash);
	t2_put_2b(w, sig->r, sizeof(sig->r));
	t2_put_2b(w, sig->s, sizeof(sig->s));
}

void t2_get_signature(struct t2_command *c, u16 hash, struct t2_signature *sig)
{
	u16 alg = t2_get_u16(&c->r);

	sig->hash = t2_get_u16(&c->r);
	t2_cmd_check(c, alg == T2_ALG_ECDSA && sig->hash == hash);
	get_integer(c, sig->r);
	get_integer(c, sig->s);
}

static void put_ecdsa(struct t2_writer *w, u16 hash)
{
	t2_put_u16(w, T2_ALG_ECDSA);
	t2_put_u16(w, hash);
}

/* Part 3, 20.2 */
int t2_sign(struct t2 *t, struct t2_entity *key, u16 hash, const u8 *digest,
	    size_t digest_len, const struct t2_ticket *ticket,
	    struct t2_signature *sig)
{
	static const struct t2_ticket none = { .tag = T2_ST_HASHCHECK,
					       .hierarchy = T2_RH_NULL };
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_SIGN);
	t2_cmd_auth(&c, key);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, digest, digest_len);
	put_ecdsa(&c.w, hash);
	t2_put_ticket(&c.w, ticket ? ticket : &none);
	t2_cmd_run(&c);
	t2_get_signature(&c, hash, sig);
	return t2_cmd_end(&c);
}

/* Part 3, 20.1. The ticket is of no use here: nothing is done with it later. */
static int verify_finish(struct t2_command *c, const u8 *digest, size_t len,
			 const struct t2_signature *sig)
{
	struct t2_ticket ticket;

	t2_cmd_params(c);
	t2_put_2b(&c->w, digest, len);
	put_signature(&c->w, sig);
	t2_cmd_run(c);
	t2_get_ticket(c, T2_ST_VERIFIED, &ticket);
	return t2_cmd_end(c);
}

int t2_verify_signature(struct t2 *t, u32 key, const u8 *digest,
			size_t digest_len, const struct t2_signature *sig)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_VERIFY_SIGNATURE);
	t2_cmd_handle(&c, key);
	return verify_finish(&c, digest, digest_len, sig);
}

int t2_verify(struct t2 *t, const struct t2_public *key, const u8 *digest,
	      size_t digest_len, const struct t2_signature *sig)
{
	struct t2_entity e = { 0 };
	struct t2_command c;
	int err;

	err = t2_name_of_public(key, &e.name);
	if (err)
		return err;
	err = t2_load_external(t, key, &e.handle);
	if (err)
		return err;
	t2_cmd_begin(&c, t, T2_CC_VERIFY_SIGNATURE);
	t2_cmd_entity(&c, &e);
	err = verify_finish(&c, digest, digest_len, sig);
	t2_drop(t, e.handle);
	return err;
}

static void put_point(struct t2_writer *w, const struct t2_point *point)
{
	size_t at = t2_open_u16(w);

	t2_put_2b(w, point->x, sizeof(point->x));
	t2_put_2b(w, point->y, sizeof(point->y));
	t2_close_u16(w, at);
}

/* Part 3, 14.5 */
int t2_ecdh_zgen(struct t2 *t, struct t2_entity *key,
		 const struct t2_point *peer, struct t2_point *shared)
{
	struct t2_command c;
	size_t size;

	t2_cmd_begin(&c, t, T2_CC_ECDH_ZGEN);
	t2_cmd_auth(&c, key);
	t2_cmd_params(&c);
	put_point(&c.w, peer);
	t2_cmd_run(&c);
	size = t2_get_u16(&c.r); /* TPM2B_ECC_POINT */
	t2_cmd_check(&c, size == t2_left(&c.r));
	get_integer(&c, shared->x);
	get_integer(&c, shared->y);
	return t2_cmd_end(&c);
}

/* Part 3, 15.4 */
int t2_hash(struct t2 *t, const u8 *data, size_t len, u32 hierarchy,
	    u8 digest[T2_DIGEST_SIZE], struct t2_ticket *ticket)
{
	const struct t2_vec in = { data, len };
	u8 own[T2_DIGEST_SIZE];
	struct t2_command c;
	int err = t2_sha256(&in, 1, own);

	if (err)
		return err;
	t2_cmd_begin(&c, t, T2_CC_HASH);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, data, len);
	t2_put_u16(&c.w, T2_ALG_SHA256);
	t2_put_u32(&c.w, hierarchy);
	t2_cmd_run(&c);
	t2_cmd_check(&c, t2_copy_2b(&c.r, digest, T2_DIGEST_SIZE) ==
				 T2_DIGEST_SIZE);
	/* Whoever exchanges the message on its way must not get it signed. */
	t2_cmd_check(&c, c.r.bad || t2_equal(own, digest, sizeof(own)));
	memzero_explicit(own, sizeof(own));
	t2_get_ticket(&c, T2_ST_HASHCHECK, ticket);
	return t2_cmd_end(&c);
}

/* Part 3, 16.2 */
int t2_stir_random(struct t2 *t, const u8 *data, size_t len)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_STIR_RANDOM);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, data, len);
	t2_cmd_run(&c);
	return t2_cmd_end(&c);
}

/* Part 3, 16.1. At least one byte, at most @len; how many is in *@got. */
static int random_some(struct t2 *t, u8 *out, size_t len, size_t *got)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_GET_RANDOM);
	t2_cmd_params(&c);
	t2_put_u16(&c.w, (u16)len);
	t2_cmd_run(&c);
	*got = t2_copy_2b(&c.r, out, len);
	t2_cmd_check(&c, *got);
	return t2_cmd_end(&c);
}

/* A TPM gives no more at once than its largest digest has. */
int t2_get_random(struct t2 *t, u8 *out, size_t len)
{
	size_t want, got;
	int err;

	for (; len; out += got, len -= got) {
		want = len < T2_DIGEST_SIZE ? len : T2_DIGEST_SIZE;
		err = random_some(t, out, want, &got);
		if (err)
			return err;
	}
	return 0;
}

/* Part 3, 18.3 */
int t2_certify_creation(struct t2 *t, struct t2_entity *signer,
			const struct t2_entity *object, const u8 *qualifying,
			size_t qualifying_len,
			const u8 creation_hash[T2_DIGEST_SIZE],
			const struct t2_ticket *ticket,
			struct t2_attest *attest, struct t2_signature *sig)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_CERTIFY_CREATION);
	t2_cmd_auth(&c, signer);
	t2_cmd_entity(&c, object);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, qualifying, qualifying_len);
	t2_put_2b(&c.w, creation_hash, T2_DIGEST_SIZE);
	put_ecdsa(&c.w, T2_ALG_SHA256);
	t2_put_ticket(&c.w, ticket);
	t2_cmd_run(&c);
	t2_get_attest(&c, T2_ST_ATTEST_CREATION, attest);
	t2_get_signature(&c, T2_ALG_SHA256, sig);
	return t2_cmd_end(&c);
}

/* Part 3, 12.5 */
int t2_activate_credential(struct t2 *t, struct t2_entity *key,
			   struct t2_entity *ek, const u8 *blob,
			   size_t blob_len, const u8 *secret, size_t secret_len,
			   u8 *info, size_t *info_len)
{
	struct t2_command c;

	t2_cmd_begin(&c, t, T2_CC_ACTIVATE_CREDENTIAL);
	t2_cmd_auth(&c, key);
	t2_cmd_auth(&c, ek);
	t2_cmd_params(&c);
	t2_put_2b(&c.w, blob, blob_len);
	t2_put_2b(&c.w, secret, secret_len);
	t2_cmd_run(&c);
	*info_len = t2_copy_2b(&c.r, info, *info_len);
	return t2_cmd_end(&c);
}
