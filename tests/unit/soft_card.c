// SPDX-License-Identifier: GPL-2.0-only
/* A card in software whose secure channel is the driver's own source. */
#include "soft_card.h"

#include <string.h>

#include <openssl/rand.h>

/* Issuer security domain */
static const uint8_t aid[] = { 0xa0, 0, 0, 1, 0x51, 0, 0, 0 };

void soft_keyset(struct soft_card *c, uint8_t kvn, uint8_t len,
		 struct gp_keyset *k)
{
	struct soft_keyset *s = c->keysets;

	while (s->kvn && s->kvn != kvn)
		s++;
	assert_true(s < c->keysets + SOFT_KEYSETS);
	s->kvn = kvn;
	s->keys.len = k->len = len;
	for (uint8_t i = 0; i < len; i++) {
		s->keys.enc[i] = k->enc[i] = kvn + i;
		s->keys.mac[i] = k->mac[i] = kvn + 0x40 + i;
		s->keys.dek[i] = k->dek[i] = kvn + 0x80 + i;
	}
}

struct soft_keyset *soft_find(struct soft_card *c, uint8_t kvn)
{
	for (size_t i = 0; i < SOFT_KEYSETS; i++)
		if (c->keysets[i].kvn && (!kvn || c->keysets[i].kvn == kvn))
			return &c->keysets[i];
	return NULL;
}

static u16 initialize(struct soft_card *c, const struct apdu *a,
		      struct apdu_response *r)
{
	struct soft_keyset *k = soft_find(c, a->p1);
	uint8_t challenge[16], cryptogram[16];
	const uint8_t info[] = { k ? k->kvn : 0, 3, c->i };
	const uint8_t counter[] = { c->sequence >> 16, c->sequence >> 8,
				    c->sequence };

	scp03_wipe(&c->session);
	if (!k)
		return SW_REFERENCE;
	c->session.mac_len = c->i & SCP03_I_S16 ? 16 : 8;
	if (a->len != c->session.mac_len)
		return SW_LENGTH;
	assert_int_equal(RAND_bytes(challenge, sizeof(challenge)), 1);
	if (c->i & SCP03_I_PSEUDO_RANDOM)
		assert_int_equal(scp03_challenge(&k->keys, c->sequence, aid,
						 sizeof(aid), challenge,
						 c->session.mac_len),
				 0);
	c->used = *k;
	assert_int_equal(scp03_begin(&c->session, &k->keys, a->data, challenge,
				     cryptogram),
			 0);
	apdu_put(r, "\1\2\3\4\5\6\7\10\11\12", 10);
	apdu_put(r, info, sizeof(info));
	apdu_put(r, challenge, c->session.mac_len);
	apdu_put(r, cryptogram, c->session.mac_len);
	if (c->i & SCP03_I_PSEUDO_RANDOM)
		apdu_put(r, counter, sizeof(counter));
	c->sequence++;
	return SW_OK;
}

static u16 authenticate(struct soft_card *c, struct apdu *a)
{
	int rc = scp03_authenticate(&c->session, a);

	c->opened += !rc;
	return rc == -EBADMSG ? SW_SECURITY : rc ? SW_WRONG_KEY : SW_OK;
}

/* Takes one key of PUT KEY off @a: its length, 0 when it is none. */
static uint8_t take_key(struct soft_card *c, struct apdu *a, uint8_t *key,
			struct apdu_response *r)
{
	static const uint8_t zeros[16];
	const size_t n = a->len > 2 && a->data[1] ? a->data[1] - 1u : 0;
	const uint8_t len = n ? a->data[2] : 0;
	uint8_t kcv[16], *p = a->data + 3;

	if (!len || a->data[0] != 0x88 || n != (len + 15u) / 16 * 16 ||
	    n > 32 || a->len < 3 + n + 4 || p[n] != 3)
		return 0;
	assert_int_equal(se_cbc(false, c->used.keys.dek, c->used.keys.len,
				zeros, p, n),
			 0);
	memset(kcv, 1, sizeof(kcv));
	assert_int_equal(se_cbc(true, p, len, zeros, kcv, sizeof(kcv)), 0);
	if (memcmp(kcv, p + n + 1, 3))
		return 0;
	memcpy(key, p, len);
	kcv[2] ^= c->lie;
	apdu_put(r, kcv, 3);
	a->data += 3 + n + 4;
	a->len -= 3 + n + 4;
	return len;
}

static u16 put_key(struct soft_card *c, struct apdu *a, struct apdu_response *r)
{
	struct soft_keyset new = { .kvn = a->len ? a->data[0] : 0 };
	struct soft_keyset *k = a->p1 ? soft_find(c, a->p1) : c->keysets;
	uint8_t *const keys[] = { new.keys.enc, new.keys.mac, new.keys.dek };
	const int count = a->p2 & 0x80 ? 3 : 1;

	if (!k || !new.kvn)
		return SW_REFERENCE;
	while (!a->p1 && k->kvn)
		k++;
	assert_true(k < c->keysets + SOFT_KEYSETS);
	apdu_put_byte(r, new.kvn);
	a->data++;
	a->len--;
	for (int i = 0; i < count; i++) {
		new.keys.len = take_key(c, a, keys[count == 1 ? 1 : i], r);
		if (!new.keys.len)
			return SW_DATA;
	}
	if (a->len > sizeof(new.limits) || (count == 3 && a->len))
		return SW_DATA;
	memcpy(new.limits, a->data, a->len);
	new.limits_len = a->len;
	*k = new;
	return SW_OK;
}

