// SPDX-License-Identifier: GPL-2.0-only
/* What a module tells anybody: GlobalPlatform Card 2.3.1, 11.3 and H.3. */
#include "executive.h"

static void put_uid(struct executive *x, struct apdu_response *r)
{
	apdu_put_tlv(r, 0x45, x->sm->uid, sizeof(x->sm->uid));
}

/* Card recognition data: H.2. The OIDs are those of GlobalPlatform and of card 2.3. */
static void put_card_data(struct executive *x, struct apdu_response *r)
{
	/* clang-format off */
	static const u8 data[] = {
		0x73, 0x21,
		/* tag allocation authority: 1.2.840.114283.1 */
		0x06, 0x07, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x01,
		/* card management type and version: …2.2.3 */
		0x60, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x02, 0x02, 0x03,
		/* card identification scheme: …3 */
		0x63, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x03,
	};
	/* clang-format on */

	apdu_put_tlv(r, 0x66, data, sizeof(data));
}

static void put_keys(struct executive *x, struct apdu_response *r)
{
	apdu_put_tlv(r, 0xe0, NULL, 0);
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

static const struct {
	u16 tag;
	void (*put)(struct executive *x, struct apdu_response *r);
} objects[] = {
	{ 0x0045, put_uid },	      { 0x0066, put_card_data }, { 0x00e0, put_keys },
	{ 0xbf21, put_certificates }, { 0xdf20, put_status },
};

u16 executive_get_data(struct executive *x, u16 tag, struct apdu_response *r)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		if (objects[i].tag != tag)
			continue;
		objects[i].put(x, r);
		return SW_OK;
	}
	return SW_REFERENCE;
}
