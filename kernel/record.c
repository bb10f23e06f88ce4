// SPDX-License-Identifier: GPL-2.0-only
/* Encoding of the record: one table of fields, read and written in its order. */
#include "record.h"

#define FIELD(tag, member)                                                                 \
	{                                                                                  \
		tag, offsetof(struct record, member), sizeof(((struct record *)0)->member) \
	}

static const struct {
	u8 tag;
	u16 offset;
	u16 size;
} fields[] = {
	FIELD(TLV_CONTEXT(0), state),		FIELD(TLV_CONTEXT(1), epoch),
	FIELD(TLV_CONTEXT(2), personalized_at), FIELD(TLV_CONTEXT(3), auth),
	FIELD(TLV_CONTEXT(4), srk_name),	FIELD(TLV_CONTEXT(5), key_name),
	FIELD(TLV_CONTEXT(6), policy),		FIELD(TLV_CONTEXT(7), secured),
	FIELD(TLV_CONTEXT(8), keysets),
};

#define CERT(tag, member)                            \
	{                                            \
		tag, offsetof(struct record, member) \
	}

static const struct {
	u8 tag;
	u16 offset;
} certs[] = {
	CERT(TLV_CONTEXT(16), checking),   CERT(TLV_CONTEXT(17), identity),
	CERT(TLV_CONTEXT(18), signer),	   CERT(TLV_CONTEXT(19), module),
	CERT(TLV_CONTEXT(20), central[0]), CERT(TLV_CONTEXT(21), central[1]),
	CERT(TLV_CONTEXT(22), central[2]), CERT(TLV_CONTEXT(23), central[3]),
};

#define APPS TLV_CONTEXT(24)

int record_encode(const struct record *r, u8 *out, size_t size)
{
	struct tlv_writer w = { .data = out, .size = size };
	const u8 *base = (const u8 *)r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		tlv_put(&w, fields[i].tag, base + fields[i].offset, fields[i].size);
	for (i = 0; i < ARRAY_SIZE(certs); i++) {
		const struct record_cert *c = (const void *)(base + certs[i].offset);

		tlv_put(&w, certs[i].tag, c->der, c->len);
	}
	tlv_put(&w, APPS, r->apps.data, r->apps.len);
	return w.bad ? -E2BIG : (int)w.len;
}

static bool is_kept(const struct record *r)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(r->keysets); i++)
		if (r->keysets[i].len > RECORD_KEY_MAX)
			return false;
	return r->state == SECMOD_STATE_PERSONALIZATION || r->state == SECMOD_STATE_OPERATING;
}

int record_decode(struct record *r, const u8 *data, size_t len)
{
	u8 *base = (u8 *)r;
	struct tlv_reader in;
	struct tlv t;
	size_t i;

	memset(r, 0, sizeof(*r));
	tlv_open(&in, data, len);
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (!tlv_fixed(&in, fields[i].tag, base + fields[i].offset, fields[i].size))
			return -EBADMSG;
	for (i = 0; i < ARRAY_SIZE(certs); i++)
		if (!tlv_expect(&in, certs[i].tag, &t) ||
		    record_set_cert((void *)(base + certs[i].offset), t.value, t.len))
			return -EBADMSG;
	if (!tlv_expect(&in, APPS, &t) || t.len > sizeof(r->apps.data))
		return -EBADMSG;
	memcpy(r->apps.data, t.value, t.len);
	r->apps.len = t.len;
	return tlv_done(&in) && is_kept(r) ? 0 : -EBADMSG;
}

int record_set_cert(struct record_cert *c, const u8 *der, size_t len)
{
	if (len > sizeof(c->der))
		return -E2BIG;
	memset(c, 0, sizeof(*c));
	memcpy(c->der, der, len);
	c->len = len;
	return 0;
}

void record_forget_key(struct record *r)
{
	size_t i;

	memzero_explicit(r->auth, sizeof(r->auth));
	memset(r->key_name, 0, sizeof(r->key_name));
	memset(&r->signer, 0, sizeof(r->signer));
	memset(&r->module, 0, sizeof(r->module));
	for (i = 0; i < ARRAY_SIZE(r->central); i++)
		memset(&r->central[i], 0, sizeof(r->central[i]));
	memset(&r->policy, 0, sizeof(r->policy));
	r->secured = 0;
	memzero_explicit(r->keysets, sizeof(r->keysets));
	memzero_explicit(&r->apps, sizeof(r->apps));
	r->personalized_at = 0;
	r->state = SECMOD_STATE_PERSONALIZATION;
}
