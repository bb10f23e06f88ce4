// SPDX-License-Identifier: MIT
/* Applications: INSTALL, STORE DATA, DELETE, GET and SET STATUS: Card 2.3.1, 11. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "gp/internal.h"

#define FOR_INSTALL 0x0c /* and to make selectable */
#define FOR_PERSONALIZATION 0x20
#define LAST_BLOCK 0x80
#define DGI_BLOCK 0x08
/* Of a block: the command stays short also when encrypted, with a MAC of 16 bytes. */
#define STORE_ROOM 223

static int check_aid(size_t len, struct error *e)
{
	if (len >= 5 && len <= GP_AID_MAX)
		return 0;
	return error_set(e, EINVAL,
			 "a name of an application has 5 to 16 bytes, not %zu",
			 len);
}

static void put_lv(struct builder *b, const void *data, size_t len)
{
	builder_byte(b, (unsigned int)len);
	builder_put(b, data, len);
}

/* 11.5.2.3: file, module, application, privileges, parameters, token */
static int install(struct gp_card *card, const char *what, uint8_t p1,
		   const uint8_t *aid, size_t len, struct error *e)
{
	const int create = p1 == FOR_INSTALL;
	struct builder b = { .len = 0 };
	struct gp_response r;
	int rc = check_aid(len, e);

	if (rc == 0)
		rc = gp_need_session(card, what, e);
	if (rc)
		return rc;
	put_lv(&b, NULL, 0);
	put_lv(&b, NULL, 0);
	put_lv(&b, aid, len);
	put_lv(&b, "\x00", create ? 1 : 0);
	put_lv(&b, "\xc9\x00", create ? 2 : 0);
	put_lv(&b, NULL, 0);
	return gp_do(card, what,
		     &(struct gp_command){ CLA_GP, INS_INSTALL, p1, 0, b.data,
					   b.len, LE_ALL },
		     &r, e);
}

int gp_install(struct gp_card *card, const uint8_t *aid, size_t len,
	       struct error *e)
{
	return install(card, "INSTALL", FOR_INSTALL, aid, len, e);
}

int gp_personalize(struct gp_card *card, const uint8_t *aid, size_t len,
		   struct error *e)
{
	return install(card, "INSTALL for personalization", FOR_PERSONALIZATION,
		       aid, len, e);
}

/* Enciphers a key, which stands at @p with room for its padding. */
static int hide_key(struct gp_card *card, uint8_t *p, size_t len, size_t padded,
		    struct error *e)
{
	static const uint8_t zeros[BLOCK];
	const struct gp_session *s = card->session;
	int rc;

	memset(p + len, 0, padded - len);
	p[len] = 0x80;
	rc = gp_cbc(1, s->dek, s->dek_len, zeros, p, padded, e);
	if (rc)
		OPENSSL_cleanse(p, padded);
	return rc;
}

int gp_data_group(struct gp_card *card, uint16_t dgi, const uint8_t *data,
		  size_t len, struct gp_groups *g, struct error *e)
{
	const int key = dgi >> 12 == 8;
	const size_t padded = key ? len / BLOCK * BLOCK + BLOCK : len;
	const size_t head = padded < 0xff ? 3 : 5;
	uint8_t *p = g->data + g->len;
	int rc = key ? gp_need_session(card, "a key", e) : 0;

	if (rc)
		return rc;
	if (head + padded > sizeof(g->data) - g->len)
		return error_set(e, E2BIG,
				 "data group %04X: more than %zu bytes in all",
				 dgi, sizeof(g->data));
	*p++ = (uint8_t)(dgi >> 8);
	*p++ = (uint8_t)dgi;
	if (head == 5) {
		*p++ = 0xff;
		*p++ = (uint8_t)(padded >> 8);
	}
	*p++ = (uint8_t)padded;
	memcpy(p, data, len);
	if (key)
		rc = hide_key(card, p, len, padded, e);
	if (rc == 0)
		g->len += head + padded;
	return rc;
}

/* The bytes of the group at @p. */
static size_t group_size(const uint8_t *p)
{
	return p[2] == 0xff ? 5 + (size_t)(p[3] << 8 | p[4]) : 3 + (size_t)p[2];
}

/* A block has whole groups: as many as go into a short command, at least one. */
static size_t block_size(const struct gp_groups *g, size_t at)
{
	size_t n = group_size(g->data + at), more;

	while (at + n < g->len) {
		more = group_size(g->data + at + n);
		if (n + more > STORE_ROOM)
			break;
		n += more;
	}
	return n;
}

