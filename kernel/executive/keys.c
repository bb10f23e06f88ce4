// SPDX-License-Identifier: GPL-2.0-only
/* PUT KEY and DELETE of keys: GlobalPlatform Card 2.3.1, 11.8 and 11.2. */
#include "executive.h"

static u16 put_check_values(const struct put_key *p, struct apdu_response *r)
{
	size_t i;

	apdu_put_byte(r, p->kvn);
	for (i = 0; i < p->count; i++)
		apdu_put(r, p->key[i].kcv, sizeof(p->key[i].kcv));
	return SW_OK;
}

static u16 put_keyset(struct executive *x, const struct put_key *p)
{
	struct record *next = executive_copy(x);

	if (!next)
		return SW_FAILED;
	keyset_install(next, p);
	return executive_commit_keys(x, next);
}

u16 keys_put(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	struct put_key p;
	u16 sw = put_key_parse(&p, a);

	if (sw == SW_OK)
		sw = put_key_allowed(x->channel, x->sm->record, &p);
	if (sw == SW_OK)
		sw = put_key_decrypt(&p, x->dek, x->dek_len);
	if (sw == SW_OK)
		sw = put_keyset(x, &p);
	if (sw == SW_OK)
		sw = put_check_values(&p, r);
	/* B8: what the replacement keyset had unlocked is locked again */
	if (sw == SW_OK && x->channel == CHANNEL_REPLACEMENT)
		x->closing = true;
	memzero_explicit(&p, sizeof(p));
	return sw;
}

static u16 delete_keyset(struct executive *x, u8 kvn)
{
	struct record *next;

	if (key_role(kvn) != KEY_TRANSPORT || x->channel == CHANNEL_CENTRAL)
		return SW_SECURITY;
	if (!keyset_find(x->sm->record, kvn))
		return SW_REFERENCE;
	next = executive_copy(x);
	if (!next)
		return SW_FAILED;
	memzero_explicit(keyset_find(next, kvn), sizeof(struct record_keyset));
	/* its own channel has nothing left to stand on */
	x->closing = x->channel == CHANNEL_TRANSPORT;
	return executive_commit_keys(x, next);
}

u16 keys_delete(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	if (a->p1 || a->p2)
		return SW_P1P2;
	if (a->len == 3 && a->data[0] == 0xd2 && a->data[1] == 1)
		return delete_keyset(x, a->data[2]);
	return x->channel == CHANNEL_CENTRAL ? SW_SECURITY : store_delete(x, a, r);
}
