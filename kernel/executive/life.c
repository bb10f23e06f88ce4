// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET STATUS and SET STATUS: GlobalPlatform Card 2.3.1, 11.4 and 11.10. The end of the
 * first load, and the reset from afar.
 */
#include "application.h"
#include "executive.h"

/* Life cycle states: table 11-6 (card), 11-4 (application) */
enum {
	LIFE_OP_READY = 0x01,
	LIFE_SELECTABLE = 0x07,
	LIFE_SECURED = 0x0f,
	LIFE_TERMINATED = 0x7f,
};

#define STATUS_DOMAIN 0x80
#define STATUS_APPLICATIONS 0x40

/* ISO/IEC 7816-4, 11.5.3: for one command that names it, in this channel */
u16 life_challenge(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	if (a->p1 || a->p2)
		return SW_P1P2;
	if (t2_random(x->challenge, sizeof(x->challenge)))
		return SW_FAILED;
	x->challenged = true;
	apdu_put(r, x->challenge, sizeof(x->challenge));
	return SW_OK;
}

/* The supplier's keyset has done its work. */
static u16 secure(struct executive *x)
{
	struct record *next;

	if (x->channel == CHANNEL_CENTRAL)
		return SW_SECURITY;
	if (!keyset_issued(x->sm->record) || x->sm->record->secured)
		return SW_CONDITIONS;
	next = executive_copy(x);
	if (!next)
		return SW_FAILED;
	next->secured = 1;
	memzero_explicit(&next->keysets[RECORD_TRANSPORT], sizeof(next->keysets[0]));
	x->closing = x->channel == CHANNEL_TRANSPORT;
	return executive_commit_keys(x, next);
}

/* What stands in the data of an order to reset: nothing that fits another moment. */
struct reset_order {
	u8 uid[SECMOD_UID_SIZE];
	u8 epoch[8];
	u8 challenge[EXECUTIVE_CHALLENGE_SIZE];
	u8 nonce[SECMOD_NONCE_SIZE];
};

static bool is_for_now(struct executive *x, const struct reset_order *o)
{
	struct t2_writer w;
	u8 epoch[8];
	bool fresh = x->challenged;

	x->challenged = false;
	t2_writer_init(&w, epoch, sizeof(epoch));
	t2_put_u64(&w, x->sm->epoch);
	return fresh && t2_equal(o->challenge, x->challenge, sizeof(o->challenge)) &&
	       !memcmp(o->uid, x->sm->uid, sizeof(o->uid)) &&
	       !memcmp(o->epoch, epoch, sizeof(epoch));
}

/* Proof of erasure, as SECMOD_IOC_RESET gives it. */
static void put_proof(const struct secmod_reset *arg, struct apdu_response *r)
{
	u8 epoch[8];
	struct t2_writer w;

	t2_writer_init(&w, epoch, sizeof(epoch));
	t2_put_u64(&w, arg->epoch);
	apdu_put_tlv(r, 0x80, epoch, sizeof(epoch));
	apdu_put_tlv(r, 0x81, arg->public_area, arg->public_len);
	apdu_put_tlv(r, 0x82, arg->attest, arg->attest_len);
	apdu_put_tlv(r, 0x83, arg->signature, sizeof(arg->signature));
	apdu_put_tlv(r, 0x84, arg->nv_public, arg->nv_public_len);
}

/* A21: the response still goes through the channel that the erasure has ended. */
static u16 reset(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	const struct reset_order *order = (const void *)a->data;
	struct secmod_reset *arg;
	int rc;

	if (x->channel != CHANNEL_CENTRAL)
		return SW_SECURITY;
	if (a->len != sizeof(*order))
		return SW_LENGTH;
	if (!is_for_now(x, order))
		return SW_CONDITIONS;
	arg = kzalloc(sizeof(*arg), GFP_KERNEL);
	if (!arg)
		return SW_FAILED;
	memcpy(arg->nonce, order->nonce, sizeof(arg->nonce));
	rc = secmod_reset(x->sm, arg, NULL, 0, NULL, 0, NULL);
	if (!rc) {
		put_proof(arg, r);
		x->generation = x->sm->generation;
		x->closing = true;
	}
	kfree(arg);
	return rc ? SW_FAILED : SW_OK;
}

u16 life_set_status(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	if (a->p1 != STATUS_DOMAIN)
		return SW_P1P2;
	switch (a->p2) {
	case LIFE_SECURED:
		return secure(x);
	case LIFE_TERMINATED:
		return reset(x, a, r);
	}
	return SW_P1P2;
}

/* One entry: name, life cycle state */
static void put_entry(const u8 *aid, u8 aid_len, u8 life, struct apdu_response *r)
{
	apdu_put_constructed(r, 0xe3, 2 + aid_len + 4);
	apdu_put_tlv(r, 0x4f, aid, aid_len);
	apdu_put_tlv(r, 0x9f70, &life, 1);
}

u16 life_get_status(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	static const u8 all[] = { 0x4f, 0x00 };
	const struct record *rec = x->sm->record;
	struct app app;
	size_t at = 0;

	if ((a->p1 != STATUS_DOMAIN && a->p1 != STATUS_APPLICATIONS) || a->p2 != 0x02)
		return SW_P1P2;
	if (a->len != sizeof(all) || memcmp(a->data, all, sizeof(all)))
		return SW_DATA;
	if (a->p1 == STATUS_DOMAIN) {
		put_entry(executive_issuer.name, executive_issuer.len,
			  rec->secured ? LIFE_SECURED : LIFE_OP_READY, r);
		return SW_OK;
	}
	while (app_next(&rec->apps, &at, &app))
		put_entry(app.aid, app.aid_len, LIFE_SELECTABLE, r);
	return r->len ? SW_OK : SW_REFERENCE;
}
