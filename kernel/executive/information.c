// SPDX-License-Identifier: GPL-2.0-only
/* What a module tells anybody: GlobalPlatform Card 2.3.1, 11.3 and H.3. */
#include "application.h"
#include "executive.h"

static void put_uid(struct executive *x, struct apdu_response *r)
{
	apdu_put_tlv(r, 0x45, x->sm->uid, sizeof(x->sm->uid));
}

/* Card recognition data: H.2. The OIDs are those of GlobalPlatform and of card 2.3. */
static void put_card_data(struct executive *x, struct apdu_response *r)
{
	/* clang-format off */
	const u8 data[] = {
		0x73, 0x2e,
		/* tag allocation authority: 1.2.840.114283.1 */
		0x06, 0x07, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x01,
		/* card management type and version: …2.2.3 */
		0x60, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x02, 0x02, 0x03,
		/* card identification scheme: …3 */
		0x63, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x03,
		/* secure channel protocol and its options: …4.3.i */
		0x64, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x04, SCP03_ID,
		channel_scp03_options(),
	};
	/* clang-format on */

	apdu_put_tlv(r, 0x66, data, sizeof(data));
}

/* Key information template: GlobalPlatform Card 2.3.1, H.3 and 11.3.3.1 */
static void put_keys(struct executive *x, struct apdu_response *r)
{
	const struct record_keyset *k = x->sm->record->keysets;
	size_t i, n = 0;
	u8 id;

	for (i = 0; i < RECORD_KEYSETS; i++)
		n += k[i].kvn ? KEY_PARTS : 0;
	apdu_put_constructed(r, 0xe0, 6 * n);
	for (i = 0; i < RECORD_KEYSETS; i++) {
		for (id = 1; k[i].kvn && id <= KEY_PARTS; id++) {
			const u8 key[] = { id, k[i].kvn, 0x88, k[i].len };

			apdu_put_tlv(r, 0xc0, key, sizeof(key));
		}
	}
}

/* Of our own: number, length, failures, tries of each keyset, and its check values. */
static void put_keysets(struct executive *x, struct apdu_response *r)
{
	const struct record *rec = x->sm->record;
	u8 all[RECORD_KEYSETS * (4 + KEY_PARTS * KEY_KCV_SIZE)];
	size_t i, n = 0;

	for (i = 0; i < RECORD_KEYSETS; i++) {
		const struct record_keyset *k = &rec->keysets[i];

		if (!k->kvn)
			continue;
		all[n++] = k->kvn;
		all[n++] = k->len;
		all[n++] = k->failures;
		all[n++] = rec->policy.keyset_tries;
		r->full |= key_check_value(k->enc, k->len, all + n) ||
			   key_check_value(k->mac, k->len, all + n + KEY_KCV_SIZE) ||
			   key_check_value(k->dek, k->len, all + n + 2 * KEY_KCV_SIZE);
		n += KEY_PARTS * KEY_KCV_SIZE;
	}
	apdu_put_tlv(r, 0xdf22, all, n);
}

/* The chain below the manufacturer's certificate, the module's own last. */
static void put_certificates(struct executive *x, struct apdu_response *r)
{
	const struct record *rec = x->sm->record;

	apdu_put_constructed(r, 0xbf21, rec->signer.len + rec->module.len);
	apdu_put(r, rec->signer.der, rec->signer.len);
	apdu_put(r, rec->module.der, rec->module.len);
}

/* Of our own: state, epoch and generation as INFO tells them, big endian. */
static void put_status(struct executive *x, struct apdu_response *r)
{
	u8 status[1 + 8 + 4];
	struct t2_writer w;

	t2_writer_init(&w, status, sizeof(status));
	t2_put_u8(&w, x->sm->state);
	t2_put_u64(&w, x->sm->epoch);
	t2_put_u32(&w, x->sm->generation);
	apdu_put_tlv(r, 0xdf20, status, sizeof(status));
}

/* @proved: only for who has opened a channel */
static const struct {
	u16 tag;
	bool proved;
	void (*put)(struct executive *x, struct apdu_response *r);
} objects[] = {
	{ 0x0045, false, put_uid },    { 0x0066, false, put_card_data },
	{ 0x00e0, false, put_keys },   { 0xbf21, false, put_certificates },
	{ 0xdf20, false, put_status }, { 0xdf22, true, put_keysets },
};

static bool is_issuer(const struct executive_name *n)
{
	return n->len == executive_issuer.len && !memcmp(n->name, executive_issuer.name, n->len);
}

/* A data group of the application that is selected; no keys. */
static u16 get_group(struct executive *x, u16 dgi, struct apdu_response *r)
{
	const u8 *data = NULL;
	struct app app;
	size_t len;

	if ((dgi < DGI_KEY_FIRST || dgi > DGI_KEY_LAST) &&
	    app_find(&x->sm->record->apps, x->selected.name, x->selected.len, &app))
		data = app_group(&app, dgi, &len);
	if (!data)
		return SW_REFERENCE;
	apdu_put(r, data, len);
	return SW_OK;
}

/* GlobalPlatform Card 2.3.1, 11.3 */
u16 information_get(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	const u16 tag = a->p1 << 8 | a->p2;
	size_t i;

	if (!is_issuer(&x->selected))
		return get_group(x, tag, r);
	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		if (objects[i].tag != tag)
			continue;
		if (objects[i].proved && x->channel == CHANNEL_NONE)
			return SW_SECURITY;
		objects[i].put(x, r);
		return SW_OK;
	}
	return SW_REFERENCE;
}
