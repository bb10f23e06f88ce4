// SPDX-License-Identifier: MIT
/* SCP03: INITIALIZE UPDATE and EXTERNAL AUTHENTICATE, Amendment D, 7.1. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "gp/internal.h"

/* Data derivation constants: table 4-1 */
enum {
	CARD_CRYPTOGRAM = 0x00,
	HOST_CRYPTOGRAM = 0x01,
	CHALLENGE = 0x02,
	S_ENC = 0x04,
	S_MAC = 0x06,
	S_RMAC = 0x07,
};

/* Parameter i: 5.1 */
enum {
	I_S16 = 0x01,
	I_PSEUDO_RANDOM = 0x10,
	I_R_MAC = 0x20,
	I_R_ENCRYPTION = 0x40,
};

#define SCP03 0x03
#define DIVERSIFICATION 10
#define KEY_INFO 3

/* The response to INITIALIZE UPDATE, taken apart. */
struct offer {
	const uint8_t *challenge, *cryptogram, *sequence;
};

static int check_level(unsigned int level, struct error *e)
{
	switch (level & ~GP_S16) {
	case 0x01:
	case 0x03:
	case 0x11:
	case 0x13:
	case 0x33:
		return 0;
	}
	return error_set(
		e, EINVAL,
		"there is no security level %02X: choose 01, 03, 11, 13 or 33",
		level & ~GP_S16);
}

/* Does the card offer what is asked for? */
static int check_offer(struct gp_card *card, const struct gp_opened *o,
		       uint8_t kvn, unsigned int level, struct error *e)
{
	if (o->protocol != SCP03 ||
	    o->i & ~(I_S16 | I_PSEUDO_RANDOM | I_R_MAC | I_R_ENCRYPTION))
		return error_set(
			e, EPROTO,
			"%s: keyset %02X is for secure channel protocol %02X (i = %02X), not 03",
			gp_name(card), o->kvn, o->protocol, o->i);
	if (kvn && kvn != o->kvn)
		return error_set(
			e, EPROTO,
			"%s: asked for keyset %02X, it answers with %02X",
			gp_name(card), kvn, o->kvn);
	if (!(o->i & I_S16) != !(level & GP_S16))
		return error_set(
			e, EOPNOTSUPP,
			"%s: keyset %02X has MACs of %d bytes: choose that mode",
			gp_name(card), o->kvn, o->i & I_S16 ? 16 : 8);
	if ((level & GP_R_MAC && !(o->i & I_R_MAC)) ||
	    (level & GP_R_ENCRYPTION && !(o->i & I_R_ENCRYPTION)))
		return error_set(
			e, EOPNOTSUPP,
			"%s: keyset %02X does not offer security level %02X (i = %02X): choose 01 or 03",
			gp_name(card), o->kvn, level & 0xff, o->i);
	return 0;
}

/* 7.1.1.6 */
static int read_offer(struct gp_card *card, const struct gp_response *r,
		      uint8_t kvn, unsigned int level, struct offer *offer,
		      struct error *e)
{
	struct gp_session *s = card->session;
	struct gp_opened *o = &s->opened;
	const uint8_t *p = r->data;
	size_t len = DIVERSIFICATION + KEY_INFO + 2 * s->mac_len;
	int rc;

	if (r->len < DIVERSIFICATION + KEY_INFO)
		return error_set(
			e, EPROTO,
			"%s: the response to INITIALIZE UPDATE has only %zu bytes",
			gp_name(card), r->len);
	memcpy(o->diversification, p, DIVERSIFICATION);
	p += DIVERSIFICATION;
	o->kvn = p[0];
	o->protocol = p[1];
	o->i = p[2];
	rc = check_offer(card, o, kvn, level, e);
	if (rc)
		return rc;
	len += o->i & I_PSEUDO_RANDOM ? 3 : 0;
	if (r->len != len)
		return error_set(
			e, EPROTO,
			"%s: the response to INITIALIZE UPDATE has %zu bytes, not %zu",
			gp_name(card), r->len, len);
	offer->challenge = p + KEY_INFO;
	offer->cryptogram = offer->challenge + s->mac_len;
	p = offer->cryptogram + s->mac_len;
	if (o->i & I_PSEUDO_RANDOM) {
		offer->sequence = p;
		o->sequence = (uint32_t)(p[0] << 16 | p[1] << 8 | p[2]);
	}
	return 0;
}

/* The counter is what the challenge was made of: 6.2.2.1. */
static int check_sequence(struct gp_card *card, const struct gp_keyset *k,
			  const struct offer *offer, struct error *e)
{
	const size_t len = card->session->mac_len;
	uint8_t challenge[BLOCK];
	int rc;

	if (!offer->sequence || !card->aid_len)
		return 0;
	rc = gp_derive(k->enc, k->len, CHALLENGE,
		       (const struct bytes[]){ { offer->sequence, 3 },
					       { card->aid, card->aid_len } },
		       challenge, len, e);
	if (rc == 0 && CRYPTO_memcmp(challenge, offer->challenge, len))
		rc = error_set(
			e, EKEYREJECTED,
			"%s: the counter of keyset %02X is not that of its challenge: are these its keys, or did something change it?",
			gp_name(card), card->session->opened.kvn);
	return rc;
}