static u16 delete_key(struct soft_card *c, const struct apdu *a)
{
	struct soft_keyset *k;

	if (a->len != 3 || a->data[0] != 0xd2 || a->data[1] != 1)
		return SW_DATA;
	k = soft_find(c, a->data[2]);
	if (!k)
		return SW_REFERENCE;
	memset(k, 0, sizeof(*k));
	return SW_OK;
}

/* What the module will never say, so that it is seen where it comes from. */
static u16 in_channel(struct soft_card *c, struct apdu *a,
		      struct apdu_response *r)
{
	u16 sw;

	c->done++;
	c->last = *a;
	c->last.data = c->last_data;
	if (a->len)
		memcpy(c->last_data, a->data, a->len);
	if (c->run) {
		sw = c->run(c, a, r);
		if (sw)
			return sw;
	}
	switch (a->ins) {
	case 0xd8:
		return put_key(c, a, r);
	case 0xe4:
		return delete_key(c, a);
	case 0xca: /* GET DATA: the tag again and again, as many bytes as P2 says */
		for (unsigned int i = 0; i < a->p2 * 16u; i++)
			apdu_put_byte(r, a->p1);
		return SW_OK;
	case 0xe2: /* STORE DATA: what came */
		apdu_put(r, a->data, a->len);
		return a->p1 == 0x91 ? 0x6310 : SW_OK;
	}
	return SW_REFERENCE;
}

static u16 secured(struct soft_card *c, struct apdu *a, struct apdu_response *r)
{
	u16 sw;

	if (scp03_unwrap(&c->session, a)) {
		c->broken++;
		return SW_SECURITY;
	}
	sw = in_channel(c, a, r);
	if (sw >> 12 == 6 && sw >> 8 != 0x63)
		r->len = 0;
	assert_int_equal(scp03_wrap(&c->session, r, sw), 0);
	return sw;
}

static u16 obey(struct soft_card *c, struct apdu *a, struct apdu_response *r)
{
	if (a->ins == 0x82)
		return authenticate(c, a);
	if (c->session.level && a->ins != 0xa4 && a->ins != 0x50)
		return secured(c, a, r);
	switch (a->ins) {
	case 0x50:
		return initialize(c, a, r);
	case 0xa4:
		scp03_wipe(&c->session);
		return a->len && memcmp(a->data, aid, sizeof(aid)) ? SW_FILE :
								     SW_OK;
	case 0xd8:
	case 0xe4:
		return SW_SECURITY;
	}
	return in_channel(c, a, r);
}

static size_t give(struct soft_card *c, uint8_t *response)
{
	size_t n = c->pending_len - c->pending_at, left;
	u16 sw = c->pending_sw;

	if (c->chunk && n > c->chunk)
		n = c->chunk;
	memcpy(response, c->pending + c->pending_at, n);
	c->pending_at += n;
	left = c->pending_len - c->pending_at;
	if (left)
		sw = 0x6100 | (left < 0x100 ? left : 0);
	response[n] = sw >> 8;
	response[n + 1] = sw;
	return n + 2;
}

static bool is_link(struct soft_card *c, struct apdu *a)
{
	if (!c->chained_len && !(a->cla & APDU_CLA_CHAIN))
		return false;
	assert_true(a->len <= sizeof(c->chained) - c->chained_len);
	memcpy(c->chained + c->chained_len, a->data, a->len);
	c->chained_len += a->len;
	if (a->cla & APDU_CLA_CHAIN)
		return true;
	a->data = c->chained;
	a->len = c->chained_len;
	c->chained_len = 0;
	return false;
}

static u16 run(struct soft_card *c, uint8_t *command, size_t len,
	       struct apdu_response *r)
{
	struct apdu a;

	if (!apdu_parse(&a, command, len))
		return SW_LENGTH;
	if (c->length_first && a.ins != 0xc0 && a.expected != 200)
		return 0x6c00 | 200;
	if (is_link(c, &a))
		return SW_OK;
	return obey(c, &a, r);
}

int soft_card_transmit(void *ctx, const uint8_t *command, size_t len,
		       uint8_t *response, size_t *response_len)
{
	struct soft_card *c = ctx;
	struct apdu_response r = { .data = c->pending };
	uint8_t copy[4200];

	assert_true(len <= sizeof(copy));
	memcpy(copy, command, len);
	if (len < 2 || copy[1] != 0xc0 || c->pending_at == c->pending_len) {
		c->pending_sw = run(c, copy, len, &r);
		c->pending_len = r.len;
		c->pending_at = 0;
	}
	*response_len = give(c, response);
	return 0;
}
