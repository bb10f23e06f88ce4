// SPDX-License-Identifier: MIT
/* Secure messaging of SCP03, and of SCP11: commands wrapped, responses unwrapped. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gp/internal.h"

/* Of the command under way, or of its response: 6.2.6, 6.2.7. */
static int initial_vector(const struct gp_session *s, uint8_t first,
			  uint8_t iv[BLOCK], struct error *e)
{
	static const uint8_t zeros[BLOCK];

	memset(iv, 0, BLOCK);
	iv[0] = first;
	for (size_t i = 0; i < sizeof(s->counter); i++)
		iv[BLOCK - 1 - i] = (uint8_t)(s->counter >> 8 * i);
	return gp_cbc(1, s->enc, s->key_len, zeros, iv, BLOCK, e);
}

/* Pads with 80 00 … 00 and encrypts; there is room. */
static int encrypt(struct gp_session *s, uint8_t *data, size_t *len,
		   struct error *e)
{
	uint8_t iv[BLOCK];
	int rc;

	data[(*len)++] = 0x80;
	while (*len % BLOCK)
		data[(*len)++] = 0;
	rc = initial_vector(s, 0, iv, e);
	return rc ? rc : gp_cbc(1, s->enc, s->key_len, iv, data, *len, e);
}

static int add_mac(struct gp_session *s, struct gp_command *w, uint8_t *data,
		   struct error *e)
{
	const size_t len = w->len;
	uint8_t header[7] = { w->cla, w->ins, w->p1, w->p2 };
	size_t header_len = 5;
	int rc;

	w->len += s->mac_len;
	header[4] = (uint8_t)w->len;
	if (gp_is_extended(w)) {
		header[4] = 0;
		header[5] = (uint8_t)(w->len >> 8);
		header[6] = (uint8_t)w->len;
		header_len = 7;
	}
	rc = gp_cmac(s->mac, s->key_len,
		     (const struct bytes[]){ { s->chain, BLOCK },
					     { header, header_len },
					     { data, len } },
		     3, s->chain, e);
	memcpy(data + len, s->chain, s->mac_len);
	return rc;
}

int gp_wrap(struct gp_session *s, const struct gp_command *c,
	    struct gp_command *wrapped, uint8_t *data, struct error *e)
{
	const size_t added =
		(s->level & GP_C_DECRYPTION ? BLOCK : 0) + s->mac_len;
	int rc = 0;

	if (c->len + added > GP_DATA_MAX)
		return error_set(
			e, E2BIG,
			"a command takes at most %zu bytes in this channel, not %zu",
			GP_DATA_MAX - added, c->len);
	*wrapped = *c;
	wrapped->cla |= CLA_SECURE;
	wrapped->data = data;
	if (c->len)
		memcpy(data, c->data, c->len);
	if (s->level & GP_C_DECRYPTION) {
		s->counter++; /* also for a command without data */
		if (c->len)
			rc = encrypt(s, data, &wrapped->len, e);
	}
	return rc ? rc : add_mac(s, wrapped, data, e);
}

/* 9000 and warnings: 6.2.5. */
static int is_covered(uint16_t sw)
{
	return sw == GP_OK || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

static int forged(struct error *e, const char *why)
{
	return error_set(
		e, EBADMSG,
		"the response is not what the card sent (%s): the secure channel is closed, somebody in between may have changed it",
		why);
}

static int check_mac(struct gp_session *s, struct gp_response *r,
		     struct error *e)
{
	const uint8_t sw[2] = { (uint8_t)(r->sw >> 8), (uint8_t)r->sw };
	uint8_t mac[BLOCK];
	int rc, same;

	if (r->len < s->mac_len)
		return forged(e, "it has no MAC");
	r->len -= s->mac_len;
	rc = gp_cmac(s->rmac, s->key_len,
		     (const struct bytes[]){ { s->chain, BLOCK },
					     { r->data, r->len },
					     { sw, sizeof(sw) } },
		     3, mac, e);
	same = !CRYPTO_memcmp(mac, r->data + r->len, s->mac_len);
	OPENSSL_cleanse(mac, sizeof(mac));
	if (rc)
		return rc;
	return same ? 0 : forged(e, "its MAC is wrong");
}

static int decrypt(struct gp_session *s, struct gp_response *r, struct error *e)
{
	uint8_t iv[BLOCK];
	size_t len = r->len;
	int rc;

	if (len % BLOCK)
		return forged(e, "it is not whole blocks");
	rc = initial_vector(s, 0x80, iv, e);
	if (rc == 0)
		rc = gp_cbc(0, s->enc, s->key_len, iv, r->data, len, e);
	if (rc)
		return rc;
	while (len && !r->data[len - 1])
		len--;
	if (!len || r->data[len - 1] != 0x80 || r->len - len >= BLOCK)
		return forged(e, "its padding is wrong");
	r->len = len - 1;
	return 0;
}

int gp_unwrap(struct gp_session *s, struct gp_response *r, struct error *e)
{
	int rc;

	if (!(s->level & GP_R_MAC))
		return 0;
	if (!is_covered(
		    r->sw)) /* an error goes without MAC, and without data */
		return r->len ? forged(e, "an error has no data") : 0;
	rc = check_mac(s, r, e);
	if (rc == 0 && s->level & GP_R_ENCRYPTION && r->len)
		rc = decrypt(s, r, e);
	return rc;
}
