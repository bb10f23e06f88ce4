// SPDX-License-Identifier: MIT
/* SCP11a: Amendment F 1.3, 6 and 7, with the certificates in X.509. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/core_names.h>

#include "gp/internal.h"

#define CERTIFICATES 0xbf21
#define CONTROL 0xa6
#define PUBLIC_KEY 0x5f49
#define RECEIPT 0x86
#define POINT 65
#define COORDINATE 32

#define USAGE_MAC 0x34
#define USAGE_ALL 0x3c
#define KEY_TYPE_AES 0x88
#define DERIVED 5 /* receipt key, S-ENC, S-MAC, S-RMAC, S-DEK */

static X509 *take_certificate(const uint8_t **p, const uint8_t *end)
{
	return d2i_X509(NULL, p, end - *p);
}

/* Who is it? Its certificate as it gives it has to be the right one. */
static int identify(struct gp_card *card, const struct gp_scp11a *p,
		    EVP_PKEY **key, struct error *e)
{
	struct gp_response r;
	struct ber t;
	X509 *issuer = NULL, *own = NULL;
	const uint8_t *at, *end;
	int rc = gp_get_data(card, CERTIFICATES, &r, e);

	if (rc == 0)
		rc = ber_only(card, &r, CERTIFICATES, &t, e);
	if (rc)
		return rc;
	at = t.value;
	end = at + t.len;
	issuer = take_certificate(&at, end);
	own = issuer ? take_certificate(&at, end) : NULL;
	if (!own || at != end)
		rc = error_set_ssl(
			e, EPROTO,
			"%s: object BF21 is not two certificates: is it personalized?",
			gp_name(card));
	else if (p->card && X509_cmp(p->card, own))
		rc = error_set(
			e, EKEYREJECTED,
			"%s: it has another certificate than the one expected: was it personalized anew?",
			gp_name(card));
	else if (!p->card && !p->verify)
		rc = error_set(
			e, EINVAL,
			"nobody said which certificate the card should have");
	else if (p->verify)
		rc = p->verify(p->arg, issuer, own, e);
	if (rc == 0) {
		*key = X509_get_pubkey(own);
		if (!*key)
			rc = error_set_ssl(e, EPROTO,
					   "%s: no key in its certificate",
					   gp_name(card));
	}
	X509_free(issuer);
	X509_free(own);
	return rc;
}

/* PERFORM SECURITY OPERATION: 6.5 */
static int show_certificate(struct gp_card *card, X509 *cert, struct error *e)
{
	uint8_t *der = NULL;
	const int len = i2d_X509(cert, &der);
	struct gp_command c = { .cla = CLA_GP, .ins = INS_PSO };
	struct gp_response r;
	int rc;

	if (len <= 0)
		return error_set_ssl(e, EINVAL,
				     "cannot encode our certificate");
	c.data = der;
	c.len = (size_t)len;
	rc = gp_do(card, "our certificate (PERFORM SECURITY OPERATION)", &c, &r,
		   e);
	OPENSSL_free(der);
	return rc;
}

/* x of the common point */
static int agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t x[COORDINATE],
		 struct error *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t len = COORDINATE;
	int ok = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
		 EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
		 EVP_PKEY_derive(ctx, x, &len) > 0 && len == COORDINATE;

	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : error_set_ssl(e, EIO, "key agreement failed");
}

/* The key of a point of P-256; NULL when it is none. */
static EVP_PKEY *from_point(const uint8_t point[POINT])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
				       (char *)"P-256", 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point,
					POINT),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void control(const struct gp_scp11a *p, uint8_t usage, struct builder *b)
{
	static const uint8_t protocol[] = { 0x11, 0x01 },
			     type[] = { KEY_TYPE_AES };
	const uint8_t len[] = { p->key_len ? (uint8_t)p->key_len : GP_KEY_MAX };
	struct builder inner = { .len = 0 };

	builder_tlv(&inner, 0x90, protocol, sizeof(protocol));
	builder_tlv(&inner, 0x95, &usage, 1);
	builder_tlv(&inner, 0x80, type, sizeof(type));
	builder_tlv(&inner, 0x81, len, sizeof(len));
	builder_tlv(b, CONTROL, inner.data, inner.len);
}

/* The answer to MUTUAL AUTHENTICATE, taken apart. */
struct answer {
	struct bytes key; /* with tag and length */
	const uint8_t *point, *receipt;
};

static int read_answer(const struct gp_card *card, const struct gp_response *r,
		       struct answer *a, struct error *e)
{
	struct bytes in = { r->data, r->len };
	struct ber key, receipt;

	if (ber_take(&in, PUBLIC_KEY, &key) || key.len != POINT ||
	    ber_take(&in, RECEIPT, &receipt) || receipt.len != BLOCK || in.len)
		return error_set(
			e, EPROTO,
			"%s: the answer to MUTUAL AUTHENTICATE is not a public key and a receipt",
			gp_name(card));
	a->key = (struct bytes){ key.start,
				 (size_t)(key.value + key.len - key.start) };
	a->point = key.value;
	a->receipt = receipt.value;
	return 0;
}

