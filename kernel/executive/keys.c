// SPDX-License-Identifier: GPL-2.0-only
/* PUT KEY and DELETE of keys: GlobalPlatform Card 2.3.1, 11.8 and 11.2. */
#include "executive.h"

/* P2 of DELETE, 11.2.2.2: with what belongs to it, of which nothing has any here. */
#define DELETE_RELATED 0x80

/* What stands behind a transaction key: A5 with each of these, once and in order. */
static const struct {
	u8 tag;
	u8 len;
} limits[] = { { 0x80, 1 }, { 0x81, 1 }, { 0x82, 4 }, { 0x83, 8 }, { 0x84, 4 } };

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

static u16 status_of(int rc)
{
	switch (rc) {
	case 0:
		return SW_OK;
	case -EINVAL:
	case -EOPNOTSUPP:
	case -ERANGE:
		return SW_DATA;
	case -EEXIST:
		return SW_CONDITIONS;
	case -ENOSPC:
		return SW_NO_SPACE;
	case -ENOENT:
		return SW_REFERENCE;
	}
	return SW_FAILED;
}

/* It stays in memory: nothing is committed, and a lost response means another key. */
static u16 put_transaction(struct executive *x, const struct put_key *p)
{
	struct txn_params t = { .kvn = p->kvn, .key_len = p->key[0].len };
	u64 value[ARRAY_SIZE(limits)] = {};
	const u8 *at = p->rest;
	size_t i, k, len = 2;
	int rc;

	if (p->old && p->old != p->kvn)
		return SW_REFERENCE;
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		len += 2 + limits[i].len;
	if (p->rest_len != len || at[0] != 0xa5 || at[1] != len - 2)
		return SW_DATA;
	for (i = 0, at += 2; i < ARRAY_SIZE(limits); i++) {
		if (at[0] != limits[i].tag || at[1] != limits[i].len)
			return SW_DATA;
		for (k = 0, at += 2; k < limits[i].len; k++)
			value[i] = value[i] << 8 | *at++;
	}
	t.algorithm = value[0];
	t.directions = value[1];
	t.lifetime = value[2];
	t.messages = value[3];
	t.id = value[4];
	memcpy(t.key, p->key[0].value, sizeof(t.key));
	rc = txn_install(x->sm, &t);
	memzero_explicit(&t, sizeof(t));
	return status_of(rc);
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
		sw = key_role(p.kvn) == KEY_TRANSACTION ? put_transaction(x, &p) :
							  put_keyset(x, &p);
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

	if (key_role(kvn) == KEY_TRANSACTION && x->channel == CHANNEL_CENTRAL)
		return status_of(txn_delete(x->sm, kvn));
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
	if (a->p1 || a->p2 & ~DELETE_RELATED)
		return SW_P1P2;
	if (a->len == 3 && a->data[0] == 0xd2 && a->data[1] == 1)
		return delete_keyset(x, a->data[2]);
	return x->channel == CHANNEL_CENTRAL ? SW_SECURITY : store_delete(x, a, r);
}
