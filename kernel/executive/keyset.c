// SPDX-License-Identifier: GPL-2.0-only
/* Keysets: numbers, slots, and what PUT KEY brings. */
#include "keyset.h"

#define KEY_TYPE_AES 0x88 /* GlobalPlatform Card 2.3.1, table 11-16 */

/* By role: key version numbers, channel that it opens, slots where it may stand. */
static const struct {
	u8 first;
	u8 last;
	u8 channel;
	u8 slot;
	u8 slots;
} roles[KEY_ROLE_COUNT] = {
	[KEY_TRANSPORT] = { 0x30, 0x30, CHANNEL_TRANSPORT, RECORD_TRANSPORT, 1 },
	[KEY_REPLACEMENT] = { 0x31, 0x37, CHANNEL_REPLACEMENT, RECORD_HIGH_LEVEL, 2 },
	[KEY_MASTER] = { 0x38, 0x3f, CHANNEL_MASTER, RECORD_HIGH_LEVEL, 2 },
	[KEY_TRANSACTION] = { 0x40, 0x5f },
};

/* Who may put what in the place of what. */
static const struct {
	u8 channel;
	u8 old;
	u8 role;
} put_rules[] = {
	{ CHANNEL_TRANSPORT, KEY_NONE, KEY_REPLACEMENT },
	{ CHANNEL_TRANSPORT, KEY_NONE, KEY_MASTER },
	{ CHANNEL_REPLACEMENT, KEY_MASTER, KEY_MASTER },
	{ CHANNEL_CENTRAL, KEY_NONE, KEY_TRANSPORT },
	{ CHANNEL_CENTRAL, KEY_TRANSPORT, KEY_TRANSPORT },
	{ CHANNEL_CENTRAL, KEY_NONE, KEY_TRANSACTION },
	{ CHANNEL_CENTRAL, KEY_TRANSACTION, KEY_TRANSACTION },
};

enum key_role key_role(u8 kvn)
{
	size_t i;

	for (i = KEY_TRANSPORT; i < ARRAY_SIZE(roles); i++)
		if (kvn >= roles[i].first && kvn <= roles[i].last)
			return i;
	return KEY_ROLE_COUNT;
}

enum executive_channel key_channel(enum key_role role)
{
	return role < KEY_ROLE_COUNT ? roles[role].channel : CHANNEL_NONE;
}

struct record_keyset *keyset_find(struct record *r, u8 kvn)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(r->keysets); i++)
		if (r->keysets[i].kvn && (!kvn || r->keysets[i].kvn == kvn))
			return &r->keysets[i];
	return NULL;
}

struct record_keyset *keyset_of_role(struct record *r, enum key_role role)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(r->keysets); i++)
		if (r->keysets[i].kvn && key_role(r->keysets[i].kvn) == role)
			return &r->keysets[i];
	return NULL;
}

bool keyset_issued(struct record *r)
{
	return keyset_of_role(r, KEY_REPLACEMENT) && keyset_of_role(r, KEY_MASTER);
}

/* One key data field: type, its length, length of the key, the key, its check value. */
static bool parse_key(struct key_block *k, const u8 **at, const u8 *end)
{
	const u8 *p = *at;
	size_t field;

	if (end - p < 3 || p[0] != KEY_TYPE_AES)
		return false;
	field = p[1];
	k->len = p[2];
	k->value_len = field - 1;
	if (k->len != 16 && k->len != 24 && k->len != 32)
		return false;
	if (field != 1 + (k->len == 16 ? 16u : 32u) ||
	    (size_t)(end - p) < 2 + field + 1 + KEY_KCV_SIZE || p[2 + field] != KEY_KCV_SIZE)
		return false;
	memcpy(k->value, p + 3, k->value_len);
	memcpy(k->kcv, p + 2 + field + 1, KEY_KCV_SIZE);
	*at = p + 2 + field + 1 + KEY_KCV_SIZE;
	return true;
}