/* The session's keys: 6.2.1. */
static int derive_keys(struct gp_session *s, const struct gp_keyset *k,
		       const struct bytes context[2], struct error *e)
{
	int rc;

	s->key_len = s->dek_len = k->len;
	memcpy(s->dek, k->dek, k->len);
	rc = gp_derive(k->enc, k->len, S_ENC, context, s->enc, k->len, e);
	if (rc == 0)
		rc = gp_derive(k->mac, k->len, S_MAC, context, s->mac, k->len,
			       e);
	if (rc == 0)
		rc = gp_derive(k->mac, k->len, S_RMAC, context, s->rmac, k->len,
			       e);
	return rc;
}

static int check_card(struct gp_card *card, const struct offer *offer,
		      const struct bytes context[2], struct error *e)
{
	struct gp_session *s = card->session;
	uint8_t cryptogram[BLOCK];
	int rc = gp_derive(s->mac, s->key_len, CARD_CRYPTOGRAM, context,
			   cryptogram, s->mac_len, e);

	if (rc == 0 && CRYPTO_memcmp(cryptogram, offer->cryptogram, s->mac_len))
		rc = error_set(
			e, EKEYREJECTED,
			"%s: it does not know keyset %02X as it is here: is this the right module, and are these its keys? No try was used",
			gp_name(card), s->opened.kvn);
	OPENSSL_cleanse(cryptogram, sizeof(cryptogram));
	return rc;
}

/* The first command with a MAC, and never encrypted: 7.1.2. */
static int authenticate(struct gp_card *card, unsigned int level,
			const struct bytes context[2], struct error *e)
{
	struct gp_session *s = card->session;
	uint8_t cryptogram[BLOCK], data[2 * BLOCK];
	const struct gp_command c = {
		.cla = CLA_GP,
		.ins = INS_EXTERNAL_AUTHENTICATE,
		.p1 = (uint8_t)level,
		.data = cryptogram,
		.len = s->mac_len,
	};
	struct gp_command wrapped;
	struct gp_response r;
	int rc = gp_derive(s->mac, s->key_len, HOST_CRYPTOGRAM, context,
			   cryptogram, s->mac_len, e);

	s->level = GP_C_MAC;
	if (rc == 0)
		rc = gp_wrap(s, &c, &wrapped, data, e);
	if (rc == 0)
		rc = gp_exchange(card, &wrapped, &r, e);
	if (rc)
		return rc;
	if (r.sw != GP_OK)
		return gp_refused(card, "EXTERNAL AUTHENTICATE", c.ins, r.sw,
				  e);
	if (r.len)
		return error_set(
			e, EBADMSG,
			"%s: EXTERNAL AUTHENTICATE has no response data, here are %zu bytes",
			gp_name(card), r.len);
	s->level = (uint8_t)level;
	return 0;
}

static int establish(struct gp_card *card, const struct gp_keyset *k,
		     uint8_t kvn, unsigned int level, const uint8_t *challenge,
		     struct error *e)
{
	struct gp_session *s = card->session;
	const struct gp_command c = {
		.cla = CLA_GP,
		.ins = INS_INITIALIZE_UPDATE,
		.p1 = kvn,
		.data = challenge,
		.len = s->mac_len,
		.expected = LE_ALL,
	};
	struct gp_response r;
	struct offer offer = { .sequence = NULL };
	struct bytes context[2] = { { challenge, s->mac_len } };
	int rc = gp_exchange(card, &c, &r, e);

	if (rc)
		return rc;
	if (r.sw != GP_OK)
		return gp_refused(card, "INITIALIZE UPDATE", c.ins, r.sw, e);
	rc = read_offer(card, &r, kvn, level, &offer, e);
	if (rc)
		return rc;
	context[1] = (struct bytes){ offer.challenge, s->mac_len };
	rc = derive_keys(s, k, context, e);
	if (rc == 0)
		rc = check_card(card, &offer, context, e);
	if (rc == 0)
		rc = check_sequence(card, k, &offer, e);
	if (rc == 0)
		rc = authenticate(card, level, context, e);
	return rc;
}

int gp_scp03_open_with(struct gp_card *card, const struct gp_keyset *k,
		       uint8_t kvn, unsigned int level,
		       const uint8_t *challenge, struct error *e)
{
	int rc = gp_session_begin(card, e);

	if (rc)
		return rc;
	card->session->mac_len = level & GP_S16 ? 16 : 8;
	rc = establish(card, k, kvn, level, challenge, e);
	if (rc)
		gp_close(card);
	return rc;
}

int gp_scp03_open(struct gp_card *card, const struct gp_keyset *k, uint8_t kvn,
		  unsigned int level, struct error *e)
{
	uint8_t challenge[BLOCK];
	int rc = check_level(level, e);

	if (rc)
		return rc;
	if (k->len != 16 && k->len != 24 && k->len != 32)
		return error_set(
			e, EINVAL,
			"the keys of a keyset have 16, 24 or 32 bytes, not %u",
			k->len);
	if (RAND_bytes(challenge, sizeof(challenge)) != 1)
		return error_set_ssl(e, EIO, "no random numbers");
	return gp_scp03_open_with(card, k, kvn, level, challenge, e);
}