int gp_store_data(struct gp_card *card, const struct gp_groups *g,
		  struct error *e)
{
	struct gp_response r;
	unsigned int block = 0;
	int rc = gp_need_session(card, "STORE DATA", e);

	for (size_t at = 0, n; rc == 0 && at < g->len; at += n) {
		struct gp_command c = { .cla = CLA_GP, .ins = INS_STORE_DATA };

		n = block_size(g, at);
		if (block > 0xff)
			return error_set(
				e, E2BIG,
				"STORE DATA takes at most 256 blocks: personalize in two steps");
		c.p1 = DGI_BLOCK | (at + n == g->len ? LAST_BLOCK : 0);
		c.p2 = (uint8_t)block++;
		c.data = g->data + at;
		c.len = n;
		c.expected = LE_ALL;
		rc = gp_do(card, "STORE DATA", &c, &r, e);
	}
	return rc;
}

int gp_delete_application(struct gp_card *card, const uint8_t *aid, size_t len,
			  struct error *e)
{
	struct builder b = { .len = 0 };
	struct gp_response r;
	int rc = check_aid(len, e);

	if (rc == 0)
		rc = gp_need_session(card, "DELETE", e);
	if (rc)
		return rc;
	builder_tlv(&b, 0x4f, aid, len);
	return gp_do(card, "DELETE of the application",
		     &(struct gp_command){ CLA_GP, INS_DELETE, 0, 0, b.data,
					   b.len, LE_ALL },
		     &r, e);
}

/* 11.4.3.1: E3 { 4F name, 9F70 life cycle state, and more } */
static int read_application(struct bytes in, struct gp_application *a)
{
	struct ber t;
	int more;

	memset(a, 0, sizeof(*a));
	while ((more = ber_next(&in, &t)) == 1) {
		if (t.tag == 0x4f && t.len <= sizeof(a->aid)) {
			memcpy(a->aid, t.value, t.len);
			a->aid_len = (uint8_t)t.len;
		} else if (t.tag == 0x9f70 && t.len) {
			a->state = t.value[0];
		}
	}
	return more || !a->aid_len ? -1 : 0;
}

int gp_get_status(struct gp_card *card, uint8_t what,
		  struct gp_applications *list, struct error *e)
{
	static const uint8_t all[] = { 0x4f, 0 };
	const struct gp_command c = { CLA_GP, INS_GET_STATUS, what,  0x02,
				      all,    sizeof(all),    LE_ALL };
	struct gp_response r;
	struct bytes in;
	struct ber t;
	int rc = gp_send(card, &c, &r, e), more;

	list->count = 0;
	if (rc)
		return rc;
	if (r.sw == 0x6a88) /* there is none */
		return 0;
	if (r.sw != GP_OK)
		return gp_refused(card, "GET STATUS", c.ins, r.sw, e);
	in = (struct bytes){ r.data, r.len };
	while ((more = ber_next(&in, &t)) == 1) {
		if (t.tag != 0xe3 || list->count == GP_APPLICATIONS_MAX ||
		    read_application((struct bytes){ t.value, t.len },
				     &list->applications[list->count])) {
			more = -1;
			break;
		}
		list->count++;
	}
	if (more)
		return error_set(
			e, EPROTO,
			"%s: the answer to GET STATUS is not as it is documented",
			gp_name(card));
	return 0;
}

int gp_set_status(struct gp_card *card, uint8_t status, const uint8_t *data,
		  size_t len, struct gp_response *r, struct error *e)
{
	/* proof of an erasure at once: whoever relays it ends when the key is dead */
	const uint32_t expected = len ? LE_LONG : LE_ALL;
	const struct gp_command c = { CLA_GP,  INS_SET_STATUS, 0x80,
				      status,  data,	       len,
				      expected };
	int rc = gp_need_session(card, "SET STATUS", e);

	return rc ? rc : gp_do(card, "SET STATUS", &c, r, e);
}

int gp_get_challenge(struct gp_card *card, uint8_t *challenge, size_t len,
		     struct error *e)
{
	const struct gp_command c = { .cla = CLA_GP,
				      .ins = INS_GET_CHALLENGE,
				      .expected = (uint32_t)len };
	struct gp_response r;
	int rc = gp_do(card, "GET CHALLENGE", &c, &r, e);

	if (rc)
		return rc;
	if (r.len != len)
		return error_set(
			e, EPROTO,
			"%s: asked for a challenge of %zu bytes, it gave %zu",
			gp_name(card), len, r.len);
	memcpy(challenge, r.data, len);
	return 0;
}