/* P2: the first key's identifier; bit 8: several keys. */
u16 put_key_parse(struct put_key *p, const struct apdu *a)
{
	const u8 *at = a->data, *end = at + a->len;
	size_t i;

	memset(p, 0, sizeof(*p));
	p->old = a->p1;
	if (a->p2 != 0x81 && a->p2 != 0x01)
		return SW_P1P2;
	p->count = a->p2 == 0x81 ? KEY_PARTS : 1;
	if (at == end)
		return SW_DATA;
	p->kvn = *at++;
	for (i = 0; i < p->count; i++)
		if (!parse_key(&p->key[i], &at, end) || p->key[i].len != p->key[0].len)
			return SW_DATA;
	p->rest = at;
	p->rest_len = end - at;
	/* a single key is one for transactions, which has attributes */
	if (key_role(p->kvn) == KEY_TRANSACTION)
		return p->count == 1 ? SW_OK : SW_DATA;
	return p->count == KEY_PARTS && !p->rest_len ? SW_OK : SW_DATA;
}

static bool is_ruled(enum executive_channel channel, enum key_role old, enum key_role role)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(put_rules); i++)
		if (put_rules[i].channel == channel && put_rules[i].old == old &&
		    put_rules[i].role == role)
			return true;
	return false;
}

u16 put_key_allowed(enum executive_channel channel, struct record *r, const struct put_key *p)
{
	enum key_role old = p->old ? key_role(p->old) : KEY_NONE, role = key_role(p->kvn);

	if (role == KEY_ROLE_COUNT || old == KEY_ROLE_COUNT)
		return SW_DATA;
	if (!is_ruled(channel, old, role))
		return SW_SECURITY;
	if (role == KEY_TRANSACTION)
		return SW_OK; /* its slots are not here */
	if (p->old && !keyset_find(r, p->old))
		return SW_REFERENCE;
	if (!p->old && keyset_of_role(r, role))
		return SW_CONDITIONS;
	/*
	 * A supplier's keyset is for what has not been issued yet. Beside a KRK or an MK it
	 * finishes a first load whose host died with the KDC: it replaces neither.
	 */
	if (role == KEY_TRANSPORT && r->secured)
		return SW_CONDITIONS;
	return SW_OK;
}

int key_check_value(const u8 *key, size_t len, u8 kcv[KEY_KCV_SIZE])
{
	static const u8 zeros[SCP03_BLOCK];
	u8 block[SCP03_BLOCK];
	int rc;

	memset(block, 1, sizeof(block));
	rc = se_cbc(true, key, len, zeros, block, sizeof(block));
	memcpy(kcv, block, KEY_KCV_SIZE);
	memzero_explicit(block, sizeof(block));
	return rc;
}

static u16 decrypt_key(struct key_block *k, const u8 *dek, size_t dek_len)
{
	static const u8 zeros[SCP03_BLOCK];
	u8 kcv[KEY_KCV_SIZE];

	if (se_cbc(false, dek, dek_len, zeros, k->value, k->value_len) ||
	    key_check_value(k->value, k->len, kcv))
		return SW_FAILED;
	return t2_equal(kcv, k->kcv, sizeof(kcv)) ? SW_OK : SW_DATA;
}

u16 put_key_decrypt(struct put_key *p, const u8 *dek, size_t dek_len)
{
	u16 sw = SW_OK;
	size_t i;

	/* Amendment D, 6.2.8: no key under a weaker one */
	if (p->key[0].len > dek_len)
		return SW_CONDITIONS;
	for (i = 0; sw == SW_OK && i < p->count; i++)
		sw = decrypt_key(&p->key[i], dek, dek_len);
	return sw;
}

static struct record_keyset *place(struct record *r, const struct put_key *p)
{
	const u8 first = roles[key_role(p->kvn)].slot;
	u8 i;

	if (p->old)
		return keyset_find(r, p->old);
	for (i = first; i < first + roles[key_role(p->kvn)].slots - 1; i++)
		if (!r->keysets[i].kvn)
			break;
	return &r->keysets[i];
}

void keyset_install(struct record *r, const struct put_key *p)
{
	struct record_keyset *k = place(r, p);

	memzero_explicit(k, sizeof(*k));
	k->kvn = p->kvn;
	k->len = p->key[0].len;
	memcpy(k->enc, p->key[0].value, k->len);
	memcpy(k->mac, p->key[1].value, k->len);
	memcpy(k->dek, p->key[2].value, k->len);
}
