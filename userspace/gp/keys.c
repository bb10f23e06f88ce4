// SPDX-License-Identifier: MIT
/* PUT KEY and DELETE of keys: GlobalPlatform Card 2.3.1, 11.8 and 11.2; Amendment D, 7.2. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gp/internal.h"

#define KEY_TYPE_AES 0x88
#define PUT_ONE 0x01
#define PUT_THREE 0x81

/* A key under Key-DEK, behind it its check value, which @kcv gets too. */
static int put_key(struct gp_card *card, struct builder *b, const uint8_t *key,
		   size_t len, uint8_t kcv[GP_KCV_SIZE], struct error *e)
{
	static const uint8_t zeros[BLOCK];
	const struct gp_session *s = card->session;
	const size_t padded = (len + BLOCK - 1) / BLOCK * BLOCK;
	uint8_t secret[GP_KEY_MAX] = { 0 };
	int rc = gp_kcv(key, len, kcv, e);

	if (rc)
		return rc;
	if (len > s->dek_len) /* Amendment D, 6.2.8 */
		return error_set(
			e, EINVAL,
			"%s: a key of %zu bytes does not go under one of %u: open the channel with longer keys",
			gp_name(card), len, s->dek_len);
	memcpy(secret, key, len);
	rc = gp_cbc(1, s->dek, s->dek_len, zeros, secret, padded, e);
	if (rc == 0) {
		builder_byte(b, KEY_TYPE_AES);
		builder_byte(b, (unsigned int)(1 + padded));
		builder_byte(b, (unsigned int)len);
		builder_put(b, secret, padded);
		builder_byte(b, GP_KCV_SIZE);
		builder_put(b, kcv, GP_KCV_SIZE);
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	return rc;
}

/* The card has to answer with the version and the check values, @answer. */
static int send_keys(struct gp_card *card, uint8_t old, uint8_t p2,
		     const struct builder *b, const struct bytes *answer,
		     struct error *e)
{
	const struct gp_command c = { CLA_GP,  INS_PUT_KEY, old,   p2,
				      b->data, b->len,	    LE_ALL };
	struct gp_response r;
	int rc = gp_do(card, "PUT KEY", &c, &r, e);

	if (rc)
		return rc;
	if (r.len == answer->len && !memcmp(r.data, answer->data, r.len))
		return 0;
	return error_set(
		e, EPROTO,
		"%s: PUT KEY of version %02X was answered with other check values: ask for the key information, and put the key again",
		gp_name(card), answer->data[0]);
}

int gp_put_keyset(struct gp_card *card, uint8_t old, uint8_t kvn,
		  const struct gp_keyset *k, struct error *e)
{
	const uint8_t *const keys[] = { k->enc, k->mac, k->dek };
	uint8_t answer[1 + 3 * GP_KCV_SIZE] = { kvn };
	struct builder b = { .len = 0 };
	int rc = gp_need_session(card, "PUT KEY", e);

	builder_byte(&b, kvn);
	for (size_t i = 0; rc == 0 && i < 3; i++)
		rc = put_key(card, &b, keys[i], k->len,
			     answer + 1 + i * GP_KCV_SIZE, e);
	if (rc)
		return rc;
	return send_keys(card, old, PUT_THREE, &b,
			 &(struct bytes){ answer, sizeof(answer) }, e);
}

int gp_put_transaction_key(struct gp_card *card, uint8_t old,
			   const struct gp_transaction_key *k, struct error *e)
{
	uint8_t answer[1 + GP_KCV_SIZE] = { k->kvn };
	struct builder b = { .len = 0 }, limits = { .len = 0 };
	int rc = gp_need_session(card, "PUT KEY", e);

	builder_byte(&b, k->kvn);
	if (rc == 0)
		rc = put_key(card, &b, k->key, k->len, answer + 1, e);
	if (rc)
		return rc;
	builder_tlv(&limits, 0x80, &k->algorithm, 1);
	builder_tlv(&limits, 0x81, &k->directions, 1);
	builder_number(&limits, 0x8204, 2);
	builder_number(&limits, k->lifetime, 4);
	builder_number(&limits, 0x8308, 2);
	builder_number(&limits, k->messages, 8);
	builder_number(&limits, 0x8404, 2);
	builder_number(&limits, k->id, 4);
	builder_tlv(&b, 0xa5, limits.data, limits.len);
	return send_keys(card, old, PUT_ONE, &b,
			 &(struct bytes){ answer, sizeof(answer) }, e);
}

int gp_delete_key(struct gp_card *card, uint8_t kvn, struct error *e)
{
	const uint8_t data[] = { 0xd2, 1, kvn };
	const struct gp_command c = { CLA_GP, INS_DELETE,   0,	   0,
				      data,   sizeof(data), LE_ALL };
	struct gp_response r;
	int rc = gp_need_session(card, "DELETE", e);

	return rc ? rc : gp_do(card, "DELETE of the key", &c, &r, e);
}