/* Keys and receipt: 3.1.2, 5.5. @sent: control and our point */
static int derive(struct gp_card *card, const uint8_t secret[2 * COORDINATE],
		  const uint8_t info[3], const struct builder *sent,
		  const struct answer *a, struct error *e)
{
	struct gp_session *s = card->session;
	const size_t len = info[2];
	uint8_t keys[DERIVED * GP_KEY_MAX];
	int rc = gp_x963(&(struct bytes){ secret, 2 * COORDINATE },
			 &(struct bytes){ info, 3 }, keys, DERIVED * len, e);

	if (rc == 0)
		rc = gp_cmac(keys, len,
			     (const struct bytes[]){ { sent->data, sent->len },
						     a->key },
			     2, s->chain, e);
	if (rc == 0 && CRYPTO_memcmp(s->chain, a->receipt, BLOCK))
		rc = error_set(
			e, EKEYREJECTED,
			"%s: its receipt is wrong: it does not have the key of its certificate, or something changed the messages",
			gp_name(card));
	s->key_len = s->dek_len = (uint8_t)len;
	memcpy(s->enc, keys + len, len);
	memcpy(s->mac, keys + 2 * len, len);
	memcpy(s->rmac, keys + 3 * len, len);
	memcpy(s->dek, keys + 4 * len, len);
	OPENSSL_cleanse(keys, sizeof(keys));
	return rc;
}

/* What both sides can compute only with the keys of their certificates */
static int agree_twice(const struct gp_scp11a *p, EVP_PKEY *fresh,
		       EVP_PKEY *card_key, const struct gp_card *card,
		       const struct answer *a, uint8_t secret[2 * COORDINATE],
		       struct error *e)
{
	EVP_PKEY *peer = from_point(a->point);
	int rc;

	if (!peer)
		return error_set_ssl(
			e, EPROTO, "%s: its public key is not a point of P-256",
			gp_name(card));
	rc = agree(fresh, peer, secret, e);
	if (rc == 0)
		rc = agree(p->key, card_key, secret + COORDINATE, e);
	EVP_PKEY_free(peer);
	return rc;
}

/* MUTUAL AUTHENTICATE: 6.4 */
static int authenticate(struct gp_card *card, const struct gp_scp11a *p,
			EVP_PKEY *fresh, EVP_PKEY *card_key, struct error *e)
{
	const uint8_t info[] = { p->mac_only ? USAGE_MAC : USAGE_ALL,
				 KEY_TYPE_AES,
				 p->key_len ? (uint8_t)p->key_len :
					      GP_KEY_MAX };
	uint8_t point[POINT], secret[2 * COORDINATE];
	struct builder sent = { .len = 0 };
	struct gp_response r;
	struct answer a = { .point = NULL };
	size_t len = 0;
	int rc;

	if (!EVP_PKEY_get_octet_string_param(fresh,
					     OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
					     point, sizeof(point), &len) ||
	    len != POINT)
		return error_set_ssl(e, EIO, "cannot encode a fresh key");
	control(p, info[0], &sent);
	builder_tlv(&sent, PUBLIC_KEY, point, sizeof(point));
	rc = gp_do(card, "MUTUAL AUTHENTICATE",
		   &(struct gp_command){ CLA_GP, INS_EXTERNAL_AUTHENTICATE, 0,
					 0, sent.data, sent.len, LE_ALL },
		   &r, e);
	if (rc == 0)
		rc = read_answer(card, &r, &a, e);
	if (rc == 0)
		rc = agree_twice(p, fresh, card_key, card, &a, secret, e);
	if (rc == 0)
		rc = gp_session_begin(card, e);
	if (rc == 0) {
		rc = derive(card, secret, info, &sent, &a, e);
		card->session->mac_len = 8;
		card->session->level = p->mac_only ? GP_C_MAC | GP_R_MAC :
						     GP_LEVEL_FULL;
		card->session->opened.protocol = 0x11;
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	return rc;
}

int gp_scp11a_open(struct gp_card *card, const struct gp_scp11a *p,
		   struct error *e)
{
	EVP_PKEY *card_key = NULL, *fresh = NULL;
	int rc;

	gp_close(card);
	if (p->key_len && p->key_len != 16 && p->key_len != 32)
		return error_set(e, EINVAL,
				 "session keys have 16 or 32 bytes, not %u",
				 p->key_len);
	rc = identify(card, p, &card_key, e);
	if (rc == 0)
		rc = show_certificate(card, p->cert, e);
	if (rc == 0) {
		fresh = EVP_EC_gen("P-256");
		rc = fresh ? authenticate(card, p, fresh, card_key, e) :
			     error_set_ssl(e, EIO, "cannot make a fresh key");
	}
	if (rc)
		gp_close(card);
	EVP_PKEY_free(fresh);
	EVP_PKEY_free(card_key);
	return rc;
}
